"""The tables. Every time is `timestamptz`; seconds are floats; codes are the directory's.

`events` is the record. `calls`, `rungs`, `legs`, `recordings` and `numbers` are made from it by
db.projection, and can be made again from it at any time.
"""

from datetime import datetime
from typing import Annotated, Any

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    MetaData,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import UserDefinedType


class Xid8(UserDefinedType[int]):
    """Postgres' 64-bit transaction id: which transaction wrote a row."""

    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        """Name of the type in DDL."""
        return "xid8"


class Base(DeclarativeBase):
    """Constraint names are fixed, so that migrations can name them."""

    metadata = MetaData(
        naming_convention={
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own form
        datetime: DateTime(timezone=True),
        str: Text(),
        float: Double(),
        dict[str, Any]: JSONB(),
        list[str]: ARRAY(Text()),
    }


E164 = Annotated[int, mapped_column(BigInteger)]
"""A number in E.164 without its plus sign."""

CallId = Annotated[str, mapped_column(Text(collation="C"))]
"""UUIDv7: sorts by time, and a prefix of it is found by the index (collation C)."""

OfCall = Annotated[
    str,
    mapped_column(
        Text(collation="C"), ForeignKey("calls.call_id", ondelete="CASCADE"), primary_key=True
    ),
]


class CallRow(Base):
    """One call to 110. `outcome` is null while it lasts."""

    __tablename__ = "calls"
    __table_args__ = (
        CheckConstraint(
            "outcome IN ('connected', 'blocked', 'abandoned', 'unanswered', 'failed')",
            name="outcome",
        ),
        Index(None, "began_at"),
        Index(None, "number", "began_at"),
        Index(None, "outcome", "began_at"),
        Index(None, "unit", "began_at"),
        Index("ix_calls_open", "began_at", postgresql_where=text("outcome IS NULL")),
        Index("ix_calls_anomalous", "began_at", postgresql_where=text("anomalies <> '{}'")),
    )

    call_id: Mapped[CallId] = mapped_column(primary_key=True)
    began_at: Mapped[datetime]
    way: Mapped[str | None]
    channel: Mapped[str | None]
    trunk: Mapped[str | None]
    dialled: Mapped[str | None]
    number: Mapped[E164 | None]
    number_raw: Mapped[str | None]
    withheld: Mapped[bool | None]
    asserted: Mapped[bool | None]
    verdict: Mapped[str | None]
    verdict_reason: Mapped[str | None]
    location_source: Mapped[str | None]
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    uncertainty_m: Mapped[float | None]
    kabupaten: Mapped[str | None]
    polres: Mapped[str | None]
    second: Mapped[str | None]
    ambiguous: Mapped[bool | None]
    distance_km: Mapped[float | None]
    plan_reason: Mapped[str | None]
    plan: Mapped[list[str] | None]
    answered_at: Mapped[datetime | None]
    connected_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    rung: Mapped[int | None]
    unit: Mapped[str | None]
    desk: Mapped[str | None]
    ended_by: Mapped[str | None]
    cause: Mapped[str | None]
    fault: Mapped[str | None]
    wait_seconds: Mapped[float | None]
    talk_seconds: Mapped[float | None]
    handed_over: Mapped[str | None]
    anomalies: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))


class EventRow(Base):
    """One event, as the process that saw it wrote it."""

    __tablename__ = "events"
    __table_args__ = (Index(None, "kind", "at"),)

    call_id: Mapped[OfCall]
    writer: Mapped[str] = mapped_column(primary_key=True)
    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime]
    kind: Mapped[str]
    data: Mapped[dict[str, Any]]
    stored_at: Mapped[datetime] = mapped_column(server_default=func.now())


class RungRow(Base):
    """One attempt to reach one unit; counts from 1, the last rung of the plan again and again."""

    __tablename__ = "rungs"
    __table_args__ = (Index(None, "unit", "started_at"),)

    call_id: Mapped[OfCall]
    rung: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    unit: Mapped[str | None]
    name: Mapped[str | None]
    level: Mapped[str | None]
    ring_seconds: Mapped[float | None]
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]


