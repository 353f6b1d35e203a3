"""The directory in Postgres: kept whole, changed with an audit, told to running services."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import orjson
import pytest

from db.directory_store import follow, load, save
from routing.directory import Desk, Directory, Level, Unit
from routing.geo import Point
from routing.nation import load_nation
from routing.units import national_directory

UNITS = (
    Unit("mabes", "Mabes Polri", Level.MABES, None),
    Unit("polda-12", "Polda Sumatera Utara", Level.POLDA, "mabes", point=Point(3.59, 98.67)),
    Unit(
        "polres-1271",
        "Polrestabes Medan",
        Level.POLRES,
        "polda-12",
        ring_seconds=12.5,
        kabupaten=("1271",),
        kecamatan=("120728", "120733"),
    ),
)
DESKS = (
    Desk("mabes-desk1", "mabes", contact="sip:110@10.0.0.1:5060"),
    Desk("polres-1271-desk1", "polres-1271", password="rahasia"),
    Desk("polres-1271-desk2", "polres-1271", password="rahasia2", enabled=False),
)
DIRECTORY = Directory.of(UNITS, DESKS)


def changed(**units: Unit) -> Directory:
    by_code = {unit.code: unit for unit in UNITS} | {u.code: u for u in units.values()}
    return Directory.of(by_code.values(), DESKS)


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def audited(connection: asyncpg.Connection) -> list[tuple[str, str, str, dict]]:
    rows = await connection.fetch("SELECT actor, action, subject, detail FROM audit ORDER BY id")
    return [(r["actor"], r["action"], r["subject"], orjson.loads(r["detail"])) for r in rows]


async def test_a_directory_comes_back_as_it_was(connection: asyncpg.Connection):
    assert await load(connection) is None
    change = await save(connection, DIRECTORY, actor="budi", reason="first import")
    assert (change.added, change.changed, change.removed) == (6, 0, 0)
    loaded = await load(connection)
    assert loaded == DIRECTORY
    assert list(loaded.units) == list(DIRECTORY.units)


async def test_the_whole_nation_is_kept_and_audited_as_one_import(connection: asyncpg.Connection):
    nation = national_directory(load_nation())
    began = time.perf_counter()
    change = await save(connection, nation, actor="make run", reason="national tables")
    assert time.perf_counter() - began < 20
    assert change.added > 500
    assert await load(connection) == nation
    [(actor, action, _, detail)] = await audited(connection)
    assert (actor, action, detail["reason"]) == (
        "make run",
        "directory.imported",
        "national tables",
    )
    assert detail["unit.added"] == len(nation.units)
    assert not await save(connection, nation, actor="make run", reason="again")


async def test_each_change_is_audited_and_no_password_is_readable(connection: asyncpg.Connection):
    await save(connection, DIRECTORY, actor="budi", reason="first")
    closed = replace(UNITS[2], opened=False)
    fewer = Directory.of((*UNITS[:2], closed), (DESKS[0], replace(DESKS[1], password="baru")))
    await save(connection, fewer, actor="siti", reason="desk 2 is broken")
    by_siti = [entry[1:] for entry in await audited(connection) if entry[0] == "siti"]
    assert by_siti == [
        (
            "unit.changed",
            "polres-1271",
            {
                "before": {"opened": True},
                "after": {"opened": False},
                "reason": "desk 2 is broken",
            },
        ),
        (
            "desk.changed",
            "polres-1271-desk1",
            {
                "before": {"password": "(secret)"},
                "after": {"password": "(secret)"},
                "reason": "desk 2 is broken",
            },
        ),
        (
            "desk.removed",
            "polres-1271-desk2",
            {
                "code": "polres-1271-desk2",
                "position": 2,
                "unit": "polres-1271",
                "contact": None,
                "password": "(secret)",
                "enabled": False,
                "reason": "desk 2 is broken",
            },
        ),
    ]
    said = await connection.fetchval("SELECT string_agg(detail::text, '') FROM audit")
    assert "rahasia" not in said
    assert "baru" not in said


async def test_what_is_audited_cannot_be_changed(connection: asyncpg.Connection):
    await save(connection, DIRECTORY, actor="budi", reason="first")
    for statement in ("UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"):
        with pytest.raises(asyncpg.RaiseError, match="never changed or deleted"):
            await connection.execute(statement)


async def test_a_save_that_fails_changes_nothing(connection: asyncpg.Connection):
    await save(connection, DIRECTORY, actor="budi", reason="first")
    await connection.execute(
        "ALTER TABLE desks ADD CONSTRAINT broken CHECK (code <> 'polda-12-desk1')"
    )
    more = Directory.of(
        (*UNITS[:2], replace(UNITS[2], name="Other")), (*DESKS, Desk("polda-12-desk1", "polda-12"))
    )
    with pytest.raises(asyncpg.CheckViolationError):
        await save(connection, more, actor="budi", reason="second")
    assert await load(connection) == DIRECTORY
    assert len(await audited(connection)) == 6


class Follower:
    """Follows the directory and gives what it was handed, one after the other."""

    def __init__(self, url: str, poll_seconds: float = 30.0) -> None:
        self._taken: asyncio.Queue[Directory] = asyncio.Queue()
        self.task = asyncio.create_task(follow(url, self._taken.put, poll_seconds=poll_seconds))

    async def next(self) -> Directory:
        async with asyncio.timeout(10):
            return await self._taken.get()

    @property
    def waiting(self) -> int:
        return self._taken.qsize()

    async def stop(self) -> None:
        self.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await self.task


@pytest.fixture
async def follower(database_url: str) -> AsyncIterator[Follower]:
    follower = Follower(database_url)
    yield follower
    await follower.stop()


async def test_a_change_reaches_a_running_service_within_2_seconds(
    connection: asyncpg.Connection, follower: Follower
):
    await save(connection, DIRECTORY, actor="budi", reason="first")
    assert await follower.next() == DIRECTORY
    renamed = changed(medan=replace(UNITS[2], name="Polrestabes Kota Medan"))
    began = time.perf_counter()
    await save(connection, renamed, actor="budi", reason="second")
    assert await follower.next() == renamed
    assert time.perf_counter() - began < 2


async def test_a_change_by_hand_reaches_it_too(connection: asyncpg.Connection, follower: Follower):
    await save(connection, DIRECTORY, actor="budi", reason="first")
    await follower.next()
    await connection.execute("UPDATE units SET opened = false WHERE code = 'polda-12'")
    assert not (await follower.next()).unit("polda-12").opened


async def test_a_directory_that_contradicts_itself_is_not_taken(
    connection: asyncpg.Connection, follower: Follower
):
    await save(connection, DIRECTORY, actor="budi", reason="first")
    await follower.next()
    await connection.execute("DELETE FROM desks WHERE unit = 'mabes'")
    await connection.execute("UPDATE units SET level = 'polsek' WHERE code = 'polda-12'")
    restored = changed(mabes=replace(UNITS[0], name="Mabes"))
    await save(connection, restored, actor="budi", reason="repaired")
    assert await follower.next() == restored


async def test_a_notification_that_was_missed_is_made_good_by_the_poll(
    database_url: str, connection: asyncpg.Connection
):
    await save(connection, DIRECTORY, actor="budi", reason="first")
    follower = Follower(database_url, poll_seconds=0.05)
    assert await follower.next() == DIRECTORY
    await connection.execute("ALTER TABLE units DISABLE TRIGGER tell_changed")
    await connection.execute("UPDATE units SET opened = false WHERE code = 'polda-12'")
    await connection.execute("UPDATE versions SET version = version + 1")
    assert not (await follower.next()).unit("polda-12").opened
    await follower.stop()


async def test_a_lost_connection_is_made_again(connection: asyncpg.Connection, follower: Follower):
    await save(connection, DIRECTORY, actor="budi", reason="first")
    await follower.next()
    await connection.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE application_name = 'polri110 watching directory' AND datname = current_database()"
    )
    renamed = changed(mabes=replace(UNITS[0], name="Mabes"))
    await save(connection, renamed, actor="budi", reason="second")
    assert await follower.next() == renamed
    assert follower.waiting == 0
