"""The journal: every event of this process, durable on the local disk before it counts.

`append` only puts events into memory, so a call never waits for a disk. A thread of the journal's
own writes them in groups: one fsync for all that arrived meanwhile. When the disk fails, calls go
on: events stay in memory up to a bound, are shipped to Postgres from there, and the alarm is
raised.
"""

import asyncio
import os
import secrets
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from db.events import Event
from db.journal_disk import Alarm, Batch, JournalDisk, JournalInUseError

__all__ = ["Alarm", "Batch", "Journal", "JournalHealth", "JournalInUseError", "writer_name"]

T = TypeVar("T")

GROUP_COMMIT_SECONDS = 0.05
RETRY_DISK_SECONDS = 1.0
MEMORY_EVENTS = 200_000


@dataclass(frozen=True, slots=True)
class JournalHealth:
    """waiting: events not durable yet. dropped: lost for good. failing: the disk's error."""

    waiting: int
    written: int
    dropped: int
    failing: str | None


def writer_name(node: str, app: str) -> str:
    """A name that no other start of any process has: its events can always be counted from 1."""
    started = time.strftime("%Y%m%dT%H%M%S", time.gmtime())
    # In a container the pid is the same at every start.
    return f"{node}.{app}.{started}.{os.getpid()}-{secrets.token_hex(3)}"


class Journal:
    """The journal of one process, in `<directory>/<writer>.sqlite`.

    The reading methods raise sqlite3.Error while the disk fails, and RuntimeError once the journal
    is closed.
    """

    def __init__(
        self,
        directory: Path,
        writer: str,
        *,
        alarm: Alarm | None = None,
        memory_events: int = MEMORY_EVENTS,
        group_commit_seconds: float = GROUP_COMMIT_SECONDS,
        retry_disk_seconds: float = RETRY_DISK_SECONDS,
    ) -> None:
        self.directory = directory
        self.writer = writer
        self._disk = JournalDisk(
            directory / f"{writer}.sqlite",
            alarm=alarm,
            memory_events=memory_events,
            retry_seconds=retry_disk_seconds,
        )
        self._group_commit_seconds = group_commit_seconds
        self._retry_disk_seconds = retry_disk_seconds
        self._incoming: deque[Event] = deque()
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._wake = threading.Event()
        self._hurry = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"journal {writer}", daemon=True)

    def start(self) -> None:
        """Open the file and start the thread; with a disk that fails it starts all the same.

        Raises JournalInUseError when another living process has that name.
        """
        self._disk.open()
        self._thread.start()

    def append(self, events: Sequence[Event]) -> None:
        """Take the events in; returns at once and never raises."""
        self._incoming.extend(events)
        self._wake.set()

    async def flush(self) -> bool:
        """Wait until everything appended before is on the disk.

        False when the disk is failing: the events are then in memory, to be shipped from there.
        """
        return await self._on_thread(lambda: not self._disk.waiting)

    async def unshipped(self, limit: int) -> Batch:
        """The oldest events that are not in Postgres yet."""
        return await self._on_thread(lambda: self._disk.unshipped(limit))

    async def mark_shipped(self, batch: Batch) -> None:
        """The batch is in Postgres; marking it again changes nothing."""
        await self._on_thread(lambda: self._disk.mark_shipped(batch))

    async def note_refused(self, batch: Batch, index: int, error: str) -> None:
        """Postgres refuses the batch's event of that index; it stays in the file for good."""
        await self._on_thread(lambda: self._disk.note_refused(batch, index, error))

    async def events_of(self, call_id: str) -> list[Event]:
        """What this process wrote of one call, oldest first (others': db.journal_folder)."""
        return await self._on_thread(lambda: self._disk.events_of(call_id))

    async def open_calls(self) -> list[str]:
        """Calls that this process has begun and not ended, oldest first."""
        return await self._on_thread(self._disk.open_calls)

    async def count_unshipped(self) -> int:
        """How many events wait for Postgres."""
        return await self._on_thread(self._disk.count_unshipped)

    async def prune(self, before: datetime) -> int:
        """Delete up to 5,000 shipped events of ended calls older than `before`; how many."""
        return await self._on_thread(lambda: self._disk.prune(before))

    @property
    def health(self) -> JournalHealth:
        """How the journal is, for metrics and alarms."""
        disk = self._disk
        waiting = len(self._incoming) + len(disk.waiting)
        return JournalHealth(waiting, disk.written, disk.dropped, disk.failing)

    async def close(self) -> None:
        """Write what is left, close the file, end the thread."""
        self._stopping = True
        self._hurry.set()
        self._wake.set()
        await asyncio.to_thread(self._thread.join)

    async def _on_thread(self, job: Callable[[], T]) -> T:
        if self._stopping:
            raise RuntimeError(f"the journal of {self.writer} is closed")
        future: Future[T] = Future()
        self._jobs.append((job, future))
        self._hurry.set()
        self._wake.set()
        return await asyncio.wrap_future(future)

    def _run(self) -> None:
        last_round = False
        while not last_round:
            self._wake.wait(self._retry_disk_seconds if self._disk.failing else None)
            self._hurry.wait(self._group_commit_seconds)  # others may join this commit
            last_round = self._stopping
            self._wake.clear()
            self._hurry.clear()
            jobs = _drain(self._jobs)  # before the events: a flush covers what came before it
            self._disk.take(_drain(self._incoming))
            self._disk.write()
            for job, future in jobs:
                self._do(job, future)
        for job, future in _drain(self._jobs):
            self._do(job, future)
        self._disk.close()

    def _do(self, job: Callable[[], T], future: Future[T]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            result = job()
        except sqlite3.Error as error:
            self._disk.fail(error)
            future.set_exception(error)
        except Exception as error:  # it belongs to whoever asked
            future.set_exception(error)
        else:
            future.set_result(result)


def _drain(queue: "deque[T]") -> list[T]:
    return [queue.popleft() for _ in range(len(queue))]
