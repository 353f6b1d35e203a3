"""What Postgres says of a call, once it is over."""

import asyncio
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
import orjson

POLL_SECONDS = 0.05

_ENDED = """
    SELECT call_id FROM calls
    WHERE outcome IS NOT NULL AND call_id <> ALL($1::text[])
      AND NOT EXISTS (SELECT FROM legs WHERE call_id = calls.call_id AND ended_at IS NULL)
      AND (outcome <> 'connected' OR NOT $2 OR EXISTS (
          SELECT FROM recordings WHERE call_id = calls.call_id AND state <> 'started'))
    ORDER BY began_at
"""


class NotRecordedError(AssertionError):
    """The calls are not in Postgres as they should be; the message says what is."""


@dataclass(frozen=True, slots=True)
class Record:
    """One call's rows. events are (kind, data) in the order of their time."""

    call: asyncpg.Record
    rungs: Sequence[asyncpg.Record]
    legs: Sequence[asyncpg.Record]
    recordings: Sequence[asyncpg.Record]
    events: Sequence[tuple[str, dict[str, Any]]]

    def __getitem__(self, column: str) -> Any:
        """A column of the call's own row."""
        return self.call[column]

    @property
    def ladder(self) -> list[tuple[str, str]]:
        """Each rung's unit and why it ended."""
        return [(rung["unit"], rung["ended_reason"]) for rung in self.rungs]

    @property
    def desks(self) -> list[tuple[str, str]]:
        """Each leg's desk and why it ended."""
        return [(leg["desk"], leg["ended_reason"]) for leg in self.legs]

    @property
    def kinds(self) -> list[str]:
        """What happened, in its order."""
        return [kind for kind, _ in self.events]

    def event(self, kind: str) -> dict[str, Any]:
        """The data of the only event of its kind."""
        (data,) = (data for name, data in self.events if name == kind)
        return data

    @property
    def recording(self) -> asyncpg.Record:
        """The only recording."""
        (row,) = self.recordings
        return row


async def all_calls(database: asyncpg.Connection) -> set[str]:
    """Ids of every call that the record knows."""
    return {row["call_id"] for row in await database.fetch("SELECT call_id FROM calls")}


async def records(
    database: asyncpg.Connection,
    known: Collection[str],
    count: int,
    *,
    recorded: bool = True,
    within_seconds: float = 5.0,
) -> list[Record]:
    """Wait until `count` calls that are not `known` are over and wholly recorded.

    recorded: each connected one has its recording, or the fault of it. Raises NotRecordedError,
    also when there are more.
    """
    deadline = time.monotonic() + within_seconds
    while len(ended := await database.fetch(_ENDED, list(known), recorded)) < count:
        if time.monotonic() > deadline:
            raise NotRecordedError(await _found(database, known, count))
        await asyncio.sleep(POLL_SECONDS)
    if len(await all_calls(database) - set(known)) != count:
        raise NotRecordedError(await _found(database, known, count))
    return [await _record(database, row["call_id"]) for row in ended]


async def happened(
    database: asyncpg.Connection,
    known: Collection[str],
    kind: str,
    *,
    within_seconds: float = 5.0,
) -> None:
    """Wait until an event of this kind is recorded of a call that is not `known`."""
    query = "SELECT FROM events WHERE kind = $1 AND call_id <> ALL($2::text[])"
    deadline = time.monotonic() + within_seconds
    while not await database.fetch(query, kind, list(known)):
        if time.monotonic() > deadline:
            raise NotRecordedError(f"no {kind}: {await _found(database, known, 1)}")
        await asyncio.sleep(POLL_SECONDS)


async def _record(database: asyncpg.Connection, call_id: str) -> Record:
    (call,) = await database.fetch("SELECT * FROM calls WHERE call_id = $1", call_id)
    events = await database.fetch(
        "SELECT kind, data FROM events WHERE call_id = $1 ORDER BY at, writer, seq", call_id
    )
    return Record(
        call,
        await database.fetch("SELECT * FROM rungs WHERE call_id = $1 ORDER BY rung", call_id),
        await database.fetch("SELECT * FROM legs WHERE call_id = $1 ORDER BY leg", call_id),
        await database.fetch("SELECT * FROM recordings WHERE call_id = $1", call_id),
        [(kind, orjson.loads(data)) for kind, data in events],
    )


async def _found(database: asyncpg.Connection, known: Collection[str], count: int) -> str:
    rows = await database.fetch(
        """
        SELECT kind, data, at::time AS at, left(call_id, 13) AS call FROM events
        WHERE call_id <> ALL($1::text[]) ORDER BY call_id, at, writer, seq
        """,
        list(known),
    )
    lines = [f"  {row['call']} {row['at']} {row['kind']} {row['data']:.300}" for row in rows]
    return f"not {count} calls with their outcome, but\n" + ("\n".join(lines) or "  nothing")
