"""A call's events as lines for a person who watches it happen."""

from collections.abc import Callable, Mapping
from typing import Any

Data = Mapping[str, Any]


def line(kind: str, data: Data) -> str | None:
    """What the event means; None for events that say nothing to a person."""
    told = LINES.get(kind)
    return told(data) if told else None


def _located(data: Data) -> str:
    fix = data.get("fix")
    unit = data.get("polres") or "the trunk's default unit"
    if fix is None:
        faults = ", ".join(str(each["fault"]) for each in data.get("rejected") or ())
        return f"no location is believed{f' ({faults})' if faults else ''}: {unit}"
    distance = data.get("distance_km")
    doubt = f", ambiguous with {data['second']}" if data.get("ambiguous") else ""
    return (
        f"location believed: {fix['lat']:.5f}, {fix['lon']:.5f} within {fix['uncertainty_m']:g} m, "
        f"by {fix['source']} -> {unit}"
        f"{f', nearest village {distance:.1f} km' if distance is not None else ''}{doubt}"
    )


def _planned(data: Data) -> str:
    rungs = " -> ".join(
        f"{rung['name']} ({rung['unit']}, {rung['ring_seconds']:g} s)" for rung in data["rungs"]
    )
    return f"plan by {data['reason']}: {rungs}"


def _checked(data: Data) -> str | None:
    return None if data["verdict"] == "pass" else f"block check: {data['verdict']}"


def _ended(data: Data) -> str:
    return f"outcome: {data['outcome']}, ended by {data.get('by') or 'nobody'}"


LINES: Mapping[str, Callable[[Data], str | None]] = {
    "arrived": lambda data: f"arrived by {data['trunk']}, number {data['number'] or 'unknown'}",
    "located": _located,
    "checked": _checked,
    "planned": _planned,
    "caller_answered": lambda _: "the caller is answered, and hears the greeting",
    "rung_started": lambda data: f"rung {data['rung']}: {data['unit']} is rung",
    "leg_ringing": lambda data: f"desk leg {data['leg'].partition('.')[2]} rings",
    "rung_ended": lambda data: f"rung {data['rung']}: {data['unit']} ends, {data['reason']}",
    "connected": lambda data: f"connected to {data['desk']}",
    "recording_finished": lambda data: f"recording: {data['seconds']:.1f} s in {data['file']}",
    "recording_failed": lambda data: f"recording FAILED: {data['reason']}",
    "handed_over": lambda data: f"handed over to {data['to']}: {data['reason']}",
    "fault": lambda data: f"fault: {data['what']} {data['detail']}",
    "ended": _ended,
}
