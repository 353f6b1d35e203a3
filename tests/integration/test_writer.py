"""The writer: journals into Postgres, each event once, the same rows in whatever order."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from db.events import Event
from db.journal import Journal
from db.journal_file import JournalFile
from db.record import remake, store
from db.writer import Writer
from tests.sample_calls import BEGAN, abandoned_call, connected_call, events, new_call_id

TABLES = ("calls", "rungs", "legs", "recordings", "numbers")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(tmp_path / "journal", "node-1.app-1")
    journal.start()
    yield journal
    await journal.close()


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


@contextlib.contextmanager
def shipping(url: str, journal: Journal, **how: Any) -> Iterator[Writer]:
    writer = Writer(url, journal, **how)
    yield writer
    writer.close()


async def rows(connection: asyncpg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    return {
        table: sorted(
            (tuple(row) for row in await connection.fetch(f"SELECT * FROM {table}")), key=repr
        )
        for table in TABLES
    }


async def stored_events(connection: asyncpg.Connection) -> list[tuple[Any, ...]]:
    found = await connection.fetch("SELECT call_id, writer, seq FROM events ORDER BY 1, 2, 3")
    return [tuple(row) for row in found]


async def test_a_call_reaches_postgres_with_its_rows(
    journal: Journal, database_url: str, connection: asyncpg.Connection
):
    call = new_call_id()
    journal.append(connected_call(call))
    with shipping(database_url, journal) as writer:
        assert await writer.drain(10)
    assert len(await stored_events(connection)) == len(connected_call(call))
    row = await connection.fetchrow("SELECT * FROM calls")
    assert (row["call_id"], row["outcome"], row["unit"]) == (call, "connected", "polda-12")
    assert (row["began_at"], row["number"]) == (BEGAN, 6281234567890)
    assert row["plan"] == ["polres-1271", "polda-12", "mabes"]
    assert await connection.fetchval("SELECT array_agg(ended_reason ORDER BY rung) FROM rungs") == [
        "no_answer",
        "answered",
    ]
    assert await connection.fetchval("SELECT count(*) FROM legs") == 3
    assert await connection.fetchval("SELECT seconds FROM recordings") == 59.9
    seen = await connection.fetchrow("SELECT * FROM numbers")
    assert tuple(seen) == (6281234567890, BEGAN, BEGAN)
    assert await journal.count_unshipped() == 0


async def test_the_running_writer_ships_what_comes_and_stops_when_cancelled(
    journal: Journal, database_url: str, connection: asyncpg.Connection
):
    await connection.execute("LISTEN arrived")
    heard: asyncio.Queue[str] = asyncio.Queue()
    await connection.add_listener("arrived", lambda *said: heard.put_nowait(said[3]))
    await connection.execute("""
        CREATE FUNCTION tell() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN PERFORM pg_notify('arrived', NEW.call_id); RETURN NEW; END $$;
        CREATE TRIGGER told AFTER INSERT ON calls FOR EACH ROW EXECUTE FUNCTION tell();
    """)
    writer = asyncio.create_task(Writer(database_url, journal, idle_seconds=0.01).run())
    for _ in range(3):
        call = new_call_id()
        journal.append(abandoned_call(call))
        async with asyncio.timeout(10):
            assert await heard.get() == call
    writer.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writer


async def test_shipping_again_changes_nothing(
    journal: Journal, database_url: str, connection: asyncpg.Connection
):
    told = [*connected_call(new_call_id()), *abandoned_call(new_call_id())]
    await store(connection, told)
    before = await rows(connection), await stored_events(connection)
    versions = await connection.fetch("SELECT xmin, call_id FROM calls ORDER BY call_id")
    for batch in (told, told[5:9], told[::-1]):
        await store(connection, batch)
    assert (await rows(connection), await stored_events(connection)) == before
    assert [
        tuple(row)
        for row in await connection.fetch("SELECT xmin, call_id FROM calls ORDER BY call_id")
    ] == [tuple(row) for row in versions]


@pytest.mark.parametrize("seed", range(8))
async def test_any_cut_order_and_repetition_of_batches_gives_the_same_rows(
    connection: asyncpg.Connection, seed: int
):
    chance = random.Random(seed)
    calls = [new_call_id() for _ in range(3)]
    told = [
        *connected_call(calls[0]),
        *connected_call(calls[0], "dialplan"),
        *abandoned_call(calls[1], "+628999999999"),
        *events(calls[1], [(200, "ended", {"outcome": "failed"})], "node-1.app-2"),
        *abandoned_call(calls[2], "+628999999999"),
    ]
    await store(connection, told)
    expected = await rows(connection), await stored_events(connection)
    for table in ("calls", "numbers"):
        await connection.execute(f"TRUNCATE {table} CASCADE")

    cut: list[list[Event]] = []
    left = told + chance.sample(told, 20)
    chance.shuffle(left)
    while left:
        size = chance.randint(1, 12)
        cut.append(left[:size])
        left = left[size:]
    for batch in cut:
        await store(connection, batch)
    assert (await rows(connection), await stored_events(connection)) == expected


async def test_two_processes_telling_of_one_call_at_once_lose_nothing(
    database_url: str, connection: asyncpg.Connection
):
    calls = [new_call_id() for _ in range(5)]
    by_app = [event for call in calls for event in connected_call(call)]
    by_dialplan = [event for call in calls[::-1] for event in connected_call(call, "dialplan")]
    other = await asyncpg.connect(database_url)

    async def ship(over: asyncpg.Connection, told: list[Event]) -> None:
        for start in range(0, len(told), 7):
            await store(over, told[start : start + 7])

    async with asyncio.timeout(30):
        await asyncio.gather(ship(connection, by_app), ship(other, by_dialplan))
    concurrent = await rows(connection)
    assert len(await stored_events(connection)) == len(by_app) + len(by_dialplan)
    await remake(connection, calls)
    assert await rows(connection) == concurrent
    await other.close()


@pytest.mark.parametrize(
    "value",
    ["a\x00b", "\udc80", "🚓" * 5000, 10**400, float("inf"), -(2**63), {"\x00": "\x00"}],
    ids=lambda value: repr(value)[:12],
)
async def test_whatever_a_caller_sends_is_stored(
    journal: Journal, database_url: str, connection: asyncpg.Connection, value: Any
):
    call = new_call_id()
    data = {"number_raw": value, "number": value, "trunk": value, "x": [value]}
    journal.append(events(call, [(0, "arrived", data), (1, "ended", {"outcome": value})]))
    with shipping(database_url, journal) as writer:
        assert await writer.drain(10)
    assert len(await stored_events(connection)) == 2
    assert writer.health.refused == 0
    assert await connection.fetchval("SELECT outcome FROM calls") == "failed"


async def test_one_event_that_postgres_refuses_costs_no_other(
    journal: Journal, database_url: str, connection: asyncpg.Connection
):
    alarms: list[str] = []
    call = new_call_id()
    told = connected_call(call)
    refused = Event(call, "node-1.app-1", 2**40, BEGAN, "fault", {})
    journal.append([*told[:5], refused, *told[5:]])
    with shipping(database_url, journal, alarm=lambda what, _: alarms.append(what)) as writer:
        assert await writer.drain(10)
    assert len(await stored_events(connection)) == len(told)
    assert alarms == ["event_refused"]
    assert writer.health.refused == 1
    await journal.prune(BEGAN.replace(year=2030))
    assert [event.seq for event in await journal.events_of(call)] == [2**40]


async def test_what_a_dead_process_left_is_shipped_and_its_file_goes_when_it_is_old(
    journal: Journal, tmp_path: Path, database_url: str, connection: asyncpg.Connection
):
    for name in ("node-1.app-1.dead", "node-1.app-2.dead"):
        left = JournalFile(tmp_path / "journal" / f"{name}.sqlite")
        left.insert(connected_call(new_call_id(), name))
        left.close()
    journal.append(abandoned_call(new_call_id()))
    with shipping(database_url, journal, clock=lambda: BEGAN) as writer:
        assert await writer.ship_left() == 2 * len(connected_call(""))
    assert await connection.fetchval("SELECT count(*) FROM calls") == 2
    assert len(list((tmp_path / "journal").glob("*.sqlite"))) == 3

    with shipping(database_url, journal, clock=lambda: BEGAN.replace(year=2030)) as writer:
        assert await writer.ship_left() == 0
    assert [path.name for path in (tmp_path / "journal").glob("*.sqlite")] == [
        "node-1.app-1.sqlite"
    ]


async def test_a_living_process_journal_is_left_alone(
    journal: Journal, tmp_path: Path, database_url: str
):
    journal.append(abandoned_call(new_call_id()))
    await journal.flush()
    other = Journal(tmp_path / "journal", "node-1.app-2")
    other.start()
    with shipping(database_url, other) as writer:
        assert await writer.ship_left() == 0
    await other.close()
