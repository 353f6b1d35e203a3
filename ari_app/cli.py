"""The command `polri110`: every part's own commands under one name."""

import sys
from typing import NoReturn

import cyclopts
from pydantic import ValidationError

from ari_app.settings import Settings

app = cyclopts.App(
    name="polri110",
    help="""The system behind Indonesia's police emergency number 110.

    Settings come from POLRI110_* variables (docs/settings.md).

    For example:

        polri110 serve                     conduct the calls of one Asterisk
        polri110 agi                       stand in when no application answers
        polri110 aml                       receive where phones say they are
        polri110 calls list --limit 20     the latest calls
        polri110 route --lat 3.5952 --lon 98.6722
    """,
    help_format="plaintext",
    version_flags=["--version"],
)


# Read from their modules when they are asked for: each part knows its own commands.
app.command(
    "routing.commands:directory_app",
    name="directory",
    help="Units and desks: show, prove, export, import.",
)
app.command("routing.route_commands:route_app", name="route", help="Where a call would go.")
app.command("routing.cells_commands:cells_app", name="cells", help="The table of mobile cells.")
app.command(
    "ari_app.render_commands:app",
    name="asterisk",
    help="Asterisk's configuration and announcements.",
)
app.command("blocklist.commands:app", name="blocklist", help="Numbers that may not ring a desk.")
app.command("db.commands:app", name="calls", help="What happened to calls.")
app.command("db.schema_commands:app", name="db", help="The schema of the database.")


@app.command
def serve() -> None:
    """Conduct the calls of one Asterisk until SIGTERM.

    Needs POLRI110_ARI_PASSWORD, and POLRI110_DATABASE_URL for the record to reach Postgres.
    """
    from ari_app.client.errors import AriError  # the other commands start faster without them
    from ari_app.service import run

    settings = _settings()
    try:
        run(settings)
    except AriError as error:
        _fail(f"{settings.ari_url}: {error}")
    except OSError as error:
        _fail(f"cannot start: {error}")


@app.command
def agi() -> None:
    """Answer FastAGI until SIGTERM: the way of a call when no application takes it."""
    from agi.service import run

    settings = _settings()
    try:
        run(settings)
    except OSError as error:
        _fail(f"cannot start: {error} (POLRI110_AGI_PORT is {settings.agi_port})")


@app.command
def aml() -> None:
    """Receive AML reports (where a phone says it is) by HTTP or HTTPS until SIGTERM.

    Reports reach the calls of this node, and with POLRI110_DATABASE_URL those of all nodes.
    """
    import asyncio

    from ari_app.aml_receiver import receive

    settings = _settings()
    try:
        asyncio.run(receive(settings))
    except OSError as error:
        _fail(
            f"cannot start: {error} (POLRI110_AML_PORT is {settings.aml_port},"
            f" POLRI110_AML_CERTIFICATE {settings.aml_certificate or 'not set'})"
        )


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for fault in error.errors():
            name = "_".join(str(part) for part in fault["loc"]).upper()
            print(f"POLRI110_{name}: {fault['msg']} (docs/settings.md)", file=sys.stderr)
        sys.exit(2)


def _fail(message: str) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(1)


def main() -> None:
    """Entry point."""
    app()
