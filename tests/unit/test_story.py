"""The story of a call, as a person reads it."""

from datetime import timedelta, timezone
from typing import Any

import pytest

from db.events import Event
from db.models import CallRow, LegRow, RecordingRow, RungRow
from db.projection import in_order, project
from db.reader import CallRecord
from db.story import story
from tests.sample_calls import abandoned_call, arrival, connected_call, events

CALL = "0199aaaa-0000-7000-8000-000000000001"
WIB = timezone(timedelta(hours=7), "WIB")


def record(told: list[Event]) -> CallRecord:
    rows = project(told)
    return CallRecord(
        CallRow(**rows.call),
        tuple(RungRow(**row) for row in rows.rungs),
        tuple(LegRow(**row) for row in rows.legs),
        tuple(RecordingRow(**row) for row in rows.recordings),
        tuple(in_order(told)),
    )


def told(events: list[Event]) -> str:
    return "\n".join(story(record(events), WIB))


def test_the_story_of_a_connected_call():
    assert told(connected_call(CALL)).splitlines() == [
        "Call          0199aaaa-0000-7000-8000-000000000001",
        "Arrived       2026-01-05 10:04:05.000 WIB on trunk-a, conducted by the application",
        "Caller        +6281234567890 (asserted by the trunk) dialled 110",
        "Block list    pass: not on the block list",
        "Location      3.59520, 98.67220 within 35 m, by the INVITE's PIDF-LO (only_fix)",
        "  not used    the INVITE's PIDF-LO: zero: 0 0",
        "Jurisdiction  polres-1271: Kota Medan, Medan Petisah, nearest village 0.5 km; "
        "second candidate polres-1207",
        "Plan          by location: Polrestabes Medan 10 s -> Polda Sumatera Utara 10 s"
        " -> Mabes 10 s",
        "Rung 1        polres-1271 Polrestabes Medan, 10.0 s: no answer",
        "  polres-1271-desk1 rang after 0.1 s, no answer (cause 19, no answer)",
        "Rung 2        polda-12 Polda Sumatera Utara, 3.0 s: answered",
        "  polda-12-desk1 rang after 0.1 s, answered after 3.0 s, hung up"
        " (cause 16, normal clearing)",
        "  polda-12-desk2 rang after 0.2 s, cancelled (cause 26, non-selected user)",
        "Answered      by polda-12-desk1 (polda-12) after 13.1 s",
        "Outcome       CONNECTED, ended by the desk (cause 16, normal clearing)",
        "Talk          60.0 s",
        "Ended         2026-01-05 10:05:18.100 WIB",
        f"Recording     recordings/2026/01/05/{CALL}.wav, 59.9 s, 960,044 bytes",
        "  SHA-256     c0ffee" + "0" * 58,
    ]


def test_an_abandoned_call_says_after_how_long_and_in_which_rung():
    assert "ABANDONED, ended by the caller (cause 16, normal clearing), after 4.0 s in rung 1" in (
        told(abandoned_call(CALL))
    )


def test_a_call_that_lasts_is_open():
    text = told(events(CALL, arrival()))
    assert "Outcome       none yet: the call is open" in text


@pytest.mark.parametrize(
    ("kind", "data", "line"),
    [
        (
            "recording_failed",
            {"reason": "the recording is empty", "file": None},
            "Recording     FAILED: the recording is empty",
        ),
        ("fault", {"what": "stuck", "detail": "RINGING"}, "Fault         stuck: RINGING"),
        (
            "handing_over",
            {"reason": "overload", "rung": 1},
            "Handed over   to the dialplan: overload",
        ),
    ],
)
def test_what_went_wrong_is_told(kind: str, data: dict[str, Any], line: str):
    assert line in told(events(CALL, [*arrival(), (9.0, kind, data)])).splitlines()


def test_a_contradiction_in_the_record_is_told():
    text = told([*connected_call(CALL), *abandoned_call(CALL)[-1:], *late_end()])
    assert "Contradiction ended again as connected by node-1.app-1" in text


def late_end() -> list[Event]:
    return events(CALL, [(99.0, "ended", {"outcome": "failed"})], "dialplan")


def test_what_a_caller_sent_cannot_play_tricks_on_the_terminal():
    rejected = [{"source": "pidf_lo", "fault": "malformed", "raw": "\x1b[2J\r" + "A" * 500}]
    text = told(events(CALL, [*arrival(), (1, "located", {"fix": None, "rejected": rejected})]))
    assert "\x1b" not in text
    assert "\r" not in text
    assert max(map(len, text.splitlines())) < 200


@pytest.mark.parametrize(
    "arrived", [[], [(0.0, "arrived", {})], [(0.0, "ended", {"outcome": "failed"})]]
)
def test_a_record_with_gaps_is_told_as_far_as_it_goes(arrived: list[Any]):
    text = told(events(CALL, [*arrived, (1.0, "leg_ended", {"leg": f"{CALL}.9.1"})]))
    assert "on an unknown trunk" in text
    assert "no number dialled an unknown number" in text
