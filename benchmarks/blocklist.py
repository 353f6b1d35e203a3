"""Measures the block list at 10 million numbers: `python -m benchmarks.blocklist`.

Beside it, in the same run, a plain Python set of integers and a query to Postgres. The numbers are
like those of Indonesia's mobile networks; half of those that are asked for are on the list. Takes
about four minutes and 3 GB of disk. Prints a table, or with --json {"results": [...]}.
"""

import asyncio
import gc
import io
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np

from benchmarks.results import Figure, table
from blocklist import snapshot, store, transfer
from blocklist.index import BlockIndex
from blocklist.number import identify
from blocklist.sorted_numbers import Keys
from db.migrate import upgrade
from stack.ports import Ports
from stack.postgres import running_postgres

NUMBERS = 10_000_000
IMPORTED = 1_000_000
ASKED = 100_000
QUERIES = 5_000
PREFIXES = (811, 812, 813, 821, 822, 823, 851, 852, 853, 855, 856, 857, 858, 859, 877, 878, 881)


def numbers(count: int) -> Keys:
    """That many different mobile numbers, sorted."""
    chance = np.random.default_rng(110)
    found = np.empty(0, np.uint64)
    prefixes = np.array([62_000 + prefix for prefix in PREFIXES], np.uint64)
    while len(found) < count:
        made = chance.choice(prefixes, count) * 10**8 + chance.integers(0, 10**8, count, np.uint64)
        found = np.sort(np.concatenate([found, made]))
        found = found[np.concatenate([[True], found[1:] != found[:-1]])]
    return np.sort(chance.permutation(found)[:count])


