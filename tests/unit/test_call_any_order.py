"""The call machine under any order of events: one outcome, no leg left, one desk connected."""

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ari_app.call import CallState, Phase
from ari_app.call import commands as do
from ari_app.call import events as on
from ari_app.call.restore import plan_data, restore
from ari_app.call.state import LegEnd, Rules, Timer
from routing.plan import PlanReason, RoutePlan
from tests.unit.call_driver import Driver, rung


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
        # The decision is recorded before the machine is fed: ari_app/decision.py, notes().
        self.driver.record = [
            (0.0, "arrived", {}),
            (0.0, "checked", {"verdict": "blocked" if "blocked" in how else "pass"}),
            (0.0, "planned", plan_data(plan)),
        ]
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
                case do.Announce(prompt=prompt):
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

    @rule(first=st.sampled_from(["unit-0", "unit-7", "unit-8"]), desks=st.integers(0, 2))
    def a_better_location_comes(self, first: str, desks: int) -> None:
        plan = RoutePlan(
            (rung(first, "polres", desks), rung("unit-1", "polda", 1)), PlanReason.LOCATION
        )
        before = self.driver.state
        self.send(on.Replanned(self.now(), plan))
        after = self.driver.state
        if before.phase in (Phase.RINGING, Phase.PAUSED):
            assert after.plan is not None
            assert after.plan.rungs[0].unit == first
        else:
            assert after == before

    @rule()
    def the_service_wants_to_hand_over(self) -> None:
        self.send(on.HandOverAsked(self.now(), "shutdown"))

    @rule()
    def another_process_takes_over(self) -> None:
        """The record is all that is left of the process: what it knew comes back from there."""
        before = self.driver.state
        restored = restore(before.id, before.rules, self.driver.record)
        for name in ("phase", "plan", "rung", "attempt", "winner", "connected_t", "rung_t"):
            assert getattr(restored, name) == getattr(before, name), name
        assert dict(restored.legs) == dict(before.legs)
        # What was asked for and not answered is not in the record; it is asked for again.
        self.clocks.clear()
        self.connecting.clear()
        self.prompts.clear()
        self.handing_over = False
        self.driver.state = replace(restored, recording_pending=self.recording)
        self.send(on.Adopted(self.now()))
        if not self.caller_here:  # seen in Asterisk's list of channels: ari_app/recovery.py
            self.send(on.CallerGone(self.now(), 16))

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
            if phase is Phase.RINGING:
                assert Timer.RUNG in self.clocks
            if phase is Phase.PAUSED:
                assert Timer.AGAIN in self.clocks
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
