"""What the call machine does with each thing that can happen to a call."""

from dataclasses import replace

import pytest

from ari_app.call import Phase
from ari_app.call import commands as do
from ari_app.call import events as on
from ari_app.call.diagram import diagram
from ari_app.call.state import LegEnd, Rules, Timer
from routing.plan import PlanReason, RoutePlan
from tests.unit.call_driver import PLAN, arrived, dialled, hung_up, rung, spoken


def test_all_desks_of_the_first_unit_ring_before_the_caller_hears_anything() -> None:
    call = arrived()
    kinds = [type(c) for c in call.commands if not isinstance(c, do.Note)]
    assert dialled(call.commands) == ["call.1.1", "call.1.2"]
    assert kinds.index(do.DialDesk) < kinds.index(do.AnswerCaller) < kinds.index(do.Speak)


def test_answer_on_connect_rings_the_caller_and_answers_with_the_desk() -> None:
    call = arrived(Rules(answer_at_once=False))
    assert do.RingCaller() in call.commands
    assert do.AnswerCaller() not in call.commands
    fresh = call.feed(on.LegAnswered(3.0, "call.1.1"))
    assert do.AnswerCaller() in fresh


def test_silent_units_escalate_and_the_last_one_is_rung_again() -> None:
    call = arrived()
    call.feed(on.LegRinging(0.1, "call.1.1"), on.TimerFired(10.0, Timer.RUNG, 1))
    assert dialled(call.commands)[2:] == ["call.2.1"]
    call.feed(on.LegRinging(10.1, "call.2.1"), on.TimerFired(20.0, Timer.RUNG, 2))
    call.feed(on.LegRinging(20.1, "call.3.1"))
    fresh = call.feed(on.TimerFired(30.0, Timer.RUNG, 3))
    assert dialled(fresh) == ["call.4.1", "call.4.2"]
    assert set(hung_up(fresh)) == {"call.3.1", "call.3.2"}
    assert [n["unit"] for n in call.notes("rung_started")] == [
        "polres-1271",
        "polda-12",
        "mabes",
        "mabes",
    ]


def test_a_unit_is_left_at_once_when_its_last_phone_falls_away() -> None:
    call = arrived()
    assert not dialled(call.feed(on.LegGone(0.1, "call.1.1", 17, LegEnd.BUSY)))
    fresh = call.feed(on.LegRefused(0.2, "call.1.2", LegEnd.UNREACHABLE))
    assert dialled(fresh) == ["call.2.1"]
    assert call.notes("rung_ended")[0]["reason"] == "busy"


def test_phones_that_never_ring_are_not_waited_for() -> None:
    call = arrived()
    fresh = call.feed(on.TimerFired(0.9, Timer.PROGRESS, 1))
    assert dialled(fresh) == ["call.2.1"]
    assert call.notes("rung_ended")[0]["reason"] == "unreachable"


def test_a_ringing_phone_is_given_its_whole_time() -> None:
    call = arrived()
    call.feed(on.LegRinging(0.2, "call.1.2"))
    assert call.feed(on.TimerFired(0.9, Timer.PROGRESS, 1)) == []


def test_when_nobody_can_be_reached_the_whole_ladder_is_tried_again_after_a_pause() -> None:
    call = arrived()
    for attempt in (1, 2, 3):
        call.feed(on.TimerFired(float(attempt), Timer.PROGRESS, attempt))
    assert call.state.phase is Phase.PAUSED
    fresh = call.feed(on.TimerFired(5.0, Timer.AGAIN, 3))
    assert dialled(fresh) == ["call.4.1", "call.4.2"]
    assert call.notes("rung_started")[-1]["unit"] == "polres-1271"


def test_of_two_desks_that_answer_at_once_one_gets_the_call_and_the_other_is_hung_up_after() -> (
    None
):
    call = arrived()
    call.feed(on.LegAnswered(2.0, "call.1.2"))
    assert not hung_up(call.feed(on.LegAnswered(2.0, "call.1.1")))
    fresh = call.feed(on.Bridged(2.01, "call.1.2"))
    assert hung_up(fresh) == ["call.1.1"]
    assert call.notes("connected")[0]["desk"] == "polres-1271-desk2"


