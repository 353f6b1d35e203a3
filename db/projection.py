"""Events of one call -> its rows. Pure: the rows depend only on which events there are.

In which order the events came in, from how many processes, and how often, makes no difference:
they are put in the order of their time first. So the rows can be made again whenever an event is
added, and two processes that tell of one call (the application, then the dialplan's story) need
not know of each other.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from db.events import Event
from db.values import as_float, as_int, as_number, as_text, is_true

Row = dict[str, Any]
Data = Mapping[str, Any]

OUTCOMES = frozenset({"connected", "blocked", "abandoned", "unanswered", "failed"})
MOST_ANOMALIES = 20

CALL_COLUMNS = (
    *("call_id", "began_at", "way", "channel", "trunk", "dialled"),
    *("number", "number_raw", "withheld", "asserted", "verdict", "verdict_reason"),
    *("location_source", "lat", "lon", "uncertainty_m"),
    *("kabupaten", "polres", "second", "ambiguous", "distance_km", "plan_reason", "plan"),
    *("answered_at", "connected_at", "ended_at", "outcome", "rung", "unit", "desk"),
    *("ended_by", "cause", "fault", "wait_seconds", "talk_seconds", "handed_over", "anomalies"),
)
RUNG_COLUMNS = (
    *("call_id", "rung", "unit", "name", "level", "ring_seconds"),
    *("started_at", "ended_at", "ended_reason"),
)
LEG_COLUMNS = (
    *("call_id", "leg", "rung", "unit", "desk"),
    *("dialled_at", "ringing_at", "answered_at", "ended_at", "ended_reason", "cause"),
)
RECORDING_COLUMNS = (
    *("call_id", "name", "state", "started_at", "finished_at"),
    *("file", "seconds", "bytes", "sha256", "fault"),
)


@dataclass(slots=True)
class Rows:
    """The rows of one call, by column name."""

    call: Row
    rungs: list[Row]
    legs: list[Row]
    recordings: list[Row]


def in_order(events: Iterable[Event]) -> list[Event]:
    """The events of a call without duplicates, in the order of their time."""
    unique = {(event.writer, event.seq): event for event in events}
    return sorted(unique.values(), key=lambda event: (event.at, event.writer, event.seq))


DIALPLAN = "dialplan"
"""Writer of what the dialplan's stories tell (agi/report.py)."""


def project(events: Iterable[Event]) -> Rows:
    """The rows of the call that the events are of: at least one event, all of one call.

    Of several `ended` the first by time is the outcome; each further one is an anomaly. An event
    of a kind not known here changes nothing, and data of the wrong form says nothing.
    """
    ordered = in_order(events)
    fold = _Fold(ordered[0].call_id, ordered[0].at)
    for event in ordered:
        fold.take(event)
    return fold.rows()


