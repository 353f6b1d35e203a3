"""What the commands on the database share: how they reach it, and how they fail."""

import asyncio
import os
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit

import asyncpg
from rich.console import Console
from sqlalchemy.exc import DBAPIError

from ari_app.settings import Settings
from db.database import UNREACHABLE

T = TypeVar("T")


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what is wrong on standard error and end the command."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(message)
    raise SystemExit(code)


def with_database(work: Callable[[str], Coroutine[Any, Any, T]]) -> T:
    """Run the work with the database's URL; every way to fail becomes one line."""
    url = Settings().database_url.get_secret_value()
    if not url:
        fail("POLRI110_DATABASE_URL is not set: give postgresql://user:password@host:port/database")
    try:
        return asyncio.run(work(url))
    except UNREACHABLE as error:
        fail(what_failed(url, error))


def what_failed(url: str, error: BaseException) -> str:
    """One line: what is wrong with the database and what to do."""
    cause = _driver_error(error)
    match cause:
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedColumnError():
            return f"The database {place(url)} has not this version's tables: polri110 db upgrade"
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return f"The database {place(url)} refuses the user: check POLRI110_DATABASE_URL"
        case asyncpg.InvalidCatalogNameError():
            return f"There is no database {place(url)}: create it, or check POLRI110_DATABASE_URL"
        case OSError() | asyncpg.CannotConnectNowError() | asyncpg.InterfaceError():
            said = str(cause) or type(cause).__name__
            return f"The database {place(url)} cannot be reached: {said}"
        case _:
            return f"The database {place(url)}: {str(cause) or type(cause).__name__}"


def place(url: str) -> str:
    """Where the database is, without user and password."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.path.lstrip('/') or '?'} at {parts.hostname or 'the local socket'}{port}"
    except ValueError:
        return "of POLRI110_DATABASE_URL"


def aligned(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """A table as lines of text, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(headings, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (headings, *rows)
    ]


def operator() -> str:
    """Who runs the command, for the audit: POLRI110_OPERATOR, or the account of this machine."""
    return os.environ.get("POLRI110_OPERATOR") or os.environ.get("USER") or f"uid {os.getuid()}"


def _driver_error(error: BaseException) -> BaseException:
    if isinstance(error, DBAPIError) and error.orig is not None:
        return error.orig.__cause__ or error.orig
    return error
