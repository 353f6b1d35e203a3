"""Rows from events: the same rows in whatever order the events come."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.events import Event
from db.projection import (
    CALL_COLUMNS,
    LEG_COLUMNS,
    MOST_ANOMALIES,
    RECORDING_COLUMNS,
    RUNG_COLUMNS,
    project,
)
from tests.sample_calls import BEGAN, abandoned_call, arrival, connected_call, events

CALL = "0199aaaa-0000-7000-8000-000000000001"


def at(seconds: float) -> Any:
    return BEGAN + timedelta(seconds=seconds)


def ended(outcome: str, writer: str, seconds: float) -> Event:
    return Event(CALL, writer, 1, at(seconds), "ended", {"outcome": outcome})


def test_a_connected_call_has_its_whole_story_in_its_row():
    call = project(connected_call(CALL)).call
    assert call == {
        "call_id": CALL,
        "began_at": BEGAN,
        "way": "ari",
        "channel": "1795500784.1",
        "trunk": "trunk-a",
        "dialled": "110",
        "number": 6281234567890,
        "number_raw": "081234567890",
        "withheld": False,
        "asserted": True,
        "verdict": "pass",
        "verdict_reason": "not on the block list",
        "location_source": "pidf_lo",
        "lat": 3.5952,
        "lon": 98.6722,
        "uncertainty_m": 35.0,
        "kabupaten": "1271",
        "polres": "polres-1271",
        "second": "polres-1207",
        "ambiguous": False,
        "distance_km": 0.512,
        "plan_reason": "location",
        "plan": ["polres-1271", "polda-12", "mabes"],
        "answered_at": at(0.01),
        "connected_at": at(13.1),
        "ended_at": at(73.1),
        "outcome": "connected",
        "rung": 2,
        "unit": "polda-12",
        "desk": "polda-12-desk1",
        "ended_by": "desk",
        "cause": "16",
        "fault": None,
        "wait_seconds": 13.1,
        "talk_seconds": 60.0,
        "handed_over": None,
        "anomalies": [],
    }


def test_each_rung_leg_and_recording_has_its_row():
    rows = project(connected_call(CALL))
    assert [(r["rung"], r["unit"], r["name"], r["ended_reason"]) for r in rows.rungs] == [
        (1, "polres-1271", "Polrestabes Medan", "no_answer"),
        (2, "polda-12", "Polda Sumatera Utara", "answered"),
    ]
    assert [(leg["leg"], leg["desk"], leg["ended_reason"], leg["cause"]) for leg in rows.legs] == [
        (f"{CALL}.1.1", "polres-1271-desk1", "no_answer", "19"),
        (f"{CALL}.2.1", "polda-12-desk1", "hung_up", "16"),
        (f"{CALL}.2.2", "polda-12-desk2", "cancelled", "26"),
    ]
    assert [(r["name"], r["state"], r["seconds"]) for r in rows.recordings] == [
        (CALL, "finished", 59.9)
    ]


def test_a_caller_who_leaves_is_abandoned_in_the_rung_that_rang():
    call = project(abandoned_call(CALL)).call
    assert (call["outcome"], call["rung"], call["unit"]) == ("abandoned", 1, "polres-1271")
    assert (call["number"], call["connected_at"]) == (None, None)


@given(st.data())
def test_order_and_repetition_of_events_change_nothing(data: st.DataObject):
    told = [*connected_call(CALL), *connected_call(CALL, "dialplan"), ended("failed", "late", 99)]
    shuffled = data.draw(st.permutations(told + told[::3]))
    assert sorted_rows(project(shuffled)) == sorted_rows(project(told))


def sorted_rows(rows: Any) -> Any:
    return (
        rows.call,
        sorted(rows.rungs, key=lambda row: row["rung"]),
        sorted(rows.legs, key=lambda row: row["leg"]),
        sorted(rows.recordings, key=lambda row: row["name"]),
    )


def test_the_first_outcome_wins_and_a_second_is_an_anomaly():
    told = [ended("failed", "b", 9), ended("connected", "a", 8), *events(CALL, arrival())]
    call = project(told).call
    assert call["outcome"] == "connected"
    assert call["anomalies"] == ["ended again as failed by b"]


def test_an_outcome_that_is_none_counts_as_failed():
    call = project([ended("vanished", "a", 1)]).call
    assert (call["outcome"], call["anomalies"]) == ("failed", ["outcome vanished is none"])


def test_two_desks_connected_and_two_arrivals_are_anomalies():
    told = [
        *events(CALL, arrival()),
        *events(CALL, arrival(), "other"),
        *events(CALL, [(1, "connected", {"desk": "a"}), (2, "connected", {"desk": "b"})], "x"),
    ]
    call = project(told).call
    assert call["desk"] == "a"
    assert call["anomalies"] == ["arrived twice", "connected again: b"]


def test_anomalies_are_bounded():
    told = [ended("failed", f"writer-{n}", n) for n in range(1000)]
    assert len(project(told).call["anomalies"]) == MOST_ANOMALIES


def test_a_better_location_found_later_replaces_the_first():
    better = {"fix": {"lat": 1.0, "lon": 2.0, "source": "aml"}, "polres": "polres-1207"}
    told = events(CALL, [*arrival(), (3, "located", better)])
    call = project(told).call
    assert (call["lat"], call["location_source"], call["polres"]) == (1.0, "aml", "polres-1207")
    assert (call["kabupaten"], call["second"]) == (None, None)


@pytest.mark.parametrize(
    ("told", "state", "fault"),
    [
        ([(0, "recording_started", {"name": CALL})], "started", None),
        (
            [(0, "recording_failed", {"reason": "it is empty", "file": None})],
            "failed",
            "it is empty",
        ),
        (
            [
                (0, "recording_started", {"name": CALL}),
                (1, "recording_failed", {"reason": "no space", "file": None}),
            ],
            "failed",
            "no space",
        ),
    ],
)
def test_a_recording_that_failed_shows(told: Any, state: str, fault: str | None):
    recordings = project(events(CALL, told)).recordings
    assert [(r["name"], r["state"], r["fault"]) for r in recordings] == [(CALL, state, fault)]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
kinds = [kind for _, kind, _ in [*arrival()]] + [event.kind for event in connected_call(CALL)]
names = ["number", "fix", "rungs", "rung", "leg", "name", "file", "outcome", "seconds", "bytes"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*kinds, "recording_failed", "handed_over", "unheard_of"]),
            st.dictionaries(st.sampled_from(names) | st.text(), json_values, max_size=4),
        ),
        min_size=1,
        max_size=10,
    )
)
def test_data_of_any_form_makes_rows_of_the_right_form(told: list[tuple[str, dict[str, Any]]]):
    rows = project(events(CALL, [(n, kind, data) for n, (kind, data) in enumerate(told)]))
    assert set(rows.call) == set(CALL_COLUMNS)
    for made, columns in (
        (rows.rungs, RUNG_COLUMNS),
        (rows.legs, LEG_COLUMNS),
        (rows.recordings, RECORDING_COLUMNS),
    ):
        assert all(set(row) == set(columns) for row in made)


def test_a_leg_whose_process_died_is_lost_when_the_dialplan_ends_the_call() -> None:
    told = [
        Event(CALL, "node-1.app", 1, at(0.1), "leg_dialled", {"leg": "a", "desk": "d", "rung": 1}),
        Event(CALL, "dialplan", 1, at(9), "ended", {"outcome": "connected"}),
    ]
    (leg,) = project(told).legs
    assert (leg["ended_at"], leg["ended_reason"]) == (at(9), "lost")
    told[1] = Event(CALL, "node-1.app", 2, at(9), "ended", {"outcome": "connected"})
    (leg,) = project(told).legs
    assert leg["ended_at"] is None  # a living process will tell of it
