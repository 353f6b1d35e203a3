"""Connections to Postgres, with a bound on every wait."""

from collections.abc import Callable, Coroutine
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 30.0

UNREACHABLE = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # what it says when the server dies in the middle of an answer
    DBAPIError,
)
"""What Postgres being away, hung, restarting or refusing us raises."""


def connector(
    url: str,
    *,
    name: str,
    connect_seconds: float = CONNECT_SECONDS,
    statement_seconds: float = STATEMENT_SECONDS,
) -> Callable[[], Coroutine[Any, Any, asyncpg.Connection]]:
    """How a connection is opened to `postgresql://user:password@host:port/database`.

    name is shown in pg_stat_activity. No statement takes longer than statement_seconds: Postgres
    stops it, and should Postgres itself hang, the client does.
    """

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(
            url,
            timeout=connect_seconds,
            command_timeout=statement_seconds,
            server_settings={
                "application_name": f"polri110 {name}",
                "statement_timeout": str(int(statement_seconds * 1000)),
                "TimeZone": "UTC",
            },
        )

    return connect


def engine(
    url: str,
    *,
    name: str,
    pool_size: int = 2,
    connect_seconds: float = CONNECT_SECONDS,
    statement_seconds: float = STATEMENT_SECONDS,
) -> AsyncEngine:
    """A SQLAlchemy engine over asyncpg; connections are tested before they are used again."""
    return create_async_engine(
        "postgresql+asyncpg://",
        async_creator=connector(
            url, name=name, connect_seconds=connect_seconds, statement_seconds=statement_seconds
        ),
        pool_size=pool_size,
        max_overflow=0,
        pool_pre_ping=True,
        pool_timeout=connect_seconds,
    )
