"""The cell table in Postgres: written and read whole, fetched by nodes that run."""

import asyncio
import contextlib
import time
from pathlib import Path

import asyncpg
import numpy as np

from db.cell_store import follow_cells, load_cells, save_cells
from routing.sources.cells import CellTable, read_cells, table_version

ROWS = (
    "LTE,510,10,6699,39104273,0,98.4854,3.6001,1500,3,1,1,1,-90",
    "GSM,510,1,170,4660,0,123.6070,-10.1772,800,3,1,1,1,-90",
)
TABLE = CellTable.of(read_cells(ROWS))


def same(one: CellTable, other: CellTable) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one.columns, other.columns, strict=True))


async def test_a_table_comes_back_as_it_was_and_its_import_is_audited(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    sent: list[int] = []
    version = await save_cells(
        connection, TABLE, actor="budi", reason="import of 510.csv", progress=sent.append
    )
    again = await load_cells(connection)
    assert same(again, TABLE)
    assert again.version == version
    assert sent == [2]
    row = await connection.fetchrow("SELECT actor, action, detail ->> 'cells' AS n FROM audit")
    assert tuple(row) == ("budi", "cells.imported", "2")
    await connection.close()


async def test_an_import_that_breaks_off_leaves_the_table_before(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    await save_cells(connection, TABLE, actor="budi", reason="first")

    def breaks_off(_rows: int) -> None:
        raise RuntimeError("cut")

    with contextlib.suppress(RuntimeError):
        await save_cells(connection, TABLE, actor="budi", reason="2", progress=breaks_off)
    await connection.close()
    connection = await asyncpg.connect(database_url)
    assert same(await load_cells(connection), TABLE)
    await connection.close()


async def test_a_running_node_fetches_a_new_table_within_two_seconds(
    database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / "cells.npz"
    following = asyncio.create_task(follow_cells(database_url, path))
    connection = await asyncpg.connect(database_url)
    for table in (TABLE, CellTable.of(read_cells(ROWS[:1]))):
        version = await save_cells(connection, table, actor="budi", reason="import")
        deadline = time.monotonic() + 2
        while table_version(path) != version:
            assert time.monotonic() < deadline
            await asyncio.sleep(0.02)
        assert same(CellTable.load(path), table)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    await connection.close()
