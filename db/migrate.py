"""The schema of the database: brought up to date, or compared with what this version needs.

Only one process migrates at a time (an advisory lock), all steps are one transaction, and a step
that would wait long for a table in use gives up rather than stop the service behind it.
"""

from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.dialects.postgresql.base import ischema_names

from db.database import engine
from db.models import Base, Xid8

OTHER_MIGRATION_SECONDS = 60
TABLE_LOCK_SECONDS = 5
STEP_SECONDS = 300
_LOCK_KEY = 110_110_110


@dataclass(frozen=True, slots=True)
class SchemaState:
    """revision: the database's, None before the first step. head: what this version needs."""

    revision: str | None
    head: str
    differences: tuple[str, ...] = ()

    @property
    def current(self) -> bool:
        """Whether this version can work with the database."""
        return self.revision == self.head


async def upgrade(url: str) -> str:
    """Bring the database up to date; gives the revision. Raises db.database.UNREACHABLE."""
    database = engine(url, name="migrate", statement_seconds=STEP_SECONDS)
    try:
        async with database.begin() as connection:
            await connection.run_sync(_upgrade)
    finally:
        await database.dispose()
    return head()


async def check(url: str) -> SchemaState:
    """Which revision the database has, and in what its tables differ from the models."""
    database = engine(url, name="check")
    try:
        async with database.connect() as connection:
            return await connection.run_sync(_check)
    finally:
        await database.dispose()


def head() -> str:
    """The revision that this version of the software needs."""
    found = ScriptDirectory.from_config(_config()).get_current_head()
    assert found is not None
    return found


def _config(connection: Connection | None = None) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def _upgrade(connection: Connection) -> None:
    connection.execute(text(f"SET LOCAL lock_timeout = '{OTHER_MIGRATION_SECONDS}s'"))
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK_KEY})
    connection.execute(text(f"SET LOCAL lock_timeout = '{int(1000 * TABLE_LOCK_SECONDS)}ms'"))
    command.upgrade(_config(connection), "head")


def _check(connection: Connection) -> SchemaState:
    ischema_names["xid8"] = Xid8  # a type that SQLAlchemy does not know when it reads a table
    context = MigrationContext.configure(connection)
    revision = context.get_current_revision()
    differences = compare_metadata(context, Base.metadata) if revision is not None else []
    return SchemaState(revision, head(), tuple(str(difference) for difference in differences))
