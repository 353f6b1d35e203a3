"""The journal when the disk fails: calls go on, the alarm is raised, what can be saved is."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest

from db.events import Event
from db.journal import Journal
from db.journal_file import JournalFile

AT = datetime(2026, 1, 5, tzinfo=UTC)

WRITE_UNTIL_KILLED = """
import asyncio, sys
from datetime import UTC, datetime
from pathlib import Path
from db.events import Event
from db.journal import Journal

async def main(directory):
    journal = Journal(directory, "victim")
    journal.start()
    seq = 0
    while True:
        for _ in range(20):
            seq += 1
            event = Event("call", "victim", seq, datetime.now(UTC), "rung", {"x": "y" * 99})
            journal.append([event])
        await journal.flush()
        print(seq, flush=True)

asyncio.run(main(Path(sys.argv[1])))
"""


def events(first: int, last: int, kind: str = "rung_started") -> list[Event]:
    return [Event("call", "w", seq, AT, kind, {"seq": seq}) for seq in range(first, last + 1)]


class Alarms:
    """Collects alarms and lets a test wait for one."""

    def __init__(self) -> None:
        self.raised: list[str] = []
        self._changed = threading.Condition()

    def __call__(self, what: str, detail: str) -> None:
        with self._changed:
            self.raised.append(what)
            self._changed.notify_all()

    async def wait_for(self, what: str) -> None:
        assert await asyncio.to_thread(self._wait_for, what), f"no {what} in {self.raised}"

    def _wait_for(self, what: str) -> bool:
        with self._changed:
            return self._changed.wait_for(lambda: what in self.raised, timeout=10)


@pytest.fixture
def alarms() -> Alarms:
    return Alarms()


@pytest.fixture
async def journal(tmp_path: Path, alarms: Alarms):
    journal = Journal(
        tmp_path / "journal", "w", alarm=alarms, retry_disk_seconds=0.02, memory_events=100
    )
    yield journal
    await journal.close()


def test_everything_flushed_survives_kill_9(tmp_path: Path):
    for _ in range(3):
        victim = subprocess.Popen(
            [sys.executable, "-c", WRITE_UNTIL_KILLED, str(tmp_path)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert victim.stdout
        lines = [victim.stdout.readline() for _ in range(40)]
        victim.send_signal(signal.SIGKILL)
        lines += victim.stdout.readlines()
        victim.stdout.close()
        victim.wait()
        flushed = int(lines[-1])
        file = JournalFile(tmp_path / "victim.sqlite")
        kept = [e.seq for e in file.events_of("call")]
        assert kept == list(range(1, len(kept) + 1))
        assert len(kept) >= flushed >= 800
        file.close()
        (tmp_path / "victim.sqlite").unlink()


async def test_a_full_disk_is_alarmed_and_events_are_shipped_from_memory(
    journal: Journal, alarms: Alarms, monkeypatch: pytest.MonkeyPatch
):
    journal.start()
    journal.append(events(1, 5))
    assert await journal.flush()
    fill_disk(journal)
    journal.append([Event("call", "w", seq, AT, "x", {"x": "y" * 5000}) for seq in range(6, 9)])
    assert not await journal.flush()
    assert alarms.raised == ["journal_failing"]
    assert journal.health.failing == "database or disk is full"
    assert journal.health.waiting == 3

    on_disk = await journal.unshipped(10)
    assert [e.seq for e in on_disk.events] == [1, 2, 3, 4, 5]
    free_disk(journal)
    await alarms.wait_for("journal_recovered")
    assert alarms.raised == ["journal_failing", "journal_recovered"]
    assert journal.health.failing is None
    assert [e.seq for e in await journal.events_of("call")] == list(range(1, 9))


async def test_memory_is_shipped_once_when_there_is_no_disk(tmp_path: Path, journal: Journal):
    (tmp_path / "journal").write_text("a file where the directory should be")
    journal.start()
    journal.append(events(1, 5))
    assert not await journal.flush()
    batch = await journal.unshipped(3)
    assert [e.seq for e in batch.events] == [1, 2, 3]
    await journal.mark_shipped(batch)
    await journal.mark_shipped(batch)
    assert [e.seq for e in (await journal.unshipped(10)).events] == [4, 5]


async def test_memory_is_bounded_and_keeps_arrivals_and_outcomes(
    tmp_path: Path, journal: Journal, alarms: Alarms
):
    (tmp_path / "journal").write_text("")
    journal.start()
    journal.append(events(1, 120))
    journal.append(events(121, 125, kind="ended"))
    assert not await journal.flush()
    assert journal.health.dropped == 20
    assert "events_dropped" in alarms.raised
    held = [e.kind for e in (await journal.unshipped(1000)).events]
    assert held == ["rung_started"] * 100 + ["ended"] * 5


async def test_the_disk_coming_back_is_noticed_without_a_new_event(
    tmp_path: Path, journal: Journal, alarms: Alarms
):
    (tmp_path / "journal").write_text("")
    journal.start()
    journal.append(events(1, 5))
    assert not await journal.flush()
    (tmp_path / "journal").unlink()
    await alarms.wait_for("journal_recovered")
    assert [e.seq for e in await journal.events_of("call")] == [1, 2, 3, 4, 5]


async def test_a_file_that_is_no_database_is_set_aside_at_the_start(
    tmp_path: Path, journal: Journal, alarms: Alarms
):
    (tmp_path / "journal").mkdir()
    (tmp_path / "journal" / "w.sqlite").write_bytes(b"not a database at all" * 100)
    journal.start()
    journal.append(events(1, 2))
    assert await journal.flush()
    assert alarms.raised == ["journal_repaired"]
    assert (tmp_path / "journal" / "w.damaged-1").exists()


async def test_what_can_be_read_of_a_damaged_file_is_carried_over(
    tmp_path: Path, journal: Journal, alarms: Alarms
):
    path = tmp_path / "journal" / "w.sqlite"
    file = JournalFile(path)
    file.insert([Event("call", "w", seq, AT, "x", {"x": "y" * 400}) for seq in range(1, 1001)])
    file.close()
    with path.open("r+b") as raw:
        raw.seek(path.stat().st_size // 2)
        raw.write(b"\xde\xad" * 4096)
    journal.start()
    journal.append([Event("call", "w", 2000, AT, "x", {})])
    await journal.flush()
    with pytest.raises(sqlite3.DatabaseError):
        await journal.unshipped(5000)
    assert await journal.flush()
    kept = [e.seq for e in (await journal.unshipped(5000)).events]
    assert kept == sorted(kept)
    assert {1, 1000, 2000} <= set(kept)
    assert len(kept) > 900
    assert "journal_repaired" in alarms.raised


async def test_an_alarm_that_fails_does_not_stop_the_journal(tmp_path: Path):
    alarms = Alarms()

    def broken(what: str, detail: str) -> None:
        alarms(what, detail)
        raise RuntimeError("pager is down")

    (tmp_path / "journal").write_text("")
    journal = Journal(tmp_path / "journal", "w", alarm=broken, retry_disk_seconds=0.02)
    journal.start()
    journal.append(events(1, 1))
    assert not await journal.flush()
    (tmp_path / "journal").unlink()
    await alarms.wait_for("journal_recovered")
    assert await journal.flush()
    await journal.close()


def fill_disk(journal: Journal) -> None:
    """SQLite's own limit gives the very error that a full disk gives (SQLITE_FULL)."""
    _pragma(journal, "PRAGMA max_page_count=1")


def free_disk(journal: Journal) -> None:
    _pragma(journal, "PRAGMA max_page_count=1000000")


def _pragma(journal: Journal, statement: str) -> None:
    file = journal._disk._file
    assert file
    file._db.execute(statement)