@dataclass(slots=True)
class _Fold:
    call_id: str
    began_at: datetime
    call: Row = field(default_factory=lambda: dict.fromkeys(CALL_COLUMNS))
    planned: dict[str, Data] = field(default_factory=dict)
    rungs: dict[int, Row] = field(default_factory=dict)
    legs: dict[str, Row] = field(default_factory=dict)
    recordings: dict[str, Row] = field(default_factory=dict)
    anomalies: list[str] = field(default_factory=list)
    ended_by_dialplan: datetime | None = None

    def take(self, event: Event) -> None:
        at, data = event.at, event.data
        match event.kind:
            case "arrived":
                self._arrived(at, data)
            case "located":
                self._located(data)
            case "checked":
                self.call["verdict"] = as_text(data.get("verdict"))
                self.call["verdict_reason"] = as_text(data.get("reason"))
            case "planned":
                self._planned(data)
            case "caller_answered":
                _first(self.call, answered_at=at)
            case "rung_started" | "rung_ended":
                self._rung(event.kind, at, data)
            case "leg_dialled" | "leg_ringing" | "leg_answered" | "leg_ended":
                self._leg(event.kind, at, data)
            case "connected":
                self._connected(at, data)
            case "recording_started" | "recording_finished" | "recording_failed":
                self._recording(event.kind, at, data)
            case "handing_over" | "handed_over":
                _first(self.call, handed_over=as_text(data.get("reason") or data.get("to")))
            case "ended":
                if event.writer == DIALPLAN:
                    self.ended_by_dialplan = at
                self._ended(event)

    def rows(self) -> Rows:
        self._lost_legs()
        for row in self.rungs.values():
            plan = self.planned.get(row["unit"], {})
            row["name"] = as_text(plan.get("name"))
            row["level"] = as_text(plan.get("level"))
            row["ring_seconds"] = as_float(plan.get("ring_seconds"))
        call = self.call | {"call_id": self.call_id, "anomalies": self.anomalies[:MOST_ANOMALIES]}
        call["began_at"] = call["began_at"] or self.began_at
        return Rows(
            call, [*self.rungs.values()], [*self.legs.values()], [*self.recordings.values()]
        )

    def _arrived(self, at: datetime, data: Data) -> None:
        if self.call["began_at"] is not None:
            self.anomalies.append("arrived twice")
            return
        for name in ("way", "channel", "trunk", "dialled", "number_raw"):
            self.call[name] = as_text(data.get(name))
        self.call.update(
            began_at=at,
            number=as_number(data.get("number")),
            withheld=is_true(data.get("withheld")),
            asserted=is_true(data.get("asserted")),
        )

    def _located(self, data: Data) -> None:
        given = data.get("fix")
        fix: Data = given if isinstance(given, dict) else {}
        self.call["location_source"] = as_text(fix.get("source"))
        for name in ("lat", "lon", "uncertainty_m"):
            self.call[name] = as_float(fix.get(name))
        for name in ("kabupaten", "polres", "second"):
            self.call[name] = as_text(data.get(name))
        self.call["ambiguous"] = is_true(data.get("ambiguous"))
        self.call["distance_km"] = as_float(data.get("distance_km"))

    def _planned(self, data: Data) -> None:
        given = data.get("rungs")
        listed = given if isinstance(given, list) else []
        rungs = [rung for rung in listed if isinstance(rung, dict)]
        units = [as_text(rung.get("unit")) or "?" for rung in rungs]
        self.call["plan_reason"] = as_text(data.get("reason"))
        self.call["plan"] = units
        self.planned.update(zip(units, rungs, strict=True))

    def _rung(self, kind: str, at: datetime, data: Data) -> None:
        number = as_int(data.get("rung"))
        if number is None:
            return
        row = self.rungs.get(number)
        if row is None:
            row = self.rungs[number] = self._row(RUNG_COLUMNS, rung=number)
        _first(row, unit=as_text(data.get("unit")))
        if kind == "rung_started":
            _first(row, started_at=at)
        elif row["ended_at"] is None:
            row.update(ended_at=at, ended_reason=as_text(data.get("reason")))

    def _leg(self, kind: str, at: datetime, data: Data) -> None:
        name = as_text(data.get("leg"))
        if name is None:
            return
        row = self.legs.get(name)
        if row is None:
            row = self.legs[name] = self._row(LEG_COLUMNS, leg=name)
        if kind == "leg_dialled":
            _first(
                row,
                dialled_at=at,
                rung=as_int(data.get("rung")),
                unit=as_text(data.get("unit")),
                desk=as_text(data.get("desk")),
            )
        elif kind == "leg_ended":
            if row["ended_at"] is None:
                reason, cause = as_text(data.get("reason")), as_text(data.get("cause"))
                row.update(ended_at=at, ended_reason=reason, cause=cause)
        else:
            _first(row, **{"ringing_at" if kind == "leg_ringing" else "answered_at": at})

    def _lost_legs(self) -> None:
        """Of a call that the dialplan ended, legs that only a dead process could have told of."""
        if self.ended_by_dialplan is None:
            return
        for row in self.legs.values():
            if row["ended_at"] is None:
                row.update(ended_at=self.ended_by_dialplan, ended_reason="lost")

    def _connected(self, at: datetime, data: Data) -> None:
        if self.call["connected_at"] is not None:
            self.anomalies.append(f"connected again: {as_text(data.get('desk'))}")
            return
        self.call["connected_at"] = at
        self.call["desk"] = as_text(data.get("desk"))
        self.call["unit"] = as_text(data.get("unit")) or self.call["unit"]
        self.call["rung"] = as_int(data.get("rung")) or self.call["rung"]

    def _recording(self, kind: str, at: datetime, data: Data) -> None:
        file = as_text(data.get("file"))
        name = as_text(data.get("name")) or (_stem(file) if file else self.call_id)
        row = self.recordings.get(name)
        if row is None:
            row = self.recordings[name] = self._row(RECORDING_COLUMNS, name=name)
        if kind == "recording_started":
            _first(row, started_at=at)
            row["state"] = row["state"] or "started"
        elif kind == "recording_failed":
            _first(row, fault=as_text(data.get("reason")) or "failed", file=file)
            row["state"] = "finished" if row["state"] == "finished" else "failed"
        else:
            row.update(state="finished", file=file, sha256=as_text(data.get("sha256")))
            row["seconds"] = as_float(data.get("seconds"))
            row["bytes"] = as_int(data.get("bytes"), 2**63 - 1)
            _first(row, finished_at=at)

    def _ended(self, event: Event) -> None:
        data = event.data
        outcome = as_text(data.get("outcome"))
        if self.call["outcome"] is not None:
            self.anomalies.append(f"ended again as {outcome} by {event.writer}")
            return
        if outcome not in OUTCOMES:
            self.anomalies.append(f"outcome {outcome} is none")
            outcome = "failed"
        self.call.update(
            outcome=outcome,
            ended_at=event.at,
            rung=as_int(data.get("rung")) or self.call["rung"],
            unit=as_text(data.get("unit")) or self.call["unit"],
            ended_by=as_text(data.get("by")),
            cause=as_text(data.get("cause")),
            fault=as_text(data.get("fault")),
            wait_seconds=as_float(data.get("wait_seconds")),
            talk_seconds=as_float(data.get("talk_seconds")),
        )

    def _row(self, columns: tuple[str, ...], **known: Any) -> Row:
        return dict.fromkeys(columns) | {"call_id": self.call_id} | known


def _stem(file: str) -> str:
    return file.rpartition("/")[2].partition(".")[0]


def _first(row: Row, **values: Any) -> None:
    """Set what is not known yet."""
    for name, value in values.items():
        if row[name] is None:
            row[name] = value
