"""What the journal's thread does: events onto the disk, or kept in memory while the disk fails.

Single-threaded and without asyncio; db.journal runs it on a thread of its own.
"""

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import structlog

from db.events import Event
from db.journal_file import JournalFile
from db.journal_lock import WriterLock
from db.journal_repair import is_damage, must_reopen, open_or_repair, repair

Alarm = Callable[[str, str], None]
"""(what, detail); what: journal_failing, journal_recovered, journal_repaired, events_dropped,
event_unwritable. Called on the journal's own thread."""

WRITE_CHUNK = 2000
_NOT_AN_EVENT = (  # what writing an event that is not what it should be raises
    TypeError,
    ValueError,
    OverflowError,
    AttributeError,
    sqlite3.InterfaceError,
    sqlite3.ProgrammingError,
    sqlite3.IntegrityError,
)
ESSENTIAL_KINDS = frozenset({"arrived", "ended"})  # kept when memory has no room for the rest

_log = structlog.get_logger(__name__)


class JournalInUseError(RuntimeError):
    """Another living process writes the journal of that name: give each process its own."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Events to ship, oldest first. `positions` is None for events that are only in memory."""

    events: list[Event]
    positions: list[int] | None


class JournalDisk:
    """The file, the events that wait for it, and what is wrong with it (`failing`, or None)."""

    def __init__(
        self, path: Path, *, alarm: Alarm | None, memory_events: int, retry_seconds: float
    ) -> None:
        self.path = path
        self.waiting: deque[Event] = deque()
        self.failing: str | None = None
        self.written = 0
        self.dropped = 0
        self._alarm = alarm
        self._memory_events = memory_events
        self._retry_seconds = retry_seconds
        self._retry_at = 0.0
        self._lock = WriterLock(path)
        self._file: JournalFile | None = None

    def open(self) -> None:
        """Open the file; a disk that fails raises no error here, only the alarm.

        Raises JournalInUseError when another living process has the file.
        """
        try:
            if not self._lock.acquire():
                raise JournalInUseError(f"journal {self.path} is in use by another process")
            self._open_file()
        except (sqlite3.Error, OSError) as error:
            self.fail(error)

    def take(self, events: Iterable[Event]) -> None:
        """Take events into memory, up to the bound."""
        dropped = 0
        for event in events:
            bound = self._memory_events * (2 if event.kind in ESSENTIAL_KINDS else 1)
            if len(self.waiting) < bound:
                self.waiting.append(event)
            else:
                dropped += 1
        if dropped:
            self.dropped += dropped
            self._raise_alarm("events_dropped", f"{dropped} events: the disk fails, memory is full")

    def write(self) -> None:
        """Put everything that waits onto the disk; while it fails, try again now and then."""
        if self.failing is not None and time.monotonic() < self._retry_at:
            return
        try:
            file = self._file or self._open_file()
            while self.waiting:
                chunk = [self.waiting[i] for i in range(min(WRITE_CHUNK, len(self.waiting)))]
                self._insert(file, chunk)
                for _ in chunk:
                    self.waiting.popleft()
                self.written += len(chunk)
        except (sqlite3.Error, OSError) as error:
            self.fail(error)
            return
        if self.failing is not None:
            self.failing = None
            self._raise_alarm("journal_recovered", str(self.path))

    def fail(self, error: Exception) -> None:
        """The disk did not do what was asked; a file that is broken is set aside."""
        self._retry_at = time.monotonic() + self._retry_seconds
        if isinstance(error, sqlite3.Error) and must_reopen(error):
            self._close_file()
            if is_damage(error):
                self._repair()
        if self.failing is None:
            self._raise_alarm("journal_failing", f"{self.path}: {error}")
        self.failing = str(error)

    def unshipped(self, limit: int) -> Batch:
        """From the file first, since its events are older; then from memory. Raises sqlite3.Error
        when the file cannot be read."""
        stored = self._file.unshipped(limit) if self._file else []
        if stored or not self.waiting:
            return Batch([event for _, event in stored], [position for position, _ in stored])
        return Batch([self.waiting[i] for i in range(min(limit, len(self.waiting)))], None)

    def mark_shipped(self, batch: Batch) -> None:
        """The batch is in Postgres."""
        if batch.positions is None:
            for event in batch.events:
                if self.waiting and self.waiting[0] is event:
                    self.waiting.popleft()
        elif batch.positions and self._file:
            self._file.mark_shipped(batch.positions[-1])

    def note_refused(self, batch: Batch, index: int, error: str) -> None:
        """Postgres refuses that event of the batch; it is kept in the file for good."""
        if batch.positions is not None and self._file:
            self._file.note_refused(batch.positions[index], error)

    def events_of(self, call_id: str) -> list[Event]:
        """Events of one call, those that still wait for the disk among them."""
        stored = self._file.events_of(call_id) if self._file else []
        return stored + [event for event in self.waiting if event.call_id == call_id]

    def open_calls(self) -> list[str]:
        """Calls begun and not ended in this file, oldest first."""
        return self._file.open_calls() if self._file else []

    def count_unshipped(self) -> int:
        """How many events wait for Postgres."""
        return len(self.waiting) + (self._file.count_unshipped() if self._file else 0)

    def prune(self, before: datetime) -> int:
        """Delete shipped events of ended calls older than `before`."""
        return self._file.prune(before) if self._file else 0

    def close(self) -> None:
        """Close the file and give the lock back."""
        self._close_file()
        self._lock.release()

    def _insert(self, file: JournalFile, events: list[Event]) -> None:
        try:
            file.insert(events)
        except _NOT_AN_EVENT as error:
            # One event is not what it should be: the others must not suffer for it.
            if len(events) > 1:
                for event in events:
                    self._insert(file, [event])
                return
            self.dropped += 1
            self._raise_alarm("event_unwritable", f"{events[0]!r:.500}: {error}")

    def _open_file(self) -> JournalFile:
        self._file, aside = open_or_repair(self.path)
        if aside is not None:
            self._raise_alarm("journal_repaired", f"damaged file kept as {aside}")
        return self._file

    def _repair(self) -> None:
        try:
            self._file, aside = repair(self.path)
        except (sqlite3.Error, OSError) as error:
            _log.error("journal_repair_failed", path=str(self.path), error=str(error))
        else:
            self._retry_at = 0.0
            self._raise_alarm("journal_repaired", f"damaged file kept as {aside}")

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _raise_alarm(self, what: str, detail: str) -> None:
        log = _log.info if what == "journal_recovered" else _log.error
        log(what, detail=detail)
        if self._alarm is not None:
            try:
                self._alarm(what, detail)
            except Exception:  # an alarm that fails must not stop the journal
                _log.exception("alarm_failed", what=what)