def asked(keys: Keys) -> list[int]:
    """Numbers to ask for, one half on the list, in random order."""
    chance = np.random.default_rng(7)
    on_it = chance.choice(keys, ASKED // 2)
    beside = chance.choice(keys, ASKED // 2) + np.uint64(1)
    return [int(key) for key in chance.permutation(np.concatenate([on_it, beside]))]


def main() -> None:
    """Run the measures, those of memory each in an interpreter that has done nothing else."""
    if sys.argv[1:] and sys.argv[1] in MEASURES:
        print(json.dumps(MEASURES[sys.argv[1]](Path(sys.argv[2]))))
        return
    with tempfile.TemporaryDirectory(prefix="polri110-blocklist-") as place:
        path = Path(place) / "blocked.snapshot"
        keys = numbers(NUMBERS)
        snapshot.write(path, snapshot.Snapshot(keys, {}, None))
        index, plain = (_measured(measure, path) for measure in ("index", "set"))
        database = asyncio.run(measure_postgres(Path(place), keys))
    figures = [
        Figure(
            "block_check_10m_us",
            index["check_us"],
            plain["check_us"],
            "us",
            f"median; peer: a Python set; a query to Postgres: {database['query_us']:.0f} us",
        ),
        Figure("block_index_10m_mb", index["mb"], plain["mb"], "MB", "peer: a Python set"),
        Figure(
            "block_snapshot_load_10m_seconds",
            index["load_seconds"],
            plain["load_seconds"],
            "s",
            "from the local file; peer: the same file into a set",
        ),
        Figure(
            "block_load_10m_seconds",
            database["load_seconds"],
            database["fetch_seconds"],
            "s",
            "from Postgres; peer: SELECT into a set",
        ),
        Figure(
            "block_import_1m_seconds",
            database["import_seconds"],
            None,
            "s",
            "a CSV file, checked line by line, into Postgres",
        ),
        Figure("block_identify_us", index["identify_us"], None, "us", "the facts of an INVITE"),
    ]
    if "--json" in sys.argv:
        print(json.dumps({"results": [_row(figure) for figure in figures]}, indent=2))
    else:
        from rich.console import Console

        Console().print(table(figures))


def measure_index(path: Path) -> dict[str, float]:
    """The index, loaded as a process without Postgres loads it."""
    before = _resident_mb()
    index = BlockIndex()
    began = time.perf_counter()
    index.load(path)
    loaded = time.perf_counter() - began
    megabytes = _resident_mb() - before
    wanted = [f"+{key}" for key in asked(index.keys())]
    facts = [identify(number) for number in wanted]
    return {
        "load_seconds": loaded,
        "mb": megabytes,
        "check_us": _median_us(index.check, facts),
        "identify_us": _median_us(identify, wanted),
    }


def measure_set(path: Path) -> dict[str, float]:
    """The same list as a set of integers."""
    before = _resident_mb()
    began = time.perf_counter()
    found = snapshot.read(path)
    plain = set(found.keys.tolist())
    loaded = time.perf_counter() - began
    wanted = asked(found.keys)
    del found
    megabytes = _resident_mb() - before
    return {
        "load_seconds": loaded,
        "mb": megabytes,
        "check_us": _median_us(plain.__contains__, wanted),
    }


async def measure_postgres(place: Path, keys: Keys) -> dict[str, float]:
    """Import, whole load and single queries, against a Postgres of this run's own."""
    ports = Ports()
    async with running_postgres(place / "postgres", ports.any(), fleeting=True) as server:
        url = await server.ensure("polri110")
        await upgrade(url)
        connection = await asyncpg.connect(url, command_timeout=600)
        try:
            return {
                "import_seconds": await _import(connection, keys[:: NUMBERS // IMPORTED]),
                **await _whole(connection, keys),
            }
        finally:
            await connection.close()
            ports.close()


async def _import(connection: asyncpg.Connection, keys: Keys) -> float:
    lines = io.StringIO("number\n" + "\n".join("0" + str(key)[2:] for key in keys.tolist()))
    began = time.perf_counter()
    rows = transfer.read_rows(lines, "benchmark")
    done = await transfer.import_rows(connection, rows, by="benchmark", source="benchmark")
    seconds = time.perf_counter() - began
    assert done.added == len(keys)
    return seconds


async def _whole(connection: asyncpg.Connection, keys: Keys) -> dict[str, float]:
    await connection.execute("TRUNCATE blocks")
    # Filling it is not measured: without the indexes that the load does not use, it is quicker.
    await connection.execute(
        "DROP INDEX ix_blocks_number_made_at, ix_blocks_xid, ix_blocks_ends_at"
    )
    await connection.copy_records_to_table(
        "blocks",
        records=((key, "benchmark", "benchmark") for key in keys.tolist()),
        columns=("number", "reason", "made_by"),
    )
    await connection.execute("VACUUM ANALYZE blocks")

    began = time.perf_counter()
    index = BlockIndex()
    whole = await store.whole_list(connection)
    index.replace(whole.keys, whole.ends, whole.position)
    load_seconds = time.perf_counter() - began
    assert len(index) == NUMBERS
    del index, whole

    began = time.perf_counter()
    select = "SELECT number FROM blocks WHERE lifted_at IS NULL"
    plain = {row[0] for row in await connection.fetch(select)}
    fetch_seconds = time.perf_counter() - began
    assert len(plain) == NUMBERS
    del plain

    query = await connection.prepare(
        "SELECT EXISTS (SELECT FROM blocks WHERE number = $1 AND lifted_at IS NULL)"
    )
    taken = []
    for key in asked(keys)[:QUERIES]:
        began_ns = time.perf_counter_ns()
        await query.fetchval(key)
        taken.append(time.perf_counter_ns() - began_ns)
    return {
        "load_seconds": load_seconds,
        "fetch_seconds": fetch_seconds,
        "query_us": statistics.median(taken) / 1000,
    }


def _measured(measure: str, path: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.blocklist", measure, str(path)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(printed)
    return found


def _median_us(asks: Callable[[Any], object], wanted: Sequence[Any]) -> float:
    taken = []
    for each in wanted:
        began = time.perf_counter_ns()
        asks(each)
        taken.append(time.perf_counter_ns() - began)
    return statistics.median(taken) / 1000


def _resident_mb() -> float:
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096 / 1e6


def _row(figure: Figure) -> dict[str, object]:
    return {
        "name": figure.name,
        "ours": None if figure.ours is None else round(figure.ours, 3),
        "peer": None if figure.peer is None else round(figure.peer, 3),
        "unit": figure.unit,
        "note": figure.note,
    }


MEASURES = {"index": measure_index, "set": measure_set}

if __name__ == "__main__":
    main()
