"""The story of one call, for a person: what was believed, who was rung, how it ended. Pure."""

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from typing import Any

from db.models import CallRow, LegRow, RecordingRow, RungRow
from db.reader import CallRecord

Line = tuple[str, str]
Data = Mapping[str, Any]

_LABEL_WIDTH = 13
_WAYS = {
    "ari": "conducted by the application",
    "agi": "by FastAGI and the dialplan",
    "static": "by the dialplan alone",
}
_SOURCES = {
    "pidf_lo": "the INVITE's PIDF-LO",
    "aml": "the phone (AML)",
    "cell": "the serving cell",
    "area_code": "the area code",
    "trunk": "the trunk",
    "national": "the national default",
}
_CAUSES = {  # Q.850
    "1": "unallocated number",
    "16": "normal clearing",
    "17": "user busy",
    "18": "no user responding",
    "19": "no answer",
    "20": "subscriber absent",
    "21": "rejected",
    "26": "non-selected user",
    "27": "destination out of order",
    "31": "normal, unspecified",
    "34": "no circuit",
    "38": "network out of order",
    "41": "temporary failure",
    "102": "timer expired",
    "127": "interworking",
}


def story(record: CallRecord, zone: tzinfo | None = None) -> list[str]:
    """The call as aligned lines of text; times in `zone`, or in the machine's own."""
    lines = [
        *_arrival(record.call, zone),
        *_location(record),
        *_plan(record),
        *_rungs(record),
        *_end(record, zone),
        *_recordings(record),
        *_doubts(record),
    ]
    return [f"{label:<{_LABEL_WIDTH}} {text}".rstrip() for label, text in lines]


def moment(at: datetime, zone: tzinfo | None, milliseconds: bool = True) -> str:
    """A time with its zone: 2026-01-05 10:04:05.120 WIB."""
    local = at.astimezone(zone)
    fraction = f".{local.microsecond // 1000:03d}" if milliseconds else ""
    return f"{local:%Y-%m-%d %H:%M:%S}{fraction} {local:%Z}"


def caller(call: CallRow) -> str:
    """The caller's number as it may be shown, and what is known of its truth."""
    if call.number is None:
        return f"no number ({call.number_raw})" if call.number_raw else "no number"
    remarks = []
    if call.asserted:
        remarks.append("asserted by the trunk")
    if call.withheld:
        remarks.append("withheld by the caller")
    return f"+{call.number}" + (f" ({', '.join(remarks)})" if remarks else "")


def _arrival(call: CallRow, zone: tzinfo | None) -> Iterator[Line]:
    yield "Call", call.call_id
    way = _WAYS.get(call.way or "", "in a way that is not recorded")
    yield "Arrived", f"{moment(call.began_at, zone)} on {call.trunk or 'an unknown trunk'}, {way}"
    yield "Caller", f"{caller(call)} dialled {call.dialled or 'an unknown number'}"
    if call.verdict is not None:
        yield "Block list", f"{call.verdict}: {call.verdict_reason or 'no reason given'}"
    else:
        yield "Block list", "not asked"


def _location(record: CallRecord) -> Iterator[Line]:
    call, told = record.call, record.last("located")
    if call.lat is not None and call.lon is not None:
        within = "" if not call.uncertainty_m else f" within {call.uncertainty_m:g} m"
        source = _SOURCES.get(call.location_source or "", call.location_source or "?")
        why = f" ({told['reason']})" if told.get("reason") else ""
        yield "Location", f"{call.lat:.5f}, {call.lon:.5f}{within}, by {source}{why}"
    elif told:
        yield "Location", f"none that can be used ({told.get('reason', 'no reason given')})"
    else:
        yield "Location", "not decided"
    for refused in _mappings(told.get("rejected")):
        source = _SOURCES.get(str(refused.get("source")), str(refused.get("source")))
        yield "  not used", f"{source}: {refused.get('fault')}: {_short(refused.get('raw'))}"
    for other in _mappings(told.get("others")):
        source = _SOURCES.get(str(other.get("source")), str(other.get("source")))
        within = f"within {other.get('uncertainty_m')} m"
        yield "  worse", f"{source}: {other.get('lat')}, {other.get('lon')} {within}"
    if call.polres is not None or call.kabupaten is not None:
        yield "Jurisdiction", _jurisdiction(call, told)


def _jurisdiction(call: CallRow, told: Data) -> str:
    place = told.get("kabupaten_name") or call.kabupaten
    text = f"{call.polres or 'no Polres'}: {place}"
    if told.get("kecamatan_name"):
        text += f", {told['kecamatan_name']}"
    if call.distance_km is not None:
        text += f", nearest village {call.distance_km:.1f} km"
    if call.second is not None:
        text += f"; second candidate {call.second}"
    return text + (" (AMBIGUOUS)" if call.ambiguous else "")