def test_a_winner_that_cannot_be_bridged_gives_way_to_the_other_who_answered() -> None:
    call = arrived()
    call.feed(on.LegAnswered(2.0, "call.1.2"), on.LegAnswered(2.0, "call.1.1"))
    fresh = call.feed(on.BridgeFailed(2.1, "call.1.2"))
    assert do.Connect("call.1.1") in fresh


def test_a_desk_that_answers_and_hangs_up_at_once_loses_no_caller() -> None:
    call = arrived()
    call.feed(on.LegRinging(0.1, "call.1.1"), on.LegAnswered(2.0, "call.1.2"))
    call.feed(on.LegGone(2.1, "call.1.2", 16, LegEnd.HUNG_UP))
    assert call.state.phase is Phase.RINGING
    assert do.Connect("call.1.1") in call.feed(on.LegAnswered(3.0, "call.1.1"))


def test_an_escalation_does_not_cut_the_greeting_off() -> None:
    call = arrived()
    call.feed(on.TimerFired(0.9, Timer.PROGRESS, 1))
    assert spoken(call.commands) == ["greeting-recorded"]
    fresh = call.feed(on.TimerFired(10.0, Timer.SPEECH, 1))
    assert spoken(fresh) == ["escalated-to-polda"]
    assert call.feed(on.TimerFired(16.0, Timer.SPEECH, 2)) == []  # it rings back by itself


def test_ringback_gives_way_to_an_announcement() -> None:
    call = arrived(Rules(greeting=False))
    call.feed(on.LegRinging(0.1, "call.1.1"))
    fresh = call.feed(on.TimerFired(10.0, Timer.RUNG, 1))
    order = [c for c in fresh if isinstance(c, do.StopPlaying | do.Speak)]
    assert order == [do.StopPlaying(), do.Speak("escalated-to-polda")]


def test_a_blocked_caller_hears_the_announcement_and_no_desk_rings() -> None:
    call = arrived(blocked=True)
    assert dialled(call.commands) == []
    assert spoken(call.commands) == ["blocked"]
    fresh = call.feed(on.PromptFinished(4.0, 1))
    assert do.HangUpCaller(21) in fresh
    assert call.notes("ended")[0]["outcome"] == "blocked"


def test_a_blocked_caller_is_not_answered_where_only_a_desk_answers() -> None:
    call = arrived(Rules(answer_at_once=False), blocked=True)
    assert do.AnswerCaller() not in call.commands
    assert do.Announce(1, "blocked") in call.commands
    assert do.HangUpCaller(21) in call.feed(on.PromptFinished(4.0, 1))
    assert call.notes("caller_answered") == []


@pytest.mark.parametrize(
    ("events", "outcome", "by"),
    [
        ([on.CallerGone(1.0, 16)], "abandoned", "caller"),
        ([on.LegAnswered(1.0, "call.1.1"), on.CallerGone(1.0, 16)], "abandoned", "caller"),
        (
            [
                on.LegAnswered(1.0, "call.1.1"),
                on.Bridged(1.0, "call.1.1"),
                on.CallerGone(9.0, 16),
            ],
            "connected",
            "caller",
        ),
        (
            [
                on.LegAnswered(1.0, "call.1.1"),
                on.Bridged(1.0, "call.1.1"),
                on.LegGone(9.0, "call.1.1", 16, LegEnd.HUNG_UP),
            ],
            "connected",
            "desk",
        ),
    ],
)
def test_the_outcome_names_who_ended_it(events: list[on.CallEvent], outcome: str, by: str) -> None:
    call = arrived()
    call.feed(*events)
    (ended,) = call.notes("ended")
    assert (ended["outcome"], ended["by"]) == (outcome, by)
    assert ended["unit"] == "polres-1271"


def test_a_leg_that_is_made_after_the_caller_left_is_taken_down() -> None:
    call = arrived()
    call.feed(on.CallerGone(0.01, 16))
    assert hung_up(call.feed(on.LegCreated(0.02, "call.1.1"))) == ["call.1.1"]


def test_a_caller_who_left_during_the_greeting_has_not_heard_it() -> None:
    call = arrived()
    call.feed(on.PromptFinished(1.0, 1, played=False))
    call.feed(on.CallerGone(1.001, 16))
    assert call.notes("greeting_finished") == []


