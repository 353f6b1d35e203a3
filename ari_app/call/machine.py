"""One call as a pure state machine: `step(state, event) -> (state, commands)`.

TABLE is the whole of it: which event means something in which phase, what is then done, and which
phases can follow. No sockets, no clock, no database: time comes in with the event, effects go out
as commands. docs/call.md is drawn from TABLE by ari_app/call/diagram.py.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from ari_app.call.adoption import on_adopted
from ari_app.call.commands import (
    AnswerCaller,
    Command,
    Connect,
    HandOver,
    HangUpCaller,
    HangUpLeg,
    ReleaseBridge,
    StartRecording,
    StartTimer,
    StopRecording,
    StopTimers,
)
from ari_app.call.events import (
    Adopted,
    Arrived,
    Bridged,
    BridgeFailed,
    CallerGone,
    CallEvent,
    HandedOver,
    HandOverAsked,
    HandOverFailed,
    LegAnswered,
    LegCreated,
    LegGone,
    LegRefused,
    LegRinging,
    PromptFinished,
    RecordingDone,
    Replanned,
    TimerFired,
)
from ari_app.call.hand_over import (
    on_caller_gone_in_hand_over,
    on_hand_over_asked,
    on_hand_over_failed,
    on_handed_over,
)
from ari_app.call.restore import plan_data
from ari_app.call.state import CallState, Leg, LegEnd, LegState, Outcome, Phase, Timer
from ari_app.call.turn import (
    CAUSE_CALL_REJECTED,
    CAUSE_NORMAL,
    WAITING,
    Turn,
    announce_block,
    attempt_reason,
    begin_rung,
    cancel_legs,
    end,
    end_rung,
    leave_rung,
    meet_caller,
    ringback,
    speak,
    stop_playing,
)


@dataclass(frozen=True, slots=True)
class Transition:
    """What an event does in a phase, and the phases that can follow."""

    handler: Callable[[Turn, Any], None]
    leads_to: frozenset[Phase]


def step(state: CallState, event: CallEvent) -> tuple[CallState, tuple[Command, ...]]:
    """Apply one event; an event that means nothing in this phase changes nothing."""
    transition = TABLE.get((state.phase, type(event)))
    if transition is None:
        return state, ()
    turn = Turn(state)
    transition.handler(turn, event)
    return turn.state, tuple(turn.commands)


# Handlers: one for each meaning an event can have


def _on_arrived(turn: Turn, event: Arrived) -> None:
    turn.become(plan=event.plan, arrived_t=event.t)
    if event.blocked:
        turn.become(phase=Phase.BLOCKED)
        if turn.state.rules.answer_at_once:
            turn.do(AnswerCaller())
            turn.note("caller_answered")
        # Else as early media: whom no desk answers is not answered at all.
        announce_block(turn)
    elif event.hand_over is not None:
        turn.become(phase=Phase.HANDING_OVER)
        turn.do(HandOver(first=1))
        turn.note("handing_over", reason=event.hand_over, rung=1)
    else:
        # The desk is rung first: nothing that the caller hears may delay it.
        begin_rung(turn, event.t, 0)
        meet_caller(turn)


def _on_replanned(turn: Turn, event: Replanned) -> None:
    """Ring the better plan from its first rung, unless it begins where the call began to ring.

    The caller notices nothing: the greeting or the ringback goes on; only the word that the call
    is passed up to another unit is not true any more.
    """
    before = turn.state
    if before.plan is None or event.plan.rungs[0].unit == before.plan.rungs[0].unit:
        return
    if before.phase is Phase.RINGING:
        end_rung(turn, event.t, "better_location")
    cancel_legs(turn, LegEnd.CANCELLED)
    turn.become(plan=event.plan, rung=0, pending_speech=None)
    turn.note("planned", **plan_data(event.plan))
    begin_rung(turn, event.t, 0)


def _on_caller_gone_before_rungs(turn: Turn, event: CallerGone) -> None:
    turn.become(arrived_t=event.t)
    end(turn, event.t, Outcome.ABANDONED, "caller", event.cause)


def _on_caller_gone_while_waiting(turn: Turn, event: CallerGone) -> None:
    if turn.state.phase is not Phase.PAUSED:
        end_rung(turn, event.t, "caller_left")
    cancel_legs(turn, LegEnd.CANCELLED)
    if turn.state.phase is Phase.CONNECTING:
        turn.do(ReleaseBridge())
    end(turn, event.t, Outcome.ABANDONED, "caller", event.cause)


def _on_caller_gone_in_talk(turn: Turn, event: CallerGone) -> None:
    cancel_legs(turn, LegEnd.HUNG_UP)
    _leave_bridge(turn)
    end(turn, event.t, Outcome.CONNECTED, "caller", event.cause)


def _leave_bridge(turn: Turn) -> None:
    """The bridge stays until the recording has ended: what Asterisk says of it comes through it."""
    turn.do(StopRecording() if turn.state.recording_pending else ReleaseBridge())


def _on_caller_gone_while_blocked(turn: Turn, event: CallerGone) -> None:
    end(turn, event.t, Outcome.BLOCKED, "caller", event.cause)


def _on_leg_created(turn: Turn, event: LegCreated) -> None:
    leg = turn.state.legs.get(event.leg)
    if leg is None or leg.state is LegState.CANCELLED:
        # Cancelled while it was being made: it would ring on as a ghost.
        turn.do(HangUpLeg(event.leg))


def _on_leg_ringing(turn: Turn, event: LegRinging) -> None:
    leg = turn.state.legs.get(event.leg)
    if leg is not None and leg.state is LegState.DIALLING:
        turn.put_leg(replace(leg, state=LegState.RINGING))
        turn.note("leg_ringing", leg=leg.id)


def _on_leg_answered(turn: Turn, event: LegAnswered) -> None:
    leg = turn.state.legs.get(event.leg)
    if leg is None or leg.state not in WAITING:
        turn.do(HangUpLeg(event.leg))
        return
    turn.put_leg(replace(leg, state=LegState.ANSWERED))
    turn.note("leg_answered", leg=leg.id)
    turn.do(StopTimers())
    stop_playing(turn)
    if not turn.state.rules.answer_at_once:
        turn.do(AnswerCaller())
        turn.note("caller_answered")
    _connect(turn, leg.id)


def _connect(turn: Turn, leg: str) -> None:
    turn.become(phase=Phase.CONNECTING, winner=leg)
    turn.do(Connect(leg))


def _on_second_answer(turn: Turn, event: LegAnswered) -> None:
    """Another desk answered in the same moment: kept until the winner is really connected."""
    leg = turn.state.legs.get(event.leg)
    if leg is not None and leg.state in WAITING:
        turn.put_leg(replace(leg, state=LegState.ANSWERED))
        turn.note("leg_answered", leg=leg.id)
    elif leg is None or leg.state is LegState.CANCELLED:
        turn.do(HangUpLeg(event.leg))


def _on_late_answer(turn: Turn, event: LegAnswered) -> None:
    if event.leg != turn.state.winner:
        turn.do(HangUpLeg(event.leg))


def _on_bridged(turn: Turn, event: Bridged) -> None:
    if event.leg != turn.state.winner:
        return
    end_rung(turn, event.t, "answered")
    turn.become(phase=Phase.CONNECTED, connected_t=event.t, was_connected=True)
    state = turn.state
    winner = state.legs[event.leg]
    turn.note(
        "connected", leg=winner.id, rung=state.attempt, unit=state.current.unit, desk=winner.desk
    )
    if state.rules.recording:
        turn.become(recording_pending=True)
        turn.do(StartRecording())
    cancel_legs(turn, LegEnd.CANCELLED, keep=winner.id)


def _on_bridge_failed(turn: Turn, event: BridgeFailed) -> None:
    leg = turn.state.legs.get(event.leg)
    if leg is None or event.leg != turn.state.winner:
        return
    turn.put_leg(replace(leg, state=LegState.CANCELLED, end=LegEnd.FAILED))
    turn.note("bridge_failed", leg=leg.id)
    turn.do(HangUpLeg(leg.id))
    _try_another(turn, event.t)


def _try_another(turn: Turn, t: float) -> None:
    """The winner fell away before the caller was connected: the next best, at once."""
    answered = [leg for leg in turn.state.legs.values() if leg.state is LegState.ANSWERED]
    if answered:
        _connect(turn, answered[0].id)
    elif turn.waiting_legs():
        state = turn.state
        remaining = max(1.0, state.current.ring_seconds - (t - state.rung_t))
        turn.become(phase=Phase.RINGING, winner=None)
        turn.do(StartTimer(Timer.RUNG, remaining, state.attempt))
        if state.rules.answer_at_once:
            ringback(turn)
    else:
        turn.become(phase=Phase.RINGING, winner=None)
        leave_rung(turn, t, "failed")


def _forget_leg(turn: Turn, leg: Leg, end: LegEnd, cause: int) -> LegEnd:
    """Record how a leg ended; what we did to it says more than the cause Asterisk gives."""
    if leg.state is LegState.CANCELLED:
        end = leg.end or LegEnd.CANCELLED
    elif leg.state is LegState.ANSWERED:
        end = LegEnd.HUNG_UP
    turn.drop_leg(leg.id)
    turn.note("leg_ended", leg=leg.id, reason=end.value, cause=cause)
    return end


def _leg_fell_away(turn: Turn, event: LegGone | LegRefused) -> LegEnd | None:
    leg = turn.state.legs.get(event.leg)
    if leg is None:
        return None
    cause = event.cause if isinstance(event, LegGone) else 0
    current = leg.attempt == turn.state.attempt and leg.state is not LegState.CANCELLED
    end = _forget_leg(turn, leg, event.end, cause)
    if current:
        turn.become(attempt_ends=(*turn.state.attempt_ends, end))
    return end


def _on_leg_gone(turn: Turn, event: LegGone | LegRefused) -> None:
    _leg_fell_away(turn, event)


def _on_leg_gone_while_ringing(turn: Turn, event: LegGone | LegRefused) -> None:
    if _leg_fell_away(turn, event) is not None and not turn.waiting_legs():
        leave_rung(turn, event.t, attempt_reason(turn.state.attempt_ends))


def _on_leg_gone_while_connecting(turn: Turn, event: LegGone | LegRefused) -> None:
    winner = event.leg == turn.state.winner
    if _leg_fell_away(turn, event) is not None and winner:
        _try_another(turn, event.t)


def _on_leg_gone_in_talk(turn: Turn, event: LegGone | LegRefused) -> None:
    winner = event.leg == turn.state.winner
    if _leg_fell_away(turn, event) is not None and winner:
        _leave_bridge(turn)
        turn.do(HangUpCaller(CAUSE_NORMAL))
        end(turn, event.t, Outcome.CONNECTED, "desk", CAUSE_NORMAL)


def _on_timer_while_ringing(turn: Turn, event: TimerFired) -> None:
    if event.timer is Timer.SPEECH:
        _speech_ended(turn, event)
    if event.attempt != turn.state.attempt:
        return
    if event.timer is Timer.RUNG:
        leave_rung(turn, event.t, "no_answer", LegEnd.NO_ANSWER)
    elif event.timer is Timer.PROGRESS and not any(
        leg.state is LegState.RINGING for leg in turn.waiting_legs()
    ):
        leave_rung(turn, event.t, "unreachable", LegEnd.UNREACHABLE)


def _on_timer_in_pause(turn: Turn, event: TimerFired) -> None:
    if event.timer is Timer.SPEECH:
        _speech_ended(turn, event)
    elif event.timer is Timer.AGAIN and event.attempt == turn.state.attempt:
        begin_rung(turn, event.t, 0)


def _on_timer_while_blocked(turn: Turn, event: TimerFired) -> None:
    if event.timer is Timer.ANNOUNCEMENT:
        _end_blocked(turn, event.t)


def _end_blocked(turn: Turn, t: float) -> None:
    turn.do(HangUpCaller(CAUSE_CALL_REJECTED))
    end(turn, t, Outcome.BLOCKED, "service", CAUSE_CALL_REJECTED)


def _on_blocked_announced(turn: Turn, event: PromptFinished) -> None:
    if event.prompt != turn.state.prompt:
        return
    if event.played:
        _end_blocked(turn, event.t)
    else:
        # Whether it failed because the caller left is known at once: that the caller did it is
        # then what the record says.
        turn.do(StartTimer(Timer.ANNOUNCEMENT, turn.state.rules.leaving_seconds, 0))


def _speech_ended(turn: Turn, event: TimerFired) -> None:
    state = turn.state
    if event.attempt != state.prompt or not state.speaking:
        return
    if event.attempt == 1 and state.rules.greeting:
        turn.note("greeting_finished")
    turn.become(speaking=False)
    if state.pending_speech is not None:
        speak(turn, state.pending_speech, state.rules.speech_seconds)


def _on_recording_done(turn: Turn, event: RecordingDone) -> None:
    turn.become(recording_pending=False)
    if turn.state.phase is Phase.ENDED:
        turn.do(ReleaseBridge())


def _table() -> dict[tuple[Phase, type], Transition]:
    arriving, blocked, ringing, paused = (
        Phase.ARRIVING,
        Phase.BLOCKED,
        Phase.RINGING,
        Phase.PAUSED,
    )
    connecting, connected, ended = Phase.CONNECTING, Phase.CONNECTED, Phase.ENDED
    handing, handed = Phase.HANDING_OVER, Phase.HANDED_OVER
    rows: list[tuple[tuple[Phase, ...], tuple[type, ...], Callable[[Turn, Any], None], str]] = [
        ((arriving,), (Arrived,), _on_arrived, "blocked ringing handing_over"),
        ((arriving,), (CallerGone,), _on_caller_gone_before_rungs, "ended"),
        ((ringing, paused), (Replanned,), _on_replanned, "ringing"),
        ((blocked,), (CallerGone,), _on_caller_gone_while_blocked, "ended"),
        ((ringing, paused, connecting), (CallerGone,), _on_caller_gone_while_waiting, "ended"),
        ((connected,), (CallerGone,), _on_caller_gone_in_talk, "ended"),
        ((handing,), (CallerGone,), on_caller_gone_in_hand_over, ""),
        ((blocked,), (PromptFinished,), _on_blocked_announced, "ended"),
        ((blocked,), (TimerFired,), _on_timer_while_blocked, "ended"),
        ((ringing,), (TimerFired,), _on_timer_while_ringing, "paused"),
        ((paused,), (TimerFired,), _on_timer_in_pause, "ringing"),
        (tuple(Phase), (LegCreated,), _on_leg_created, ""),
        ((ringing, connecting), (LegRinging,), _on_leg_ringing, ""),
        ((ringing,), (LegAnswered,), _on_leg_answered, "connecting"),
        ((connecting,), (LegAnswered,), _on_second_answer, ""),
        ((connected, paused, ended, handing, handed), (LegAnswered,), _on_late_answer, ""),
        ((connecting,), (Bridged,), _on_bridged, "connected"),
        ((connecting,), (BridgeFailed,), _on_bridge_failed, "ringing paused"),
        ((ringing,), (LegGone, LegRefused), _on_leg_gone_while_ringing, "paused"),
        ((connecting,), (LegGone, LegRefused), _on_leg_gone_while_connecting, "ringing paused"),
        ((connected,), (LegGone, LegRefused), _on_leg_gone_in_talk, "ended"),
        ((paused, ended, handing, handed), (LegGone, LegRefused), _on_leg_gone, ""),
        ((connected, ended), (RecordingDone,), _on_recording_done, ""),
        (tuple(Phase), (Adopted,), on_adopted, ""),
        ((ringing, paused), (HandOverAsked,), on_hand_over_asked, "handing_over"),
        ((handing,), (HandedOver,), on_handed_over, "handed_over"),
        ((handing,), (HandOverFailed,), on_hand_over_failed, "ringing ended"),
    ]
    table: dict[tuple[Phase, type], Transition] = {}
    for phases, events, handler, targets in rows:
        for phase in phases:
            leads_to = frozenset({phase, *(Phase(name) for name in targets.split())})
            for event in events:
                table[phase, event] = Transition(handler, leads_to)
    return table


TABLE: Mapping[tuple[Phase, type], Transition] = _table()
