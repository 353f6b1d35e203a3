"""What Alembic runs; db.migrate gives it a connection that already holds the lock."""

from alembic import context
from sqlalchemy import Connection

from db.models import Base


def run(connection: Connection) -> None:
    """Run the steps in the connection's transaction."""
    context.configure(connection=connection, target_metadata=Base.metadata)
    with context.begin_transaction():
        context.run_migrations()


run(context.config.attributes["connection"])
