"""`polri110 db`: the tables of the database."""

import cyclopts

from db.command_line import fail, place, with_database
from db.migrate import check as check_schema
from db.migrate import upgrade as upgrade_schema

app = cyclopts.App(
    name="db",
    help="""The tables of the database that POLRI110_DATABASE_URL names.

    For example:

        polri110 db upgrade      make them, or bring them up to date
        polri110 db check        whether this version can work with them
    """,
    help_format="plaintext",
)


@app.command
def upgrade() -> None:
    """Bring the tables up to date; safe while the service runs, and to run twice."""
    revision = with_database(upgrade_schema)
    print(f"revision {revision}")


@app.command
def check() -> None:
    """Compare the tables with what this version needs; exits 1 when they differ."""

    async def checked(url: str) -> None:
        state = await check_schema(url)
        if not state.current:
            fail(
                f"The database {place(url)} is at revision {state.revision or 'none'}, this version"
                f" needs {state.head}: polri110 db upgrade"
            )
        if state.differences:
            fail("The tables differ from this version's:\n  " + "\n  ".join(state.differences))
        print(f"revision {state.revision}: as this version needs it")

    with_database(checked)