class LegRow(Base):
    """One desk phone that was dialled."""

    __tablename__ = "legs"
    __table_args__ = (Index(None, "desk", "dialled_at"),)

    call_id: Mapped[OfCall]
    leg: Mapped[str] = mapped_column(primary_key=True)
    rung: Mapped[int | None]
    unit: Mapped[str | None]
    desk: Mapped[str | None]
    dialled_at: Mapped[datetime | None]
    ringing_at: Mapped[datetime | None]
    answered_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    ended_reason: Mapped[str | None]
    cause: Mapped[str | None]


class RecordingRow(Base):
    """One recording of a call: state is started, finished or failed."""

    __tablename__ = "recordings"
    __table_args__ = (
        CheckConstraint("state IN ('started', 'finished', 'failed')", name="state"),
        Index("ix_recordings_failed", "started_at", postgresql_where=text("state = 'failed'")),
    )

    call_id: Mapped[OfCall]
    name: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    file: Mapped[str | None]
    seconds: Mapped[float | None]
    bytes: Mapped[int | None] = mapped_column(BigInteger)
    sha256: Mapped[str | None]
    fault: Mapped[str | None]


class NumberRow(Base):
    """A number that has called: withheld numbers that the trunk asserts are here too."""

    __tablename__ = "numbers"

    number: Mapped[E164] = mapped_column(primary_key=True, autoincrement=False)
    first_called_at: Mapped[datetime]
    last_called_at: Mapped[datetime] = mapped_column(index=True)


class BlockRow(Base):
    """One block of one number, from its making to its lifting; rows are never deleted.

    `xid` is the transaction that wrote the row last: a process that reads all rows from the
    oldest transaction that was open at its last look misses none (docs/decisions/0023).
    """

    __tablename__ = "blocks"
    __table_args__ = (
        Index(
            "uq_blocks_active", "number", unique=True, postgresql_where=text("lifted_at IS NULL")
        ),
        Index(None, "number", "made_at"),
        Index(None, "xid"),
        Index(
            "ix_blocks_ends_at",
            "ends_at",
            postgresql_where=text("lifted_at IS NULL AND ends_at IS NOT NULL"),
        ),
        CheckConstraint("number > 0", name="number"),
    )

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    number: Mapped[E164]
    reason: Mapped[str]
    made_by: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(server_default=func.now())
    ends_at: Mapped[datetime | None]
    evidence: Mapped[list[str]] = mapped_column(server_default=text("'{}'"))
    lifted_at: Mapped[datetime | None]
    lifted_by: Mapped[str | None]
    lifted_reason: Mapped[str | None]
    xid: Mapped[int] = mapped_column(Xid8(), server_default=text("pg_current_xact_id()"))


class UnitRow(Base):
    """One police unit (routing.directory.Unit); position keeps the directory's order."""

    __tablename__ = "units"

    code: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    name: Mapped[str]
    level: Mapped[str]
    parent: Mapped[str | None] = mapped_column(
        ForeignKey("units.code", deferrable=True, initially="DEFERRED"), index=True
    )
    connected: Mapped[bool]
    opened: Mapped[bool]
    ring_seconds: Mapped[float | None]
    lat: Mapped[float | None]
    lon: Mapped[float | None]
    radius_m: Mapped[float | None]
    kabupaten: Mapped[list[str]]
    kecamatan: Mapped[list[str]]


class DeskRow(Base):
    """One SPKT phone (routing.directory.Desk); the password is what Asterisk needs in clear."""

    __tablename__ = "desks"

    code: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int]
    unit: Mapped[str] = mapped_column(
        ForeignKey("units.code", deferrable=True, initially="DEFERRED"), index=True
    )
    contact: Mapped[str | None]
    password: Mapped[str | None]
    enabled: Mapped[bool]


class CellRow(Base):
    """One radio cell: routing.sources.cells' key, microdegrees, metres."""

    __tablename__ = "cells"

    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    lat: Mapped[int]
    lon: Mapped[int]
    range_m: Mapped[int]


class VersionRow(Base):
    """How often something was changed, counted by a trigger: `directory`, `cells`."""

    __tablename__ = "versions"

    what: Mapped[str] = mapped_column(primary_key=True)
    version: Mapped[int] = mapped_column(BigInteger)


class AuditRow(Base):
    """Who changed what, and why; rows are never changed or deleted."""

    __tablename__ = "audit"
    __table_args__ = (Index(None, "subject", "at"), Index(None, "at"))

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    actor: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    detail: Mapped[dict[str, Any]]