def _plan(record: CallRecord) -> Iterator[Line]:
    told = record.last("planned")
    rungs = [
        f"{rung.get('name') or rung.get('unit')} {_seconds(rung.get('ring_seconds'))}"
        for rung in _mappings(told.get("rungs"))
    ]
    if rungs:
        yield "Plan", f"by {record.call.plan_reason}: {' -> '.join(rungs)}"
    if record.call.handed_over is not None:
        yield "Handed over", f"to the dialplan: {record.call.handed_over}"


def _rungs(record: CallRecord) -> Iterator[Line]:
    for rung in record.rungs:
        unit = rung.unit or "?"
        name = f" {rung.name}" if rung.name and rung.name != unit else ""
        yield (
            f"Rung {rung.rung}",
            f"{unit}{name}, {_span(rung.started_at, rung.ended_at)}: "
            + (_words(rung.ended_reason) if rung.ended_reason else "not ended"),
        )
        for leg in record.legs:
            if leg.rung == rung.rung:
                yield f"  {leg.desk or '?'}", _leg(leg, rung)
    for leg in record.legs:
        if leg.rung not in {rung.rung for rung in record.rungs}:
            yield f"  {leg.desk or '?'}", _leg(leg, None)


def _leg(leg: LegRow, rung: RungRow | None) -> str:
    began = leg.dialled_at or (rung.started_at if rung else None)
    told = []
    if leg.ringing_at is not None:
        told.append(f"rang {_after(began, leg.ringing_at)}")
    if leg.answered_at is not None:
        told.append(f"answered {_after(began, leg.answered_at)}")
    if leg.ended_reason is not None:
        told.append(f"{_words(leg.ended_reason)}{_cause(leg.cause)}")
    return ", ".join(told) or "dialled"


def _end(record: CallRecord, zone: tzinfo | None) -> Iterator[Line]:
    call = record.call
    if call.connected_at is not None:
        waited = (call.connected_at - call.began_at).total_seconds()
        yield "Answered", f"by {call.desk} ({call.unit}) after {waited:.1f} s"
    if call.outcome is None:
        yield "Outcome", "none yet: the call is open"
        return
    by = f", ended by the {call.ended_by}" if call.ended_by else ""
    text = f"{call.outcome.upper()}{by}{_cause(call.cause)}"
    if call.outcome != "connected" and call.wait_seconds is not None:
        text += f", after {call.wait_seconds:.1f} s"
        if call.rung:
            text += f" in rung {call.rung} ({call.unit})"
    yield "Outcome", text
    if call.fault:
        yield "  fault", call.fault
    if call.talk_seconds is not None:
        yield "Talk", f"{call.talk_seconds:.1f} s"
    if call.ended_at is not None:
        yield "Ended", moment(call.ended_at, zone)


def _recordings(record: CallRecord) -> Iterator[Line]:
    for recording in record.recordings:
        yield "Recording", _recording(recording)
        if recording.sha256 is not None:
            yield "  SHA-256", recording.sha256
    if not record.recordings and record.call.connected_at is not None:
        yield "Recording", "none"


def _recording(row: RecordingRow) -> str:
    if row.state == "failed":
        return f"FAILED: {row.fault}"
    if row.state == "started":
        return f"{row.name}: not finished"
    size = "" if row.bytes is None else f", {row.bytes:,} bytes"
    return f"{row.file}, {_seconds(row.seconds)}{size}"


def _doubts(record: CallRecord) -> Iterator[Line]:
    for event in record.events:
        if event.kind == "fault":
            yield "Fault", f"{event.data.get('what')}: {_short(event.data.get('detail'))}"
    for anomaly in record.call.anomalies:
        yield "Contradiction", anomaly


def _mappings(value: Any) -> list[Data]:
    listed = value if isinstance(value, list) else []
    return [each for each in listed if isinstance(each, dict)]


def _seconds(value: Any) -> str:
    return f"{value:g} s" if isinstance(value, (int, float)) else "? s"


def _span(began: datetime | None, ended: datetime | None) -> str:
    if began is None or ended is None:
        return "still ringing" if ended is None else "? s"
    return f"{(ended - began).total_seconds():.1f} s"


def _after(began: datetime | None, at: datetime) -> str:
    return "" if began is None else f"after {(at - began).total_seconds():.1f} s"


def _cause(cause: str | None) -> str:
    if cause is None or cause == "0":
        return ""
    return f" (cause {cause}{', ' + _CAUSES[cause] if cause in _CAUSES else ''})"


def _words(reason: str) -> str:
    return reason.replace("_", " ")


def _short(value: Any, longest: int = 100) -> str:
    """What a caller sent, in one line that a terminal is safe with."""
    text = "".join(each if each.isprintable() else "?" for each in str(value))
    return text if len(text) <= longest else f"{text[:longest]} ..."
