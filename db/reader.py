"""What the record says of calls: for commands, screens and checks."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from db.events import Event
from db.models import Base, CallRow, EventRow, LegRow, RecordingRow, RungRow
from db.projection import in_order

LONGEST_LIST = 10_000


class CallNotFoundError(LookupError):
    """No call has an id that begins so."""


class AmbiguousCallError(LookupError):
    """Several calls have an id that begins so: give more of it."""


@dataclass(frozen=True, slots=True)
class CallFilter:
    """Which calls are asked for; None: any. since and until carry a zone; number is E.164."""

    since: datetime | None = None
    until: datetime | None = None
    outcome: str | None = None
    unit: str | None = None
    number: int | None = None
    limit: int = 50


@dataclass(frozen=True, slots=True)
class CallRecord:
    """All that is recorded of one call; everything in the order of its time."""

    call: CallRow
    rungs: tuple[RungRow, ...]
    legs: tuple[LegRow, ...]
    recordings: tuple[RecordingRow, ...]
    events: tuple[Event, ...]

    def last(self, kind: str) -> dict[str, Any]:
        """Data of the last event of that kind; empty when there is none."""
        return next((event.data for event in reversed(self.events) if event.kind == kind), {})

    def as_json(self) -> dict[str, Any]:
        """Values that JSON takes, times in ISO 8601 with zone."""
        return {
            **row_json(self.call),
            "rungs": [row_json(row) for row in self.rungs],
            "legs": [row_json(row) for row in self.legs],
            "recordings": [row_json(row) for row in self.recordings],
            "events": [
                {
                    "at": event.at.isoformat(),
                    "writer": event.writer,
                    "seq": event.seq,
                    "kind": event.kind,
                    "data": event.data,
                }
                for event in self.events
            ],
        }


def row_json(row: Base) -> dict[str, Any]:
    """One row as JSON values; `outcome` of a call that lasts is null. Numbers get their plus."""
    values = {column.name: getattr(row, column.name) for column in row.__table__.columns}
    if isinstance(row, CallRow) and row.number is not None:
        values["number"] = f"+{row.number}"
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }


async def list_calls(session: AsyncSession, wanted: CallFilter) -> Sequence[CallRow]:
    """The newest calls that match, newest first."""
    query = select(CallRow).order_by(CallRow.began_at.desc(), CallRow.call_id.desc())
    return (await session.scalars(_filtered(query, wanted))).all()


async def find_call(session: AsyncSession, id_prefix: str) -> CallRecord:
    """The call whose id begins so. Raises CallNotFoundError or AmbiguousCallError."""
    prefix = id_prefix.strip().lower()
    query = select(CallRow).where(CallRow.call_id.startswith(prefix, autoescape=True)).limit(2)
    found = (await session.scalars(query)).all() if prefix else []
    if not found:
        raise CallNotFoundError(f"no call has an id that begins with {id_prefix!r}")
    if len(found) > 1:
        raise AmbiguousCallError(f"several calls begin with {id_prefix!r}: give more of the id")
    return await _record(session, found[0])


async def _record(session: AsyncSession, call: CallRow) -> CallRecord:
    of_call = call.call_id
    rungs = select(RungRow).where(RungRow.call_id == of_call).order_by(RungRow.rung)
    legs = (
        select(LegRow)
        .where(LegRow.call_id == of_call)
        .order_by(LegRow.rung, LegRow.dialled_at, LegRow.leg)
    )
    recordings = (
        select(RecordingRow).where(RecordingRow.call_id == of_call).order_by(RecordingRow.name)
    )
    events = await session.scalars(select(EventRow).where(EventRow.call_id == of_call))
    return CallRecord(
        call,
        tuple(await session.scalars(rungs)),
        tuple(await session.scalars(legs)),
        tuple(await session.scalars(recordings)),
        tuple(in_order(Event(e.call_id, e.writer, e.seq, e.at, e.kind, e.data) for e in events)),
    )


def _filtered(query: Select[CallRow], wanted: CallFilter) -> Select[CallRow]:
    if wanted.since is not None:
        query = query.where(CallRow.began_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(CallRow.began_at < wanted.until)
    if wanted.outcome is not None:
        is_open = wanted.outcome == "open"
        query = query.where(
            CallRow.outcome.is_(None) if is_open else CallRow.outcome == wanted.outcome
        )
    if wanted.unit is not None:
        rung_there = select(RungRow.call_id).where(RungRow.unit == wanted.unit)
        query = query.where(CallRow.call_id.in_(rung_there))
    if wanted.number is not None:
        query = query.where(CallRow.number == wanted.number)
    return query.limit(min(wanted.limit, LONGEST_LIST))
