"""The dialplan's story of a call: read as it was written, told as events."""

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi import report
from agi.story import Story, StoryError, UnfinishedStoryError, parse
from db.events import Event

CALL = "01a20c2e-318c-7e29-b40d-b25c9eac589e"
PLAN = (
    "polres-1271@4@PJSIP/polres-1271-desk1&PJSIP/polres-1271-desk2"
    "|polda-12@4@PJSIP/polda-12-desk1|mabes@4@PJSIP/mabes-desk1"
)
BUSY_RUNG = (
    "1~polres-1271~1000.500~1000.504~BUSY"
    "^PJSIP/polres-1271-desk2-00000021~486^PJSIP/polres-1271-desk1-00000020~603"
)
SILENT_RUNG = "2~polda-12~1000.504~1004.506~NOANSWER^PJSIP/polda-12-desk1-00000022~180"
ANSWERED_RUNG = "3~mabes~1004.506~1010.000~ANSWER^PJSIP/mabes-desk1-00000023~200"


def text(*rungs: str, facts: str = "", plan: str = PLAN, **changes: str) -> str:
    """A story as 21-story.conf writes it; ended by the caller at 1010.0 after 3 s of talk."""
    said = {
        "call": CALL,
        "way": "agi",
        "arrived": "1000.000",
        "taken": "1000.500",
        "ended": "1010.000",
        "answer": "at_once",
        "greeting": "1",
        "attempts": "0",
        "rung": "3",
        "unit": "mabes",
        "blocked": "",
        "by": "",
        "status": "ANSWER",
        "cause": "16",
        "desk": "PJSIP%2Fmabes-desk1-00000023",
        "answered": "1007.000",
        "file": "",
        "rungs_rung": str(len(rungs)),
        "rungs": "%7C".join(rungs),
        **changes,
    }
    line = ":".join(f"{key}={value}" for key, value in said.items())
    head = [f"facts {facts}"] if facts else []
    return "\n".join([*head, *([f"plan {plan}"] if plan else []), f"story {line}", ""])


def told(*rungs: str, **changes: str) -> list[Event]:
    return report.events(parse(text(*rungs, **changes)))


def of(events: list[Event], kind: str) -> list[dict[str, Any]]:
    return [event.data for event in events if event.kind == kind]


def test_a_story_reads_as_the_call_went() -> None:
    story = parse(text(BUSY_RUNG, SILENT_RUNG, ANSWERED_RUNG))
    assert (story.call_id, story.way, story.desk) == (CALL, "agi", "mabes-desk1")
    assert [rung.status for rung in story.rungs] == ["BUSY", "NOANSWER", "ANSWER"]
    assert story.rungs[0].said == {"polres-1271-desk2": 486, "polres-1271-desk1": 603}
    assert story.talk_seconds == 3.0
    assert [rung.unit for rung in story.plan] == ["polres-1271", "polda-12", "mabes"]


def test_an_answered_call_is_connected_when_the_desk_answered() -> None:
    events = told(BUSY_RUNG, SILENT_RUNG, ANSWERED_RUNG)
    (connected,) = [event for event in events if event.kind == "connected"]
    assert connected.at.timestamp() == 1007.0
    assert connected.data == {
        "leg": f"{CALL}.3.1",
        "rung": 3,
        "unit": "mabes",
        "desk": "mabes-desk1",
    }
    assert of(events, "ended") == [
        {
            "outcome": "connected",
            "rung": 3,
            "unit": "mabes",
            "by": "caller",
            "cause": 16,
            "fault": None,
            "talk_seconds": 3.0,
            "wait_seconds": 7.0,
        }
    ]


def test_each_desk_of_a_failed_rung_is_told_by_what_it_said() -> None:
    ends = of(told(BUSY_RUNG, SILENT_RUNG, ANSWERED_RUNG), "leg_ended")
    assert [(end["leg"][len(CALL) :], end["reason"], end["cause"]) for end in ends] == [
        (".1.1", "declined", 21),
        (".1.2", "busy", 17),
        (".2.1", "no_answer", None),
        (".3.1", "hung_up", 16),
    ]


@pytest.mark.parametrize(
    ("rung", "reason"),
    [
        (BUSY_RUNG, "declined"),
        (BUSY_RUNG.replace("~603", "~486"), "busy"),
        (SILENT_RUNG, "no_answer"),
        ("2~polda-12~1~2~CHANUNAVAIL^PJSIP/polda-12-desk1-00000022~", "unreachable"),
        ("2~polda-12~1~2~CHANUNAVAIL", "unreachable"),
        ("2~polda-12~1~2~CONGESTION^PJSIP/polda-12-desk1-00000022~503", "unreachable"),
        ("2~polda-12~1~2~CANCEL^PJSIP/polda-12-desk1-00000022~180", "caller_left"),
    ],
)
def test_a_rung_ends_for_the_reason_its_desks_gave(rung: str, reason: str) -> None:
    events = told(rung, status="CANCEL", desk="", answered="")
    assert of(events, "rung_ended")[0]["reason"] == reason


