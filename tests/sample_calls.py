"""Whole calls as events, as the application and the dialplan write them."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import uuid_utils

from db.events import Event

BEGAN = datetime(2026, 1, 5, 3, 4, 5, tzinfo=UTC)
UNITS = ("polres-1271", "polda-12", "mabes")

Told = tuple[float, str, dict[str, Any]]


def new_call_id() -> str:
    return str(uuid_utils.uuid7())


def events(
    call: str, told: Sequence[Told], writer: str = "node-1.app-1", began: datetime = BEGAN
) -> list[Event]:
    """(seconds since the call began, kind, data) -> events, counted from 1."""
    return [
        Event(call, writer, seq, began + timedelta(seconds=seconds), kind, data)
        for seq, (seconds, kind, data) in enumerate(told, start=1)
    ]


def arrival(number: str | None = "+6281234567890") -> list[Told]:
    fix = {"lat": 3.5952, "lon": 98.6722, "uncertainty_m": 35, "source": "pidf_lo", "at": None}
    return [
        (
            0.0,
            "arrived",
            {
                "channel": "1795500784.1",
                "trunk": "trunk-a",
                "dialled": "110",
                "number": number,
                "number_raw": "081234567890",
                "withheld": False,
                "asserted": True,
                "way": "ari",
            },
        ),
        (
            0.001,
            "located",
            {
                "fix": fix,
                "rejected": [
                    {"source": "pidf_lo", "fault": "zero", "raw": "0 0", "fix": None},
                ],
                "others": [],
                "reason": "only_fix",
                "kabupaten": "1271",
                "kabupaten_name": "Kota Medan",
                "kecamatan_name": "Medan Petisah",
                "polres": "polres-1271",
                "second": "polres-1207",
                "ambiguous": False,
                "distance_km": 0.512,
            },
        ),
        (0.002, "checked", {"verdict": "pass", "reason": "not on the block list"}),
        (
            0.003,
            "planned",
            {
                "reason": "location",
                "rungs": [
                    {
                        "unit": unit,
                        "name": name,
                        "level": unit.partition("-")[0],
                        "desks": [f"{unit}-desk1", f"{unit}-desk2"],
                        "ring_seconds": 10.0,
                    }
                    for unit, name in zip(
                        UNITS, ("Polrestabes Medan", "Polda Sumatera Utara", "Mabes"), strict=True
                    )
                ],
            },
        ),
        (0.01, "caller_answered", {}),
        (0.01, "greeting_started", {}),
    ]


def unanswered_rung(call: str, rung: int, starts: float) -> list[Told]:
    unit = UNITS[min(rung, len(UNITS)) - 1]
    place = {"rung": rung, "unit": unit}
    leg = f"{call}.{rung}.1"
    return [
        (starts, "rung_started", place),
        (starts, "leg_dialled", {"leg": leg, **place, "desk": f"{unit}-desk1"}),
        (starts + 0.1, "leg_ringing", {"leg": leg}),
        (starts + 10, "rung_ended", {**place, "reason": "no_answer", "seconds": 10.0}),
        (starts + 10.05, "leg_ended", {"leg": leg, "reason": "no_answer", "cause": 19}),
    ]


def answered_rung(call: str, rung: int, starts: float, talk: float = 60.0) -> list[Told]:
    unit = UNITS[min(rung, len(UNITS)) - 1]
    place = {"rung": rung, "unit": unit}
    first, second = f"{call}.{rung}.1", f"{call}.{rung}.2"
    answered, over = starts + 3, starts + 3 + talk
    return [
        (starts, "rung_started", place),
        (starts, "leg_dialled", {"leg": first, **place, "desk": f"{unit}-desk1"}),
        (starts, "leg_dialled", {"leg": second, **place, "desk": f"{unit}-desk2"}),
        (starts + 0.1, "leg_ringing", {"leg": first}),
        (starts + 0.2, "leg_ringing", {"leg": second}),
        (answered, "leg_answered", {"leg": first}),
        (answered, "rung_ended", {**place, "reason": "answered", "seconds": 3.0}),
        (answered, "connected", {"leg": first, **place, "desk": f"{unit}-desk1"}),
        (answered, "recording_started", {"name": call}),
        (answered + 0.1, "leg_ended", {"leg": second, "reason": "cancelled", "cause": 26}),
        (over, "leg_ended", {"leg": first, "reason": "hung_up", "cause": 16}),
        (
            over,
            "ended",
            {
                "outcome": "connected",
                **place,
                "by": "desk",
                "cause": 16,
                "fault": None,
                "talk_seconds": talk,
                "wait_seconds": answered,
            },
        ),
        (
            over + 0.5,
            "recording_finished",
            {
                "file": f"recordings/2026/01/05/{call}.wav",
                "seconds": talk - 0.1,
                "bytes": 960044,
                "sha256": "c0ffee" + "0" * 58,
            },
        ),
    ]


def connected_call(call: str, writer: str = "node-1.app-1") -> list[Event]:
    """The Polres is silent, the Polda answers, a minute of talk."""
    told = [*arrival(), *unanswered_rung(call, 1, 0.02), *answered_rung(call, 2, 10.1)]
    return events(call, told, writer)


def abandoned_call(call: str, number: str | None = None) -> list[Event]:
    """The caller leaves while the first rung rings."""
    left: Told = (
        4.0,
        "ended",
        {
            "outcome": "abandoned",
            "rung": 1,
            "unit": UNITS[0],
            "by": "caller",
            "cause": 16,
            "fault": None,
            "talk_seconds": None,
            "wait_seconds": 4.0,
        },
    )
    return events(call, [*arrival(number), *unanswered_rung(call, 1, 0.02)[:3], left])
