"""Ships journals to Postgres: in order, as often as needed, without ever losing an event.

Postgres may be away, hung or restarted for as long as it likes: events wait in the journal. A call
never waits for any of this.
"""

import asyncio
import random
import sqlite3
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

import asyncpg
import structlog

from db.database import CONNECT_SECONDS, connector
from db.journal import Journal
from db.journal_disk import Alarm, Batch
from db.journal_folder import take_left
from db.record import store

BATCH_EVENTS = 1000
IDLE_SECONDS = 0.2
LONGEST_IDLE_SECONDS = 1.0
IDLE_DOUBLES_AT_EVENTS = 80
STATEMENT_SECONDS = 10.0
LONGEST_WAIT_SECONDS = 5.0
KEEP_SECONDS = 24 * 3600.0
HOUSEKEEPING_SECONDS = 30.0

_AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
_log = structlog.get_logger(__name__)


class Source(Protocol):
    """Where events come from: this process' journal, or one that a dead process left."""

    async def unshipped(self, limit: int) -> Batch:
        """The oldest events that are not in Postgres."""

    async def mark_shipped(self, batch: Batch) -> None:
        """The batch is in Postgres."""

    async def note_refused(self, batch: Batch, index: int, error: str) -> None:
        """Postgres refuses this one event of the batch."""


@dataclass(frozen=True, slots=True)
class WriterHealth:
    """away: why Postgres cannot be written to, or None; away_seconds: for how long that has been.

    shipped and refused count events since the start.
    """

    shipped: int
    refused: int
    away: str | None
    away_seconds: float