def test_a_caller_who_left_while_it_rang_abandoned_the_call_in_that_rung() -> None:
    rung = "1~polres-1271~1000.5~1010.0~CANCEL^PJSIP/polres-1271-desk1-00000020~180"
    events = told(rung, rung="1", unit="polres-1271", status="CANCEL", desk="", answered="")
    (ended,) = of(events, "ended")
    assert (ended["outcome"], ended["rung"], ended["unit"]) == ("abandoned", 1, "polres-1271")
    assert (ended["talk_seconds"], ended["wait_seconds"]) == (None, 10.0)
    assert {end["reason"] for end in of(events, "leg_ended")} == {"cancelled"}


def test_rungs_count_on_from_those_of_the_application() -> None:
    events = told(ANSWERED_RUNG, attempts="4")
    assert of(events, "ended")[0]["rung"] == 5
    assert of(events, "connected")[0]["leg"] == f"{CALL}.5.1"


def test_a_blocked_caller_is_blocked_whoever_hangs_up() -> None:
    for by, whose in (("service", "service"), ("", "caller")):
        changes = {"blocked": "3%20pranks", "by": by, "status": "", "desk": "", "answered": ""}
        events = told(plan="", rung="", unit="", **changes)
        (ended,) = of(events, "ended")
        assert (ended["outcome"], ended["by"]) == ("blocked", whose)
        assert of(events, "greeting_started") == []


def test_a_caller_who_left_before_anything_was_decided_is_in_the_record() -> None:
    facts = "trunk=trunk-a:dialled=110:uid=1.1"
    story = parse(
        text(
            facts=facts,
            plan="",
            way="static",
            taken="",
            rung="",
            unit="",
            status="",
            desk="",
            answered="",
        )
    )
    events = report.events(story, [("arrived", {"way": "static"}), ("planned", {"rungs": []})])
    assert [event.kind for event in events] == ["arrived", "ended"]
    assert events[-1].data["outcome"] == "abandoned"


def test_a_static_plan_is_told_as_what_was_rung_not_as_what_would_have_been() -> None:
    facts = "trunk=trunk-a:dialled=110:uid=1.1"
    story = parse(text(ANSWERED_RUNG, facts=facts, way="static"))
    decided = [("arrived", {}), ("located", {}), ("checked", {"verdict": "blocked"})]
    events = report.events(story, [*decided, ("planned", {"rungs": []})])
    assert of(events, "checked")[0]["verdict"] == "unchecked"
    assert [rung["unit"] for rung in of(events, "planned")[0]["rungs"]] == [
        *("polres-1271", "polda-12", "mabes")
    ]


def test_a_file_without_its_last_line_is_not_over() -> None:
    whole = text(ANSWERED_RUNG)
    for end in range(len(whole)):
        with pytest.raises(UnfinishedStoryError):
            parse(whole[:end])


@pytest.mark.parametrize(
    "changes",
    [
        {"call": "../../etc/passwd"},
        {"ended": "yesterday"},
        {"ended": "1e400"},
        {"rungs": "1~polres"},
        {"plan": "nonsense"},
        {"desk": "SIP/other"},
    ],
)
def test_nonsense_is_refused(changes: dict[str, str]) -> None:
    with pytest.raises(StoryError):
        parse(text(ANSWERED_RUNG, **changes))


@given(st.text(), st.text())
def test_any_file_is_a_story_or_refused(line: str, rest: str) -> None:
    for given_text in (line, f"story {line}\n", text(ANSWERED_RUNG, by=line), text(line), rest):
        try:
            assert isinstance(parse(given_text), Story)
        except StoryError:
            continue


RUNGS = st.lists(
    st.tuples(
        st.sampled_from(("BUSY", "NOANSWER", "CHANUNAVAIL", "CONGESTION", "CANCEL", "ANSWER")),
        st.sampled_from(("", "180", "200", "486", "603", "503")),
        st.floats(0, 5),
    ),
    max_size=6,
)


@given(RUNGS, st.sampled_from(("ari", "agi", "static")), st.booleans())
def test_every_story_ends_in_exactly_one_outcome(
    rungs: list[tuple[str, str, float]], way: str, cut: bool
) -> None:
    entries, clock = [], 1000.5
    for number, (status, sip, seconds) in enumerate(rungs, start=1):
        entries.append(
            f"{number % 3 + 1}~polda-12~{clock:.3f}~{clock + seconds:.3f}~{status}"
            f"^PJSIP/polda-12-desk1-0000000{number}~{sip}"
        )
        clock += seconds
    status = rungs[-1][0] if rungs and not cut else ""
    desk = "PJSIP%2Fpolda-12-desk1-00000001"
    events = told(*entries, way=way, status=status, desk=desk, ended=f"{clock:.3f}", answered="")
    assert [event.kind for event in events].count("ended") == 1
    assert events[-1].kind == "ended"
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert all(isinstance(event.at, datetime) and event.at.tzinfo for event in events)
    assert [event.at for event in events] == sorted(event.at for event in events)
    dialled = {data["leg"] for data in of(events, "leg_dialled")}
    assert sorted(data["leg"] for data in of(events, "leg_ended")) == sorted(dialled)
    assert len(of(events, "connected")) == (events[-1].data["outcome"] == "connected")
