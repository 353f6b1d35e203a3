"""Changes are told to running services, whoever makes them; units that are a circle."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

STATEMENTS = (
    "ALTER TABLE units ADD COLUMN radius_m double precision",
    """
    CREATE TABLE versions (
        what text NOT NULL,
        version bigint NOT NULL,
        CONSTRAINT pk_versions PRIMARY KEY (what)
    )
    """,
    "INSERT INTO versions VALUES ('directory', 1)",
    # The row lock makes changes of the directory wait for each other, so that a reader who has
    # seen a version has seen all that came before it.
    """
    CREATE FUNCTION tell_directory_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        UPDATE versions SET version = version + 1 WHERE what = 'directory';
        PERFORM pg_notify('directory', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER tell_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON units
    FOR EACH STATEMENT EXECUTE FUNCTION tell_directory_changed()
    """,
    """
    CREATE TRIGGER tell_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON desks
    FOR EACH STATEMENT EXECUTE FUNCTION tell_directory_changed()
    """,
    """
    CREATE FUNCTION tell_blocks_changed() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_notify('blocks', '');
        RETURN NULL;
    END $$
    """,
    """
    CREATE TRIGGER tell_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON blocks
    FOR EACH STATEMENT EXECUTE FUNCTION tell_blocks_changed()
    """,
    # What is written down as done stays as it was written down.
    """
    CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'rows of % are never changed or deleted', TG_TABLE_NAME;
    END $$
    """,
    """
    CREATE TRIGGER never_changed BEFORE UPDATE OR DELETE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
    """,
)


def upgrade() -> None:
    """Add the column, the triggers and what they need."""
    for statement in STATEMENTS:
        op.execute(statement)
