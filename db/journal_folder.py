"""The journals of all processes of a node: what those left behind that have died.

A process that is killed leaves its file; any other process ships it and, in the end, deletes it.
"""

import asyncio
import contextlib
import sqlite3
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import structlog

from db.events import Event
from db.journal_disk import Batch
from db.journal_file import JournalFile, read_rows
from db.journal_lock import WriterLock
from db.journal_repair import open_or_repair

_log = structlog.get_logger(__name__)


class LeftJournal:
    """A dead process' journal, held by this process while it ships it."""

    def __init__(self, file: JournalFile, lock: WriterLock) -> None:
        self.path = file.path
        self._file = file
        self._lock = lock

    async def unshipped(self, limit: int) -> Batch:
        """As Journal.unshipped."""
        stored = await asyncio.to_thread(self._file.unshipped, limit)
        return Batch([event for _, event in stored], [position for position, _ in stored])

    async def mark_shipped(self, batch: Batch) -> None:
        """As Journal.mark_shipped."""
        if batch.positions:
            await asyncio.to_thread(self._file.mark_shipped, batch.positions[-1])

    async def note_refused(self, batch: Batch, index: int, error: str) -> None:
        """As Journal.note_refused."""
        if batch.positions:
            await asyncio.to_thread(self._file.note_refused, batch.positions[index], error)

    def delete_if_done(self, before: datetime) -> bool:
        """Delete the file when all of it is shipped, nothing refused, and its last event old."""
        last_at = self._file.last_at()
        if self._file.count_unshipped() or self._file.count_refused():
            return False
        if last_at is not None and last_at >= before:
            return False
        self._file.close()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self._lock.path.unlink(missing_ok=True)
        return True

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()
        self._lock.release()


def take_left(directory: Path) -> Iterator[LeftJournal]:
    """The journals whose process is dead, one after the other, each let go before the next."""
    for path in sorted(directory.glob("*.sqlite")):
        lock = WriterLock(path)
        if not lock.acquire():
            continue
        try:
            file, _ = open_or_repair(path)
        except (sqlite3.Error, OSError) as error:
            _log.error("left_journal_unreadable", path=str(path), error=str(error))
            lock.release()
            continue
        left = LeftJournal(file, lock)
        try:
            yield left
        finally:
            left.close()


def events_of(directory: Path, call_id: str) -> list[Event]:
    """Everything that any process of this node wrote of one call, by time. Blocking."""
    found: list[Event] = []
    for path in sorted(directory.glob("*.sqlite")):
        with _reading(path) as db:
            found += [event for _, event in read_rows(db, "WHERE call_id = ?", (call_id,))]
    return sorted(found, key=lambda event: (event.at, event.writer, event.seq))


def open_calls(directory: Path, begun_in: Iterable[Path] | None = None) -> dict[str, list[Event]]:
    """Calls that some process of this node began and none has ended, with their events.

    begun_in: only those begun in these journals; the events are looked for in all. Blocking; a
    file that cannot be read is passed over with an error in the log.
    """
    begun: set[str] = set()
    for path in sorted(directory.glob("*.sqlite") if begun_in is None else begun_in):
        with _reading(path) as db:
            begun.update(row[0] for row in db.execute("SELECT call_id FROM open_call"))
    found = {call: events_of(directory, call) for call in sorted(begun)}
    return {
        call: events
        for call, events in found.items()
        if not any(event.kind == "ended" for event in events)
    }


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[sqlite3.Connection]:
    try:
        with contextlib.closing(sqlite3.connect(path, timeout=1.0, isolation_level=None)) as db:
            yield db
    except sqlite3.Error as error:
        _log.error("journal_unreadable", path=str(path), error=str(error))
