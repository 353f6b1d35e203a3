"""The command `polri110`: every part's own commands under one name."""

import sys

import cyclopts
from pydantic import ValidationError
from rich.console import Console

from ari_app.settings import Settings

app = cyclopts.App(
    name="polri110",
    help="""The system behind Indonesia's police emergency number 110.

    Settings come from POLRI110_* variables (docs/settings.md).

    Examples:

        polri110 serve                     conduct the calls of one Asterisk
        polri110 calls list --limit 20     the latest calls
        polri110 route --lat 3.5952 --lon 98.6722
    """,
    version_flags=["--version"],
)


@app.command
def serve() -> None:
    """Conduct the calls of one Asterisk until SIGTERM.

    Needs POLRI110_ARI_PASSWORD, and POLRI110_DATABASE_URL for the record to reach Postgres.
    """
    from ari_app.service import run  # the other commands start faster without it

    run(_settings())


def _settings() -> Settings:
    try:
        return Settings()
    except ValidationError as error:
        for fault in error.errors():
            name = "_".join(str(part) for part in fault["loc"]).upper()
            Console(stderr=True).print(f"POLRI110_{name}: {fault['msg']} (docs/settings.md)")
        sys.exit(2)


def main() -> None:
    """Entry point."""
    app()
