"""Looks at the database whenever something there may have changed.

NOTIFY is only a hint, and may be missed: behind it stands a look at every poll, and one at each
new connection. The connection is one of its own, and is made again whenever it is lost.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import NoReturn

import asyncpg
import structlog

from db.database import CONNECT_SECONDS, UNREACHABLE, connector

LONGEST_WAIT_SECONDS = 5.0

_log = structlog.get_logger(__name__)

Look = Callable[[asyncpg.Connection], Awaitable[None]]


async def watch(
    url: str,
    channel: str,
    look: Look,
    *,
    poll_seconds: float,
    statement_seconds: float = 30.0,
    longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
) -> NoReturn:
    """Call `look` at once, at each NOTIFY of the channel and every poll_seconds, until cancelled.

    What `look` raises of db.database.UNREACHABLE means that Postgres is away: it is called again
    with a new connection. Anything else is passed on.
    """
    connect = connector(
        url,
        name=f"watching {channel}",
        connect_seconds=CONNECT_SECONDS,
        statement_seconds=statement_seconds,
    )
    failures = 0
    while True:
        connection: asyncpg.Connection | None = None
        try:
            connection = await connect()
            hint = asyncio.Event()
            await connection.add_listener(channel, lambda *_, hint=hint: hint.set())
            # A connection that is lost while nothing is looked at must not wait for the poll.
            connection.add_termination_listener(lambda _, hint=hint: hint.set())
            while True:
                hint.clear()  # before the look: what is told during it is looked at again
                await look(connection)
                if failures:
                    _log.info("watching_again", channel=channel)
                    failures = 0
                await _either(hint, poll_seconds)
        except UNREACHABLE as error:
            if not failures:
                _log.warning("watching_failed", channel=channel, error=str(error) or repr(error))
            failures += 1
        finally:
            if connection is not None:
                connection.terminate()
        wait = min(longest_wait_seconds, 0.1 * float(1 << min(failures, 10)))
        await asyncio.sleep(wait * random.uniform(0.5, 1.0))  # noqa: S311 - not in step


async def _either(hint: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await hint.wait()
    except TimeoutError:
        return
