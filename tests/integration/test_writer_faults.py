"""The writer while Postgres dies, hangs, restarts, or was never migrated: no event is lost."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from db.events import Event
from db.journal import Journal
from db.migrate import upgrade
from db.writer import Writer
from stack.ports import Ports
from stack.postgres import Postgres, running_postgres
from tests.sample_calls import connected_call, new_call_id

CALL_EVENTS = len(connected_call(""))


class Alarms:
    """Collects alarms and lets a test wait for one."""

    def __init__(self) -> None:
        self.raised: asyncio.Queue[str] = asyncio.Queue()

    def __call__(self, what: str, detail: str) -> None:
        self.raised.put_nowait(what)

    async def next(self) -> str:
        async with asyncio.timeout(30):
            return await self.raised.get()


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(tmp_path / "journal", "node-1.app-1")
    journal.start()
    yield journal
    await journal.close()


def writer(url: str, journal: Journal, alarms: Alarms) -> Writer:
    return Writer(
        url,
        journal,
        alarm=alarms,
        idle_seconds=0.01,
        statement_seconds=1.0,
        connect_seconds=1.0,
        longest_wait_seconds=0.2,
    )


def calls(count: int) -> list[Event]:
    return [event for _ in range(count) for event in connected_call(new_call_id())]


async def stored(url: str) -> int:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval("SELECT count(*) FROM events")
    finally:
        await connection.close()


async def end(task: asyncio.Task[None]) -> None:
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def server_processes(server: Postgres) -> list[psutil.Process]:
    assert server.child
    postmaster = psutil.Process(server.child.pid)
    return [postmaster, *postmaster.children(recursive=True)]


async def test_postgres_killed_and_restarted_under_load_loses_nothing(
    tmp_path: Path, ports: Ports, journal: Journal, alarms: Alarms
):
    port = ports.any()
    count = 0
    async with running_postgres(tmp_path / "data", port) as server:
        url = await server.ensure("polri110")
        await upgrade(url)
        shipping = writer(url, journal, alarms)
        task = asyncio.create_task(shipping.run())
        while shipping.health.shipped < 2000:
            journal.append(calls(5))
            count += 5
            await journal.flush()
        victims = server_processes(server)
        for victim in victims:
            os.kill(victim.pid, signal.SIGKILL)
        await asyncio.to_thread(psutil.wait_procs, victims, 10)
    assert await alarms.next() == "postgres_away"
    for _ in range(20):
        journal.append(calls(5))
        count += 5
        assert await journal.flush()
    assert shipping.health.away is not None

    async with running_postgres(tmp_path / "data", port):
        assert await alarms.next() == "postgres_back"
        assert await shipping.drain(30)
        await end(task)
        assert await stored(url) == count * CALL_EVENTS
        assert shipping.health.away is None


async def test_a_hung_postgres_is_left_and_found_again(
    tmp_path: Path, ports: Ports, journal: Journal, alarms: Alarms
):
    async with running_postgres(tmp_path / "data", ports.any(), fleeting=True) as server:
        url = await server.ensure("polri110")
        await upgrade(url)
        shipping = writer(url, journal, alarms)
        task = asyncio.create_task(shipping.run())
        journal.append(calls(1))
        assert await shipping.drain(10)
        hung = server_processes(server)
        for process in hung:
            process.suspend()
        try:
            journal.append(calls(10))
            assert await alarms.next() == "postgres_away"
            began = time.perf_counter()
            journal.append(calls(1))
            assert await journal.flush()
            assert time.perf_counter() - began < 0.5
        finally:
            for process in hung:
                process.resume()
        assert await alarms.next() == "postgres_back"
        assert await shipping.drain(30)
        await end(task)
        assert await stored(url) == 12 * CALL_EVENTS


async def test_a_database_without_tables_is_waited_for(
    empty_database_url: str, journal: Journal, alarms: Alarms
):
    shipping = writer(empty_database_url, journal, alarms)
    task = asyncio.create_task(shipping.run())
    journal.append(calls(3))
    assert await alarms.next() == "postgres_away"
    assert "calls" in str(shipping.health.away)
    await upgrade(empty_database_url)
    assert await alarms.next() == "postgres_back"
    assert await shipping.drain(10)
    await end(task)
    assert await stored(empty_database_url) == 3 * CALL_EVENTS
    assert shipping.health.refused == 0


async def test_a_connection_that_is_cut_in_the_middle_costs_nothing(
    database_url: str, journal: Journal, alarms: Alarms
):
    shipping = writer(database_url, journal, alarms)
    task = asyncio.create_task(shipping.run())
    admin = await asyncpg.connect(database_url)
    count = 0
    for _ in range(10):
        journal.append(calls(20))
        count += 20
        await journal.flush()
        await admin.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name LIKE 'polri110 writer%' AND datname = current_database()"
        )
    await admin.close()
    assert await shipping.drain(30)
    await end(task)
    assert await stored(database_url) == count * CALL_EVENTS


async def test_an_hour_of_calls_is_caught_up_at_more_than_1000_events_a_second(
    database_url: str, journal: Journal, alarms: Alarms
):
    journal.append(calls(400))
    await journal.flush()
    shipping = Writer(database_url, journal)
    began = time.perf_counter()
    assert await shipping.drain(60)
    rate = 400 * CALL_EVENTS / (time.perf_counter() - began)
    shipping.close()
    assert await stored(database_url) == 400 * CALL_EVENTS
    assert rate > 1000


async def test_draining_gives_up_when_postgres_stays_away(
    ports: Ports, journal: Journal, alarms: Alarms
):
    shipping = writer(f"postgresql://nobody@127.0.0.1:{ports.any()}/none", journal, alarms)
    journal.append(calls(1))
    began = time.perf_counter()
    assert not await shipping.drain(0.3)
    assert time.perf_counter() - began < 3
    assert await journal.count_unshipped() == CALL_EVENTS
