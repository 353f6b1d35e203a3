"""The call machine under any order of events: one outcome, no leg left, one desk connected."""

from collections.abc import Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ari_app.call import TABLE, CallState, Phase, step
from ari_app.call import commands as do
from ari_app.call import events as on
from ari_app.call.diagram import diagram
from ari_app.call.state import LegEnd, Rules, Timer
from routing.plan import PlanReason, RoutePlan, Rung, RungDesk


def rung(unit: str, level: str, desks: int, seconds: float = 10.0) -> Rung:
    phones = tuple(
        RungDesk(f"{unit}-desk{n}", f"PJSIP/{unit}-desk{n}") for n in range(1, desks + 1)
    )
    return Rung(unit, unit, level, phones, seconds)


PLAN = RoutePlan(
    (rung("polres-1271", "polres", 2), rung("polda-12", "polda", 1), rung("mabes", "mabes", 2)),
    PlanReason.LOCATION,
)


@dataclass
class Driver:
    """Feeds a call and remembers every command, note and phase."""

    state: CallState
    commands: list[do.Command] = field(default_factory=list)

    def feed(self, *events: on.CallEvent) -> list[do.Command]:
        fresh: list[do.Command] = []
        for event in events:
            before = self.state
            self.state, commands = step(before, event)
            if self.state.phase is not before.phase:
                assert self.state.phase in TABLE[before.phase, type(event)].leads_to
            fresh.extend(commands)
        self.commands.extend(fresh)
        return fresh

    def notes(self, kind: str) -> list[dict[str, object]]:
        return [dict(c.data) for c in self.commands if isinstance(c, do.Note) and c.kind == kind]

    @property
    def kinds(self) -> list[str]:
        return [c.kind for c in self.commands if isinstance(c, do.Note)]


def arrived(rules: Rules | None = None, plan: RoutePlan = PLAN, **how: object) -> Driver:
    driver = Driver(CallState("call", rules or Rules()))
    driver.feed(on.Arrived(0.0, plan, **how))  # type: ignore[arg-type]
    return driver


def dialled(commands: Iterable[do.Command]) -> list[str]:
    return [c.leg for c in commands if isinstance(c, do.DialDesk)]


def hung_up(commands: Iterable[do.Command]) -> list[str]:
    return [c.leg for c in commands if isinstance(c, do.HangUpLeg)]


def spoken(commands: Iterable[do.Command]) -> list[tuple[str, ...]]:
    return [c.names for c in commands if isinstance(c, do.Speak)]


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
    assert spoken(call.commands) == [("greeting", "recording-notice")]
    fresh = call.feed(on.PromptFinished(5.0, 1))
    assert spoken(fresh) == [("escalated-to-polda",)]
    assert do.RingbackTone(3) in call.feed(on.PromptFinished(8.0, 2))


def test_ringback_gives_way_to_an_announcement() -> None:
    call = arrived(Rules(greeting=False))
    call.feed(on.LegRinging(0.1, "call.1.1"))
    fresh = call.feed(on.TimerFired(10.0, Timer.RUNG, 1))
    order = [c for c in fresh if isinstance(c, do.StopPlaying | do.Speak)]
    assert order == [do.StopPlaying(1), do.Speak(2, ("escalated-to-polda",))]


def test_a_blocked_caller_hears_the_announcement_and_no_desk_rings() -> None:
    call = arrived(blocked=True)
    assert dialled(call.commands) == []
    assert spoken(call.commands) == [("blocked",)]
    fresh = call.feed(on.PromptFinished(4.0, 1))
    assert do.HangUpCaller(21) in fresh
    assert call.notes("ended")[0]["outcome"] == "blocked"


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


def test_the_generated_diagram_in_the_docs_is_current() -> None:
    with open("docs/call.md", encoding="utf-8") as page:
        assert page.read() == diagram()


