"""Blocks: every change of a row is seen by those who follow, and none is deleted."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

STATEMENTS = (
    """
    CREATE INDEX ix_blocks_ends_at ON blocks (ends_at)
    WHERE lifted_at IS NULL AND ends_at IS NOT NULL
    """,
    """
    CREATE FUNCTION stamp_block() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.xid := pg_current_xact_id();
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER stamped BEFORE UPDATE ON blocks
    FOR EACH ROW EXECUTE FUNCTION stamp_block()
    """,
    """
    CREATE FUNCTION refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION 'rows of % are never deleted', TG_TABLE_NAME;
    END $$
    """,
    """
    CREATE TRIGGER never_deleted BEFORE DELETE ON blocks
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_deletion()
    """,
)


def upgrade() -> None:
    """Make the index and the triggers."""
    for statement in STATEMENTS:
        op.execute(statement)