def test_a_blocked_caller_who_left_during_the_announcement_ended_the_call() -> None:
    call = arrived(blocked=True)
    call.feed(on.PromptFinished(1.0, 1, played=False))
    call.feed(on.CallerGone(1.001, 16))
    assert [note["by"] for note in call.notes("ended")] == ["caller"]


def test_a_blocked_caller_whose_announcement_cannot_be_played_is_not_kept_waiting() -> None:
    call = arrived(blocked=True)
    fresh = call.feed(on.PromptFinished(0.01, 1, played=False))
    assert do.StartTimer(Timer.ANNOUNCEMENT, 0.5, 0) in fresh
    call.feed(on.TimerFired(0.51, Timer.ANNOUNCEMENT, 0))
    assert [note["by"] for note in call.notes("ended")] == ["service"]


def test_an_overloaded_service_hands_the_whole_plan_over() -> None:
    call = arrived(hand_over="event lag")
    assert do.HandOver(1) in call.commands
    assert dialled(call.commands) == []
    call.feed(on.HandedOver(0.01))
    assert call.state.done


def test_a_call_handed_over_midway_goes_on_at_its_rung() -> None:
    call = arrived()
    call.feed(on.TimerFired(0.9, Timer.PROGRESS, 1))
    fresh = call.feed(on.HandOverAsked(2.0, "shutdown"))
    assert do.HandOver(2) in fresh
    assert "call.2.1" in hung_up(fresh)


def test_a_hand_over_that_fails_is_conducted_after_all() -> None:
    call = arrived(hand_over="event lag")
    fresh = call.feed(on.HandOverFailed(0.5, caller_gone=False))
    assert dialled(fresh) == ["call.1.1", "call.1.2"]
    assert do.AnswerCaller() in fresh


BETTER = RoutePlan(
    (rung("polres-5371", "polres", 1), rung("polda-53", "polda", 1)), PlanReason.LOCATION
)


def test_a_better_location_rings_the_right_unit_and_the_caller_stays() -> None:
    call = arrived()
    call.feed(on.LegRinging(0.1, "call.1.1"))
    fresh = call.feed(on.Replanned(3.0, BETTER))
    assert set(hung_up(fresh)) == {"call.1.1", "call.1.2"}
    assert dialled(fresh) == ["call.2.1"]
    # The clock that knows when the greeting is over must go on: later announcements wait for it.
    assert not any(
        isinstance(c, do.StopTimers | do.Speak | do.StopPlaying | do.Ringback | do.HangUpCaller)
        for c in fresh
    )
    assert call.notes("rung_ended")[0]["reason"] == "better_location"
    assert [r["unit"] for r in call.notes("planned")[0]["rungs"]] == ["polres-5371", "polda-53"]
    assert call.notes("rung_started")[-1] == {"rung": 2, "unit": "polres-5371"}
    call.feed(on.LegRinging(3.1, "call.2.1"), on.TimerFired(13.0, Timer.RUNG, 2))
    assert call.notes("rung_started")[-1]["unit"] == "polda-53"


def test_a_call_that_was_passed_up_begins_at_the_right_unit() -> None:
    call = arrived(Rules(greeting=True))
    call.feed(on.LegRinging(0.1, "call.1.1"), on.TimerFired(10.0, Timer.RUNG, 1))
    assert call.state.pending_speech == "escalated-to-polda"
    call.feed(on.Replanned(11.0, BETTER))
    assert call.state.current.unit == "polres-5371"
    assert call.state.pending_speech is None  # it is passed to no Polda now


def test_a_better_location_of_the_same_unit_lets_it_ring_on() -> None:
    call = arrived()
    assert call.feed(on.Replanned(3.0, replace(PLAN, reason=PlanReason.TRUNK_DEFAULT))) == []


def test_a_connected_call_is_not_moved_by_a_better_location() -> None:
    call = arrived()
    call.feed(on.LegAnswered(1.0, "call.1.1"), on.Bridged(1.1, "call.1.1"))
    assert call.feed(on.Replanned(3.0, BETTER)) == []


def test_the_generated_diagram_in_the_docs_is_current() -> None:
    with open("docs/call.md", encoding="utf-8") as page:
        assert page.read() == diagram()
