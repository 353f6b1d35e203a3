"""Keeps a process' block list as Postgres has it, and on the local disk for a start without it."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

import asyncpg
import structlog

from blocklist import snapshot
from blocklist.index import COMPACT_AT, BlockIndex
from blocklist.store import changes_since, whole_list
from db.listen import watch

POLL_SECONDS = 1.0
RELOAD_SECONDS = 6 * 3600.0  # whatever may have been missed is made good then

_log = structlog.get_logger(__name__)


async def follow(
    url: str,
    index: BlockIndex,
    path: Path | None = None,
    *,
    poll_seconds: float = POLL_SECONDS,
    reload_seconds: float = RELOAD_SECONDS,
) -> NoReturn:
    """Load the list and take every change within a second, until cancelled.

    While Postgres is away the index stays as it is. path is the local snapshot; a disk that fails
    is logged and costs nothing else.
    """
    reload_at = 0.0  # what a snapshot said is only for until the first look

    async def look(connection: asyncpg.Connection) -> None:
        nonlocal reload_at
        changed = None
        if index.position is not None and time.monotonic() < reload_at:
            changed = await changes_since(connection, index.position)
        if changed is None:
            whole = await whole_list(connection)
            await asyncio.to_thread(index.replace, whole.keys, whole.ends, whole.position)
            reload_at = time.monotonic() + reload_seconds
            await _on_disk(path, index.save)
            return
        changes, position = changed
        news = [change for change in changes if index.is_news(change)]
        index.apply(news, position)
        if index.changes > COMPACT_AT:
            await asyncio.to_thread(index.compact)
            await _on_disk(path, index.save)
        elif news:
            await _on_disk(path, lambda kept: snapshot.append(kept, news))

    await watch(url, "blocks", look, poll_seconds=poll_seconds, statement_seconds=60.0)


async def _on_disk(path: Path | None, write: Callable[[Path], None]) -> None:
    if path is None:
        return
    writing = asyncio.ensure_future(asyncio.to_thread(write, path))
    try:
        await asyncio.shield(writing)
    except asyncio.CancelledError:  # what this process has taken in must not be lost by its end
        await asyncio.wait([writing])
        raise
    except OSError as error:
        _log.error("block_list_not_kept", file=str(path), error=str(error))
