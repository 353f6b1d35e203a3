"""The journal: durable, in order, never in a call's way."""

import asyncio
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from db.events import Event
from db.journal import Journal, JournalInUseError, writer_name

AT = datetime(2026, 1, 5, 3, 4, 5, 678901, tzinfo=UTC)


def event(call: str, seq: int, kind: str = "arrived", **data: Any) -> Event:
    return Event(call, "writer-1", seq, AT + timedelta(seconds=seq), kind, data)


def whole_call(call: str) -> list[Event]:
    kinds = ["arrived", "planned", "rung_started", "connected", "ended"]
    return [event(call, seq, kind) for seq, kind in enumerate(kinds, start=1)]


def stored(path: Path) -> list[tuple[str, int]]:
    with sqlite3.connect(path) as db:
        return db.execute("SELECT call_id, seq FROM event ORDER BY id").fetchall()


@pytest.fixture
async def journal(tmp_path: Path):
    journal = Journal(tmp_path, "writer-1", retry_disk_seconds=0.05)
    journal.start()
    yield journal
    await journal.close()


async def test_flushed_events_are_on_the_disk_in_their_order(journal: Journal, tmp_path: Path):
    journal.append(whole_call("a"))
    journal.append(whole_call("b"))
    assert await journal.flush()
    assert stored(tmp_path / "writer-1.sqlite") == [
        *(("a", seq) for seq in range(1, 6)),
        *(("b", seq) for seq in range(1, 6)),
    ]


async def test_events_are_written_without_anybody_asking(journal: Journal, tmp_path: Path):
    journal.append(whole_call("a"))
    async with asyncio.timeout(5):
        while not journal.health.written:  # noqa: ASYNC110 - nothing tells, which is the point
            await asyncio.sleep(0.005)
    assert len(stored(tmp_path / "writer-1.sqlite")) == 5


async def test_an_event_comes_back_as_it_was(journal: Journal):
    data = {"number_raw": '0812 \'; DROP TABLE "x" 🚓', "n": 3, "x": [1.5, None, True], "æ": {}}
    journal.append([event("a", 1, "arrived", **data)])
    assert await journal.events_of("a") == [event("a", 1, "arrived", **data)]


@pytest.mark.parametrize(
    "value", ["\udc80", float("nan"), 10**30, object(), {1, 2}, b"\xff", "\x00"], ids=repr
)
async def test_what_json_cannot_hold_costs_no_event(journal: Journal, value: Any):
    journal.append([event("a", 1, x=value), event("a", 2)])
    assert [e.seq for e in await journal.events_of("a")] == [1, 2]


async def test_a_thing_that_is_no_event_is_dropped_alone(journal: Journal):
    broken = Event("a", "w", 2, "yesterday", "arrived", {})  # type: ignore[arg-type]
    unnamed = Event(None, "w", 3, AT, "arrived", {})  # type: ignore[arg-type]
    journal.append([event("a", 1), broken, unnamed, event("a", 4)])
    assert await journal.flush()
    assert [e.seq for e in await journal.events_of("a")] == [1, 4]
    assert journal.health.dropped == 2


async def test_batches_are_shipped_once_and_in_order(journal: Journal):
    journal.append(whole_call("a") + whole_call("b"))
    first = await journal.unshipped(7)
    assert [(e.call_id, e.seq) for e in first.events][-1] == ("b", 2)
    await journal.mark_shipped(first)
    second = await journal.unshipped(7)
    assert [(e.call_id, e.seq) for e in second.events] == [("b", 3), ("b", 4), ("b", 5)]
    await journal.mark_shipped(second)
    await journal.mark_shipped(first)
    assert (await journal.unshipped(7)).events == []
    assert await journal.count_unshipped() == 0


async def test_a_call_is_open_until_it_has_ended(journal: Journal):
    journal.append([event("b", 1), event("a", 1), *whole_call("c")])
    journal.append([event("c", 6, "recording_finished"), event("b", 2, "ended")])
    journal.append([event("b", 3, "recording_finished")])
    assert await journal.open_calls() == ["a"]


async def test_a_call_that_the_dialplan_has_is_not_open(journal: Journal):
    journal.append([event("a", 1), event("a", 2, "handed_over"), event("a", 3, "leg_ended")])
    assert await journal.open_calls() == []
    await journal.mark_shipped(await journal.unshipped(100))
    assert await journal.prune(AT + timedelta(seconds=9)) == 3


async def test_pruning_leaves_what_is_young_open_or_not_shipped(journal: Journal):
    journal.append([*whole_call("old"), event("open", 1)])
    await journal.mark_shipped(await journal.unshipped(100))
    journal.append(whole_call("waits"))
    assert await journal.prune(AT + timedelta(seconds=4)) == 3
    assert [e.kind for e in await journal.events_of("old")] == ["connected", "ended"]
    assert len(await journal.events_of("open")) == 1
    assert len(await journal.events_of("waits")) == 5


async def test_what_comes_after_everything_was_pruned_is_shipped(journal: Journal):
    journal.append(whole_call("a"))
    await journal.mark_shipped(await journal.unshipped(100))
    assert await journal.prune(AT + timedelta(days=1)) == 5
    journal.append(whole_call("b"))
    assert [e.call_id for e in (await journal.unshipped(100)).events] == ["b"] * 5


async def test_a_refused_event_is_kept_for_good(journal: Journal):
    journal.append(whole_call("a"))
    batch = await journal.unshipped(10)
    await journal.note_refused(batch, 1, "invalid input")
    await journal.mark_shipped(batch)
    await journal.prune(AT + timedelta(days=1))
    assert [e.kind for e in await journal.events_of("a")] == ["planned"]


async def test_a_new_start_goes_on_with_the_file(tmp_path: Path):
    first = Journal(tmp_path, "writer-1")
    first.start()
    first.append([event("a", 1)])
    await first.close()
    second = Journal(tmp_path, "writer-1")
    second.start()
    second.append([event("b", 1)])
    assert await second.open_calls() == ["a", "b"]
    assert [e.call_id for e in (await second.unshipped(10)).events] == ["a", "b"]
    await second.close()


async def test_two_journals_of_one_name_are_refused(journal: Journal, tmp_path: Path):
    with pytest.raises(JournalInUseError, match="in use by another process"):
        Journal(tmp_path, "writer-1").start()


async def test_a_closed_journal_says_so(tmp_path: Path):
    journal = Journal(tmp_path, "writer-1")
    journal.start()
    await journal.close()
    with pytest.raises(RuntimeError, match="closed"):
        await journal.flush()


def test_no_two_starts_share_a_name():
    assert len({writer_name("node-1", "app-1") for _ in range(100)}) == 100