class Writer:
    """Ships one process' journal, and those that dead processes left beside it.

    alarm is told postgres_away, postgres_back and event_refused, on the event loop.
    """

    def __init__(
        self,
        url: str,
        journal: Journal,
        *,
        alarm: Alarm | None = None,
        batch_events: int = BATCH_EVENTS,
        idle_seconds: float = IDLE_SECONDS,
        statement_seconds: float = STATEMENT_SECONDS,
        connect_seconds: float = CONNECT_SECONDS,
        longest_wait_seconds: float = LONGEST_WAIT_SECONDS,
        keep_seconds: float = KEEP_SECONDS,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connect = connector(
            url,
            name=f"writer {journal.writer}",
            connect_seconds=connect_seconds,
            statement_seconds=statement_seconds,
        )
        self._journal = journal
        self._alarm = alarm
        self._batch_events = batch_events
        self._limit = batch_events
        self._idle_seconds = idle_seconds
        self._store_seconds = 3 * statement_seconds
        self._longest_wait_seconds = longest_wait_seconds
        self._keep = timedelta(seconds=keep_seconds)
        self._clock = clock
        self._connection: asyncpg.Connection | None = None
        self._shipping = asyncio.Lock()
        self._shipped = 0
        self._refused = 0
        self._failures = 0
        self._away: str | None = None
        self._away_since = 0.0

    @property
    def health(self) -> WriterHealth:
        """How shipping goes, for metrics and alarms."""
        away_seconds = 0.0 if self._away is None else time.monotonic() - self._away_since
        return WriterHealth(self._shipped, self._refused, self._away, away_seconds)

    async def run(self) -> None:
        """Ship until cancelled."""
        next_housekeeping = 0.0
        try:
            while True:
                shipped = await self._ship(self._journal)
                if shipped is None:
                    await asyncio.sleep(self._wait_seconds())
                elif shipped < self._batch_events:
                    if time.monotonic() >= next_housekeeping:
                        await self._keep_house()
                        next_housekeeping = time.monotonic() + HOUSEKEEPING_SECONDS
                    # Each shipment makes the rows of all calls in it anew, so many calls at once
                    # are shipped less often: quick when it is quiet, cheap when it is not.
                    busy = 1 + shipped / IDLE_DOUBLES_AT_EVENTS
                    await asyncio.sleep(min(LONGEST_IDLE_SECONDS, self._idle_seconds * busy))
        finally:
            self._hang_up()

    async def drain(self, seconds: float) -> bool:
        """Ship everything that is in the journal now; False when that took longer than allowed."""
        deadline = time.monotonic() + seconds
        await self._journal.flush()
        while time.monotonic() < deadline:
            shipped = await self._ship(self._journal)
            if shipped == 0:
                return True
            if shipped is None:
                await asyncio.sleep(min(self._wait_seconds(), 0.2))
        return False

    def close(self) -> None:
        """Let go of Postgres; after `drain`, or when `run` has been cancelled (it does so too)."""
        self._hang_up()

    async def ship_left(self) -> int:
        """Ship the journals that dead processes left; how many events. Stops when Postgres does."""
        total = 0
        for left in take_left(self._journal.directory):
            while shipped := await self._ship(left):
                total += shipped
            if shipped is None:
                break
            left.delete_if_done(self._clock() - self._keep)
        return total

    async def _ship(self, source: Source) -> int | None:
        """Ship one batch; how many events, or None when it did not work."""
        async with self._shipping:
            try:
                batch = await source.unshipped(self._limit)
            except sqlite3.Error as error:
                _log.error("journal_unreadable", error=str(error))
                return None
            if not batch.events:
                return 0
            try:
                await self._store(source, batch)
                await source.mark_shipped(batch)
            except sqlite3.Error as error:  # stored, but not marked: it will be stored again
                _log.error("journal_unwritable", error=str(error))
                return None
            except _AWAY as error:
                self._postgres_failed(error)
                return None
            self._shipped += len(batch.events)
            self._postgres_works()
            return len(batch.events)

    async def _store(self, source: Source, batch: Batch) -> None:
        if self._connection is None or self._connection.is_closed():
            self._connection = await self._connect()
        try:
            # The outer bound is for a Postgres that hangs where asyncpg has no bound of its own.
            async with asyncio.timeout(self._store_seconds):
                await store(self._connection, batch.events)
        except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
            _log.warning("batch_refused", events=len(batch.events), error=str(error))
            await self._store_one_by_one(source, batch, self._connection)

    async def _store_one_by_one(
        self, source: Source, batch: Batch, connection: asyncpg.Connection
    ) -> None:
        """Postgres refuses something in the batch: keep everything else of it."""
        for index, event in enumerate(batch.events):
            try:
                async with asyncio.timeout(self._store_seconds):
                    await store(connection, [event])
            except (asyncpg.DataError, asyncpg.IntegrityConstraintViolationError) as error:
                self._refused += 1
                await source.note_refused(batch, index, str(error))
                self._raise_alarm("event_refused", f"{event!r:.500}: {error}")

    async def _keep_house(self) -> None:
        try:
            await self.ship_left()
            await self._journal.prune(self._clock() - self._keep)
        except (sqlite3.Error, OSError) as error:
            _log.error("journal_housekeeping_failed", error=str(error))

    def _postgres_failed(self, error: BaseException) -> None:
        self._hang_up()
        self._failures += 1
        reason = str(error) or type(error).__name__
        if isinstance(error, (TimeoutError, asyncpg.QueryCanceledError)):
            # Perhaps it is not hung but slow: a smaller bite may get through.
            self._limit = max(1, self._limit // 4)
        if self._away is None:
            self._away_since = time.monotonic()
            self._raise_alarm("postgres_away", reason)
        self._away = reason

    def _postgres_works(self) -> None:
        self._failures = 0
        self._limit = min(self._batch_events, self._limit * 2)
        if self._away is not None:
            seconds = time.monotonic() - self._away_since
            self._away = None
            self._raise_alarm("postgres_back", f"after {seconds:.1f} s")

    def _wait_seconds(self) -> float:
        wait = min(self._longest_wait_seconds, 0.1 * float(1 << min(self._failures, 10)))
        return wait * random.uniform(0.5, 1.0)  # noqa: S311 - processes must not come in step

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.terminate()  # close() would wait for a Postgres that hangs
            self._connection = None

    def _raise_alarm(self, what: str, detail: str) -> None:
        log = _log.info if what == "postgres_back" else _log.error
        log(what, detail=detail)
        if self._alarm is not None:
            self._alarm(what, detail)
