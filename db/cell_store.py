"""The table of radio cells in Postgres: written and read whole, millions of rows in seconds.

Rows go over the wire as binary COPY. All columns have a fixed width, so a row is 38 bytes, and
numpy makes them and takes them apart (PostgreSQL documentation, COPY, "Binary Format").
"""

import asyncio
import fcntl
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import NoReturn

import asyncpg
import numpy as np
import structlog
from numpy.typing import NDArray

from db.listen import watch
from routing.sources.cells import CellTable, table_version

POLL_SECONDS = 30.0
COPY_SECONDS = 900.0
NEVER_CHANGED = 1
"""The version of a table that nothing was ever put into."""

_ROW = np.dtype(
    [
        ("fields", ">i2"),
        ("key_bytes", ">i4"),
        ("key", ">i8"),
        ("lat_bytes", ">i4"),
        ("lat", ">i4"),
        ("lon_bytes", ">i4"),
        ("lon", ">i4"),
        ("range_bytes", ">i4"),
        ("range", ">i4"),
    ]
)
_HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_TRAILER = b"\xff\xff"
_COLUMNS = ("key", "lat", "lon", "range_m")
_ROWS_AT_ONCE = 50_000
_VERSION = "SELECT version FROM versions WHERE what = 'cells'"
_LOCK = "SELECT pg_advisory_xact_lock(110110112)"  # one import at a time

_log = structlog.get_logger(__name__)


async def save_cells(
    connection: asyncpg.Connection,
    table: CellTable,
    *,
    actor: str,
    reason: str,
    progress: Callable[[int], None] = lambda _rows: None,
) -> int:
    """Put the table in place of the one before, in one transaction, with an entry in the audit.

    progress is told of rows as they are sent. Returns the table's version. Readers of the former
    one wait no longer than the commit.
    """
    async with connection.transaction():
        await connection.execute(_LOCK)
        await connection.execute("TRUNCATE cells")
        await connection.copy_to_table(
            "cells",
            source=_rows(table, progress),
            columns=_COLUMNS,
            format="binary",
            timeout=COPY_SECONDS,
        )
        await connection.execute(
            "INSERT INTO audit (actor, action, subject, detail)"
            " VALUES ($1, 'cells.imported', 'cells',"
            " jsonb_build_object('cells', $2::bigint, 'reason', $3::text))",
            actor,
            len(table),
            reason,
        )
        return int(await connection.fetchval(_VERSION))


async def load_cells(connection: asyncpg.Connection) -> CellTable:
    """The whole table, with its version."""
    received = bytearray()

    async def take(data: bytes) -> None:
        received.extend(data)

    async with connection.transaction(isolation="repeatable_read", readonly=True):
        version = int(await connection.fetchval(_VERSION))
        await connection.copy_from_table(
            "cells", columns=_COLUMNS, output=take, format="binary", timeout=COPY_SECONDS
        )
    # Sorting millions of rows takes a second: not on the thread that conducts calls.
    return await asyncio.to_thread(_table, received, version)


async def follow_cells(url: str, path: Path, *, poll_seconds: float = POLL_SECONDS) -> NoReturn:
    """Keep this node's file of the table as it is in the database, until cancelled.

    Of a node's processes one fetches it (a file lock says which); all see the file change.
    """

    async def look(connection: asyncpg.Connection) -> None:
        wanted = int(await connection.fetchval(_VERSION))
        if wanted in (NEVER_CHANGED, await asyncio.to_thread(table_version, path)):
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = os.open(path.with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if await asyncio.to_thread(table_version, path) != wanted:
                table = await load_cells(connection)
                await asyncio.to_thread(table.save, path)
                _log.info("cells_fetched", cells=len(table), version=table.version)
        except BlockingIOError:
            return  # another process of this node fetches it
        finally:
            os.close(lock)

    await watch(url, "cells", look, poll_seconds=poll_seconds, statement_seconds=COPY_SECONDS)


async def _rows(table: CellTable, progress: Callable[[int], None]) -> AsyncIterator[bytes]:
    yield _HEADER
    keys, lat, lon, range_m = table.columns
    for first in range(0, len(table), _ROWS_AT_ONCE):
        part = slice(first, first + _ROWS_AT_ONCE)
        rows = np.empty(len(keys[part]), _ROW)
        rows["fields"], rows["key_bytes"] = 4, 8
        rows["lat_bytes"] = rows["lon_bytes"] = rows["range_bytes"] = 4
        rows["key"], rows["lat"] = keys[part], lat[part]
        rows["lon"], rows["range"] = lon[part], range_m[part]
        yield rows.tobytes()
        progress(len(rows))
    yield _TRAILER


def _table(received: bytearray, version: int) -> CellTable:
    body = memoryview(received)[len(_HEADER) : len(received) - len(_TRAILER)]
    rows: NDArray[np.void] = np.frombuffer(body, _ROW)
    rows = rows[np.argsort(rows["key"])]
    return CellTable(
        rows["key"].astype(np.uint64),
        rows["lat"].astype(np.int32),
        rows["lon"].astype(np.int32),
        rows["range"].astype(np.uint32),
        version,
    )
