"""Events into Postgres: the events themselves, and the rows that are made from them.

Storing the same events again changes nothing. Everything of one call of `store` is one
transaction, and the calls it touches are locked in the order of their ids, so that two processes
that tell of one call neither overwrite nor deadlock each other.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from db.events import Event
from db.projection import (
    CALL_COLUMNS,
    LEG_COLUMNS,
    RECORDING_COLUMNS,
    RUNG_COLUMNS,
    Row,
    project,
)

CALLS_AT_ONCE = 10  # folded without a pause: 2 to 3 ms

_BEGIN_CALLS = """
    INSERT INTO calls (call_id, began_at)
    SELECT * FROM unnest($1::text[], $2::timestamptz[])
    ON CONFLICT DO NOTHING
"""
_LOCK_CALLS = """
    SELECT FROM calls WHERE call_id = ANY($1::text[]) ORDER BY call_id FOR NO KEY UPDATE
"""
_ADD_EVENTS = """
    INSERT INTO events (call_id, writer, seq, at, kind, data)
    SELECT * FROM unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::text[],
                         $6::jsonb[])
    ON CONFLICT DO NOTHING
"""
_EVENTS_OF_CALLS = """
    SELECT call_id, writer, seq, at, kind, data FROM events WHERE call_id = ANY($1::text[])
"""
_SEEN_NUMBERS = """
    INSERT INTO numbers AS known (number, first_called_at, last_called_at)
    SELECT number, min(at), max(at)
    FROM unnest($1::bigint[], $2::timestamptz[]) AS seen (number, at)
    GROUP BY number ORDER BY number
    ON CONFLICT (number) DO UPDATE SET
        first_called_at = least(known.first_called_at, excluded.first_called_at),
        last_called_at = greatest(known.last_called_at, excluded.last_called_at)
    WHERE excluded.first_called_at < known.first_called_at
       OR excluded.last_called_at > known.last_called_at
"""


async def store(connection: asyncpg.Connection, events: Sequence[Event]) -> None:
    """Add the events and make the rows of their calls again.

    Raises what asyncpg raises; nothing is stored then.
    """
    began: dict[str, datetime] = {}
    for event in events:
        began[event.call_id] = min(event.at, began.get(event.call_id, event.at))
    calls = sorted(began)
    async with connection.transaction():
        await connection.execute(_BEGIN_CALLS, calls, [began[call] for call in calls])
        await connection.execute(_LOCK_CALLS, calls)
        await connection.execute(
            _ADD_EVENTS,
            [event.call_id for event in events],
            [event.writer for event in events],
            [event.seq for event in events],
            [event.at for event in events],
            [event.kind for event in events],
            [_json(event.data) for event in events],
        )
        await _make_rows(connection, calls)


async def remake(connection: asyncpg.Connection, calls: Sequence[str]) -> None:
    """Make the rows of these calls again from the events that are stored."""
    async with connection.transaction():
        await connection.execute(_LOCK_CALLS, sorted(calls))
        await _make_rows(connection, sorted(calls))


async def _make_rows(connection: asyncpg.Connection, calls: list[str]) -> None:
    events: dict[str, list[Event]] = defaultdict(list)
    for call_id, writer, seq, at, kind, data in await connection.fetch(_EVENTS_OF_CALLS, calls):
        events[call_id].append(Event(call_id, writer, seq, at, kind, orjson.loads(data)))
    made = []
    for number, call in enumerate(calls):
        if call in events:
            made.append(project(events[call]))
        if number % CALLS_AT_ONCE == 0:
            await asyncio.sleep(0)  # calls are conducted on this loop, too
    await _upsert(connection, _CALLS, [rows.call for rows in made])
    await _upsert(connection, _RUNGS, [row for rows in made for row in rows.rungs])
    await _upsert(connection, _LEGS, [row for rows in made for row in rows.legs])
    await _upsert(connection, _RECORDINGS, [row for rows in made for row in rows.recordings])
    seen = [rows.call for rows in made if rows.call["number"] is not None]
    await connection.execute(
        _SEEN_NUMBERS, [row["number"] for row in seen], [row["began_at"] for row in seen]
    )


async def _upsert(connection: asyncpg.Connection, statement: str, rows: list[Row]) -> None:
    if rows:
        await connection.execute(statement, orjson.dumps(rows).decode())


def _upsert_statement(table: str, columns: Sequence[str], key: Iterable[str]) -> str:
    """Rows come as one JSON array; a row that is as it was is left alone."""
    keys = tuple(key)
    names = ", ".join(columns)
    values = [name for name in columns if name not in keys]
    old = ", ".join(f"{table}.{name}" for name in values)
    new = ", ".join(f"excluded.{name}" for name in values)
    return (
        f"INSERT INTO {table} ({names})"  # noqa: S608 - names from this package only
        f" SELECT {names} FROM jsonb_populate_recordset(NULL::{table}, $1::jsonb)"
        f" ON CONFLICT ({', '.join(keys)}) DO UPDATE SET ({', '.join(values)}) = ROW ({new})"
        f" WHERE ROW ({old}) IS DISTINCT FROM ROW ({new})"
    )


_CALLS = _upsert_statement("calls", CALL_COLUMNS, ("call_id",))
_RUNGS = _upsert_statement("rungs", RUNG_COLUMNS, ("call_id", "rung"))
_LEGS = _upsert_statement("legs", LEG_COLUMNS, ("call_id", "leg"))
_RECORDINGS = _upsert_statement("recordings", RECORDING_COLUMNS, ("call_id", "name"))


def _json(data: dict[str, Any]) -> str:
    text = orjson.dumps(data).decode()
    # jsonb holds no NUL; one in a caller's words must not cost the event.
    return orjson.dumps(_without_nul(data)).decode() if "\\u0000" in text else text


def _without_nul(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\x00", "\ufffd")
        case dict():
            return {_without_nul(name): _without_nul(inner) for name, inner in value.items()}
        case list():
            return [_without_nul(inner) for inner in value]
        case _:
            return value
