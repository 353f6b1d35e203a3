"""Calls whose process has died are found in its journal and go on here.

Each process keeps its journal's lock while it lives (flock: the kernel gives it back at kill -9).
Whoever gets the lock of a journal with open calls holds it until it has adopted them in its own
journal, so two survivors never adopt the same call.
"""

import asyncio
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from ari_app.client import AriClient
from ari_app.client.errors import AriError
from ari_app.models import Channel
from db.events import Event
from db.journal_folder import open_calls
from db.journal_lock import WriterLock

log = structlog.get_logger(__name__)

LOOK_SECONDS = 1.0


class Adopter(Protocol):
    """What goes on with a call."""

    def adopt(self, call_id: str, events: Sequence[Event], channels: Mapping[str, Channel]) -> bool:
        """False when there is nothing to go on with."""


class OwnJournal(Protocol):
    """The journal of this process."""

    async def flush(self) -> bool:
        """Wait until all is on the disk."""


@dataclass(frozen=True, slots=True)
class Orphans:
    """Open calls of dead processes, and the locks that keep other survivors away from them."""

    calls: Mapping[str, Sequence[Event]]
    locks: Sequence[WriterLock]

    def release(self) -> None:
        """Let others look at those journals again."""
        for lock in self.locks:
            lock.release()


class Takeover:
    """Looks for orphans while connected to Asterisk."""

    def __init__(
        self, directory: Path, ari: AriClient, conductor: Adopter, journal: OwnJournal
    ) -> None:
        self._directory = directory
        self._ari = ari
        self._conductor = conductor
        self._journal = journal
        self._empty: dict[Path, int] = {}
        self._passed: set[str] = set()

    async def run(self) -> None:
        """Look every second until cancelled."""
        while True:
            if self._ari.is_connected:
                try:
                    await self.look()
                except AriError as error:
                    log.warning("takeover_waits", error=str(error))
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> int:
        """Adopt what there is now; returns how many calls. Raises AriError."""
        orphans = await asyncio.to_thread(self._find)
        try:
            if not orphans.calls:
                return 0
            channels = {channel.id: channel for channel in await self._ari.channels.list()}
            adopted = 0
            for call_id, events in orphans.calls.items():
                if self._conductor.adopt(call_id, events, channels):
                    adopted += 1
                else:
                    self._passed.add(call_id)
            await self._journal.flush()
            return adopted
        finally:
            orphans.release()

    def _find(self) -> Orphans:
        locks = dict(self._dead())
        if not locks:
            return Orphans({}, ())
        dead = {path.stem for path in locks}
        calls = {
            call_id: events
            for call_id, events in open_calls(self._directory, locks).items()
            if events and events[-1].writer in dead and call_id not in self._passed
        }
        for path in locks:
            if not any(event.writer == path.stem for found in calls.values() for event in found):
                self._empty[path] = _changed_at(path)
        return Orphans(calls, tuple(locks.values()))

    def _dead(self) -> Iterator[tuple[Path, WriterLock]]:
        """Journals without a living writer that were not seen to be without open calls."""
        for path in sorted(self._directory.glob("*.sqlite")):
            if self._empty.get(path) == _changed_at(path):
                continue
            lock = WriterLock(path)
            try:
                if lock.acquire():
                    yield path, lock
            except (OSError, sqlite3.Error) as error:
                log.error("journal_unreadable", path=str(path), error=str(error))


def _changed_at(path: Path) -> int:
    wal = path.with_name(f"{path.name}-wal")
    return max((p.stat().st_mtime_ns for p in (path, wal) if p.exists()), default=0)
