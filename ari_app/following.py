"""What changes while a process runs: the directory and the cells in Postgres, files of this node.

Changes in Postgres are told by NOTIFY and looked for at every poll; files are looked at once a
second. Whatever fails here leaves calls to go by what was known before.
"""

import asyncio
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

import structlog

from ari_app.knowledge import (
    BOUNDARIES,
    CELLS,
    DIRECTORY_SNAPSHOT,
    Knowing,
    read_boundaries,
    read_cells,
    read_directory,
)
from db.database import UNREACHABLE, connector
from db.directory_store import follow, seed

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0

Stamp = tuple[int, int, int] | None


async def follow_directory(knowing: Knowing, url: str) -> NoReturn:
    """Go by the directory in Postgres; one that has none is given this node's."""
    try:
        connection = await connector(url, name="directory")()
        try:
            directory = knowing.known.directory
            if await seed(connection, directory, actor="service", reason="first start"):
                log.info("directory_put", units=len(directory.units))
        finally:
            await connection.close()
    except UNREACHABLE as error:
        log.warning("directory_waits", error=str(error) or repr(error))
    await follow(url, knowing.take_directory)


async def follow_files(knowing: Knowing, *, with_directory: bool) -> NoReturn:
    """Take boundaries and cells whenever their files change, until cancelled.

    with_directory: the directory's too, for a node without Postgres.
    """
    readers: dict[str, tuple[Callable[[Path], Any], Callable[[Any], None]]] = {
        BOUNDARIES: (read_boundaries, knowing.use_boundaries),
        CELLS: (read_cells, knowing.use_cells),
    }
    if with_directory:
        readers[DIRECTORY_SNAPSHOT] = (
            read_directory,
            lambda found: None if found is None else knowing.use_directory(found),
        )
    seen = _stamps(knowing.data_dir, readers)
    while True:
        await asyncio.sleep(LOOK_SECONDS)
        now = _stamps(knowing.data_dir, readers)
        for name, (read, use) in readers.items():
            if now[name] != seen[name]:
                use(await asyncio.to_thread(read, knowing.data_dir))
        seen = now


def _stamps(data_dir: Path, names: Mapping[str, Any]) -> dict[str, Stamp]:
    return {name: _stamp(data_dir / name) for name in names}


def _stamp(path: Path) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