class AnyOrder(RuleBasedStateMachine):
    """Asterisk, desks, caller and clocks doing anything they can, in any order."""

    @initialize(
        answer_at_once=st.booleans(),
        greeting=st.booleans(),
        recording=st.booleans(),
        desks=st.lists(st.integers(0, 3), min_size=1, max_size=3),
        how=st.sampled_from([{}, {}, {"blocked": True}, {"hand_over": "load"}]),
    )
    def arrive(
        self,
        answer_at_once: bool,
        greeting: bool,
        recording: bool,
        desks: list[int],
        how: dict[str, object],
    ) -> None:
        levels = ["polres", "polda", "mabes"]
        plan = RoutePlan(
            tuple(rung(f"unit-{i}", levels[i], n) for i, n in enumerate(desks)),
            PlanReason.LOCATION,
        )
        rules = Rules(answer_at_once=answer_at_once, greeting=greeting, recording=recording)
        self.t = 0.0
        self.driver = Driver(CallState("call", rules))
        self.legs: set[str] = set()  # channels that exist in Asterisk
        self.asked: set[str] = set()  # legs whose hang-up was asked for
        self.clocks: dict[Timer, int] = {}
        self.connecting: set[str] = set()
        self.recording = False
        self.caller_here = True
        self.handing_over = False
        self.prompts: list[int] = []
        self.send(on.Arrived(0.0, plan, **how))  # type: ignore[arg-type]

    def send(self, event: on.CallEvent) -> None:
        for command in self.driver.feed(event):
            match command:
                case do.DialDesk(leg=leg):
                    assert leg not in self.legs
                    self.legs.add(leg)
                case do.HangUpLeg(leg=leg):
                    self.asked.add(leg)
                case do.StartTimer(timer=timer, attempt=attempt):
                    self.clocks[timer] = attempt
                case do.StopTimers():
                    self.clocks.clear()
                case do.Connect(leg=leg):
                    self.connecting.add(leg)
                case do.StartRecording():
                    self.recording = True
                case do.HangUpCaller():
                    self.caller_here = False
                case do.HandOver():
                    self.handing_over = True
                case do.Speak(prompt=prompt) | do.RingbackTone(prompt=prompt):
                    self.prompts.append(prompt)

    def now(self) -> float:
        self.t += 0.1
        return self.t

    @precondition(lambda self: self.legs)
    @rule(data=st.data(), what=st.sampled_from(["created", "ringing", "answered"]))
    def a_leg_moves(self, data: st.DataObject, what: str) -> None:
        leg = data.draw(st.sampled_from(sorted(self.legs)))
        kind = {"created": on.LegCreated, "ringing": on.LegRinging, "answered": on.LegAnswered}
        self.send(kind[what](self.now(), leg))

    @precondition(lambda self: self.legs)
    @rule(data=st.data(), end=st.sampled_from(list(LegEnd)), refused=st.booleans())
    def a_leg_goes(self, data: st.DataObject, end: LegEnd, refused: bool) -> None:
        leg = data.draw(st.sampled_from(sorted(self.legs)))
        self.legs.remove(leg)
        t = self.now()
        self.send(on.LegRefused(t, leg, end) if refused else on.LegGone(t, leg, 16, end))

    @rule(leg=st.sampled_from(["call.1.1", "call.2.1", "call.9.9"]))
    def a_late_word_of_a_leg_that_is_gone(self, leg: str) -> None:
        if leg not in self.legs:
            self.send(on.LegCreated(self.now(), leg))
            self.send(on.LegAnswered(self.now(), leg))

    @rule(timer=st.sampled_from(list(Timer)), stale=st.booleans())
    def a_clock_runs_out(self, timer: Timer, stale: bool) -> None:
        if stale:
            self.send(on.TimerFired(self.now(), timer, -1))
        elif timer in self.clocks:
            self.send(on.TimerFired(self.now(), timer, self.clocks.pop(timer)))

    @precondition(lambda self: self.prompts)
    @rule(data=st.data())
    def a_prompt_ends(self, data: st.DataObject) -> None:
        self.send(on.PromptFinished(self.now(), data.draw(st.sampled_from(self.prompts))))

    @precondition(lambda self: self.connecting)
    @rule(data=st.data(), fails=st.booleans())
    def the_bridge_answers(self, data: st.DataObject, fails: bool) -> None:
        leg = data.draw(st.sampled_from(sorted(self.connecting)))
        self.connecting.remove(leg)
        self.send((on.BridgeFailed if fails else on.Bridged)(self.now(), leg))

    @precondition(lambda self: self.recording)
    @rule()
    def the_recording_is_stored(self) -> None:
        self.recording = False
        self.send(on.RecordingDone(self.now()))

    @precondition(lambda self: self.handing_over)
    @rule(how=st.sampled_from(["taken", "failed", "gone"]))
    def the_dialplan_answers(self, how: str) -> None:
        self.handing_over = False
        t = self.now()
        self.send(on.HandedOver(t) if how == "taken" else on.HandOverFailed(t, how == "gone"))

    @rule()
    def the_service_wants_to_hand_over(self) -> None:
        self.send(on.HandOverAsked(self.now(), "shutdown"))

    @precondition(lambda self: self.caller_here)
    @rule()
    def the_caller_leaves(self) -> None:
        self.caller_here = False
        self.send(on.CallerGone(self.now(), 16))

    @invariant()
    def an_outcome_is_never_given_twice(self) -> None:
        if hasattr(self, "driver"):
            assert len(self.driver.notes("ended")) + len(self.driver.notes("handed_over")) <= 1

    @invariant()
    def at_most_one_desk_is_connected(self) -> None:
        if hasattr(self, "driver"):
            assert len(self.driver.notes("connected")) <= 1

    @invariant()
    def a_waiting_caller_always_has_something_coming(self) -> None:
        """While the caller waits, a clock runs, or an answer of Asterisk is awaited."""
        if hasattr(self, "driver") and not self.driver.state.final:
            phase = self.driver.state.phase
            if phase in (Phase.RINGING, Phase.PAUSED):
                assert self.clocks
            if phase is Phase.CONNECTING:
                assert self.connecting or self.driver.state.winner in self.legs

    def teardown(self) -> None:
        if not hasattr(self, "driver"):
            return
        if self.handing_over:
            self.the_dialplan_answers("gone" if not self.caller_here else "failed")
        if self.caller_here:
            self.the_caller_leaves()
        # Asterisk keeps its word: what was asked to be hung up goes; nothing else does by itself.
        ghosts = self.legs - self.asked
        assert not ghosts, f"left ringing: {ghosts}"
        for leg in sorted(self.legs):
            self.legs.remove(leg)
            self.send(on.LegGone(self.now(), leg, 16, LegEnd.HUNG_UP))
        if self.recording:
            self.the_recording_is_stored()
        assert self.driver.state.done
        outcomes = self.driver.notes("ended") + self.driver.notes("handed_over")
        assert len(outcomes) == 1


AnyOrder.TestCase.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)
TestAnyOrder = AnyOrder.TestCase
