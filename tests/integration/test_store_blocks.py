"""The block list in Postgres: audited, followed by every process within a second, never deleted."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncpg
import orjson
import pytest

from blocklist import store
from blocklist.follow import follow
from blocklist.index import BlockIndex
from blocklist.number import identify
from blocklist.policy import Verdict
from db.migrate import upgrade
from stack.ports import Ports
from stack.postgres import running_postgres

A, B, C = 6281234567890, 6281234567891, 622150001234
WHO = {"reason": "three pranks", "by": "Ipda Sari"}


class Followed(BlockIndex):
    """A block list that lets a test wait for its state."""

    def __init__(self) -> None:
        super().__init__()
        self._looked = asyncio.Event()
        self._loop = asyncio.get_running_loop()

    def replace(self, *whole: object) -> None:  # called on another thread
        super().replace(*whole)  # type: ignore[arg-type]
        self._loop.call_soon_threadsafe(self._looked.set)

    def apply(self, *changed: object) -> None:
        super().apply(*changed)  # type: ignore[arg-type]
        self._looked.set()

    async def until(self, key: int, blocked: bool | None) -> float:
        began = time.perf_counter()
        async with asyncio.timeout(10):
            while self.listed(key) is not blocked:
                self._looked.clear()
                await self._looked.wait()
        return time.perf_counter() - began


@asynccontextmanager
async def following(
    url: str, path: Path | None = None, poll_seconds: float = 30.0
) -> AsyncIterator[Followed]:
    index = Followed()
    task = asyncio.create_task(follow(url, index, path, poll_seconds=poll_seconds))
    try:
        yield index
    finally:
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_a_number_is_blocked_once_and_lifted_once(connection: asyncpg.Connection):
    assert await store.add(connection, A, **WHO, evidence=["call-1", "call-2"])
    assert not await store.add(connection, A, reason="again", by="Budi")
    block = await store.active(connection, A)
    assert block is not None
    assert (block.reason, block.made_by, block.evidence) == (
        "three pranks",
        "Ipda Sari",
        ["call-1", "call-2"],
    )
    assert await store.lift(connection, A, reason="appeal granted", by="Budi")
    assert not await store.lift(connection, A, reason="again", by="Budi")
    assert await store.active(connection, A) is None
    assert await store.add(connection, A, reason="fourth prank", by="Ipda Sari")
    told = [(b.reason, b.lifted_reason) for b in await store.history(connection, A)]
    assert told == [("three pranks", "appeal granted"), ("fourth prank", None)]


async def test_every_change_is_audited_with_who_and_why(connection: asyncpg.Connection):
    await store.add(connection, A, **WHO, evidence=["call-1"])
    await store.add(connection, A, **WHO)
    await store.lift(connection, A, reason="appeal", by="Budi")
    rows = await connection.fetch("SELECT * FROM audit ORDER BY id")
    assert [(r["actor"], r["action"], r["subject"]) for r in rows] == [
        ("Ipda Sari", "block.made", f"+{A}"),
        ("Budi", "block.lifted", f"+{A}"),
    ]
    assert orjson.loads(rows[0]["detail"])["evidence"] == ["call-1"]
    assert orjson.loads(rows[1]["detail"])["reason"] == "appeal"


async def test_a_block_is_never_deleted(connection: asyncpg.Connection):
    await store.add(connection, A, **WHO)
    with pytest.raises(asyncpg.RaiseError, match="never deleted"):
        await connection.execute("DELETE FROM blocks")


async def test_a_block_whose_end_has_come_makes_room_for_a_new_one(
    connection: asyncpg.Connection,
):
    past = datetime.now(UTC) - timedelta(seconds=1)
    await store.add(connection, A, **WHO, ends_at=past)
    assert await store.active(connection, A) is None
    assert not await store.lift(connection, A, reason="over anyway", by="Budi")
    assert await store.add(connection, A, reason="again", by="Budi")
    assert [b.lifted_at for b in await store.history(connection, A)] == [past, None]


@pytest.mark.parametrize("page", [1, 2, 1000])
async def test_the_whole_list_is_what_is_blocked_now(
    connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch, page: int
):
    monkeypatch.setattr(store, "PAGE_NUMBERS", page)
    end = datetime(2030, 1, 1, tzinfo=UTC)
    assert (await store.whole_list(connection)).keys.tolist() == []
    for number, ends_at in ((A, None), (B, end), (C, None)):
        await store.add(connection, number, **WHO, ends_at=ends_at)
    await store.lift(connection, A, reason="appeal", by="Budi")
    whole = await store.whole_list(connection)
    assert whole.keys.tolist() == sorted([B, C])
    assert whole.ends == {B: end.timestamp()}


async def test_a_change_is_known_to_every_process_within_a_second(
    database_url: str, connection: asyncpg.Connection
):
    await store.add(connection, B, **WHO)
    async with following(database_url) as one, following(database_url) as other:
        for index in (one, other):
            await index.until(B, True)
        for change, blocked in ((store.add, True), (store.lift, False), (store.add, True)):
            await change(connection, A, **WHO)
            for index in (one, other):
                assert await index.until(A, blocked) < 1
        assert one.check(identify("0812-3456-7890")).verdict is Verdict.BLOCKED
        assert len(one) == 2


async def test_a_change_made_by_hand_is_seen_too(database_url: str, connection: asyncpg.Connection):
    async with following(database_url) as index:
        await index.until(A, False)
        await connection.execute(
            "INSERT INTO blocks (number, reason, made_by) VALUES ($1, 'by hand', 'dba')", A
        )
        await index.until(A, True)
        await connection.execute("UPDATE blocks SET lifted_at = now()")
        await index.until(A, False)


async def test_a_missed_notification_is_made_good_by_the_poll(
    database_url: str, connection: asyncpg.Connection
):
    await connection.execute("ALTER TABLE blocks DISABLE TRIGGER tell_changed")
    async with following(database_url, poll_seconds=0.05) as index:
        await index.until(A, False)
        await store.add(connection, A, **WHO)
        await index.until(A, True)


async def test_a_change_committed_after_a_later_one_is_not_missed(
    database_url: str, connection: asyncpg.Connection
):
    """The slow transaction has the lower id: a reader that goes by the highest would miss it."""
    slow = await asyncpg.connect(database_url)
    async with following(database_url) as index:
        await index.until(A, False)
        async with slow.transaction():
            await store.add(slow, A, **WHO)
            await store.add(connection, B, **WHO)
            await index.until(B, True)
            assert index.listed(A) is False
        await index.until(A, True)
    await slow.close()


async def test_many_changes_at_once_are_loaded_whole(
    database_url: str, connection: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(store, "MOST_CHANGES", 10)
    async with following(database_url) as index:
        await index.until(A, False)
        await connection.execute(
            "INSERT INTO blocks (number, reason, made_by)"
            " SELECT $1::bigint + n, 'list', 'dba' FROM generate_series(0, 99) AS n",
            A,
        )
        await index.until(A + 99, True)
        assert len(index) == 100


async def test_blocked_stays_blocked_without_postgres_and_after_a_restart(
    tmp_path: Path, ports: Ports
):
    path = tmp_path / "blocked.snapshot"
    port = ports.any()
    async with running_postgres(tmp_path / "data", port, fleeting=True) as server:
        url = await server.ensure("polri110")
        await upgrade(url)
        connection = await asyncpg.connect(url)
        await store.add(connection, A, **WHO)
        async with following(url, path) as index:
            await index.until(A, True)
            await store.add(connection, B, **WHO)
            await store.lift(connection, A, reason="appeal", by="Budi")
            await index.until(A, False)
            await index.until(B, True)
        await connection.close()

    restarted = BlockIndex()
    restarted.load(path)
    assert [restarted.listed(number) for number in (A, B, C)] == [False, True, False]

    async with following(url, path) as without_postgres:
        without_postgres.load(path)
        async with running_postgres(tmp_path / "data", port, fleeting=True):
            connection = await asyncpg.connect(url)
            await store.add(connection, C, **WHO)
            assert without_postgres.listed(B) is True
            await without_postgres.until(C, True)
            await connection.close()


async def test_a_disk_that_fails_costs_nothing_but_the_snapshot(
    database_url: str, connection: asyncpg.Connection, tmp_path: Path
):
    (tmp_path / "file").write_text("")
    async with following(database_url, tmp_path / "file" / "snapshot") as index:
        await index.until(A, False)
        await store.add(connection, A, **WHO)
        await index.until(A, True)


async def test_marks_and_lifts_at_once_leave_one_truth(
    database_url: str, connection: asyncpg.Connection
):
    connections = [await asyncpg.connect(database_url) for _ in range(4)]

    async def churn(over: asyncpg.Connection, act: Callable[..., Awaitable[bool]]) -> None:
        for number in (A, B, C) * 5:
            await act(over, number, **WHO)

    async with following(database_url) as index:
        await index.until(A, False)
        async with asyncio.timeout(30):
            await asyncio.gather(
                *(
                    churn(over, act)
                    for over, act in zip(connections, (store.add, store.lift) * 2, strict=True)
                )
            )
        for number in (A, B, C):
            await index.until(number, await store.active(connection, number) is not None)
        active = await connection.fetchval("SELECT count(*) FROM blocks WHERE lifted_at IS NULL")
        assert len(index) == active
    for over in connections:
        await over.close()
