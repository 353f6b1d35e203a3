"""The table of radio cells."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

STATEMENTS = (
    # Millions of rows, read whole: fixed-width columns only, so that a reader takes them as they
    # come (db/cell_store.py). `key` is that of routing.sources.cells.
    """
    CREATE TABLE cells (
        key bigint NOT NULL,
        lat integer NOT NULL,
        lon integer NOT NULL,
        range_m integer NOT NULL,
        CONSTRAINT pk_cells PRIMARY KEY (key)
    )
    """,
    "INSERT INTO versions VALUES ('cells', 1)",
    """
    CREATE FUNCTION tell_cells_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE versions SET version = version + 1 WHERE what = 'cells';
        PERFORM pg_notify('cells', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER tell_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON cells
    FOR EACH STATEMENT EXECUTE FUNCTION tell_cells_changed()
    """,
)


def upgrade() -> None:
    """Make the table and its trigger."""
    for statement in STATEMENTS:
        op.execute(statement)
