"""One step of a call in the making, and the moves that handlers are made of."""

from dataclasses import replace
from typing import Any

from ari_app.call.commands import (
    AnswerCaller,
    Command,
    DialDesk,
    HangUpLeg,
    Note,
    RingbackTone,
    RingCaller,
    Speak,
    StartTimer,
    StopPlaying,
    StopTimers,
)
from ari_app.call.state import CallState, Leg, LegEnd, LegState, Outcome, Phase, Timer

GREETING = ("greeting", "recording-notice")
BLOCKED_ANNOUNCEMENT = ("blocked",)
STILL_RINGING = ("still-ringing",)

WAITING = (LegState.DIALLING, LegState.RINGING)


class Turn:
    """One step in the making: the state as it becomes, the commands as they come up."""

    __slots__ = ("commands", "state")

    def __init__(self, state: CallState) -> None:
        self.state = state
        self.commands: list[Command] = []

    def do(self, *commands: Command) -> None:
        self.commands.extend(commands)

    def become(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def note(self, kind: str, **data: Any) -> None:
        self.do(Note(kind, data))

    def put_leg(self, leg: Leg) -> None:
        self.become(legs={**self.state.legs, leg.id: leg})

    def drop_leg(self, leg: str) -> None:
        self.become(legs={key: value for key, value in self.state.legs.items() if key != leg})

    def waiting_legs(self) -> list[Leg]:
        """Legs of this attempt that may still answer."""
        return [
            leg
            for leg in self.state.legs.values()
            if leg.attempt == self.state.attempt and leg.state in WAITING
        ]


# Rungs


def begin_rung(turn: Turn, t: float, index: int) -> None:
    turn.become(
        phase=Phase.RINGING,
        rung=index,
        attempt=turn.state.attempt + 1,
        attempt_ends=(),
        rung_t=t,
        winner=None,
    )
    state = turn.state
    rung = state.current
    turn.note("rung_started", rung=state.attempt, unit=rung.unit)
    for n, desk in enumerate(rung.desks, start=1):
        leg = Leg(f"{state.id}.{state.attempt}.{n}", desk.code, state.attempt, LegState.DIALLING)
        turn.put_leg(leg)
        turn.do(DialDesk(leg.id, desk.dial, rung.ring_seconds))
        turn.note("leg_dialled", leg=leg.id, rung=state.attempt, unit=rung.unit, desk=desk.code)
    turn.do(
        StartTimer(Timer.RUNG, rung.ring_seconds, state.attempt),
        StartTimer(Timer.PROGRESS, state.rules.progress_seconds, state.attempt),
    )


def end_rung(turn: Turn, t: float, reason: str) -> None:
    state = turn.state
    turn.note(
        "rung_ended",
        rung=state.attempt,
        unit=state.current.unit,
        reason=reason,
        seconds=round(t - state.rung_t, 3),
    )


def leave_rung(turn: Turn, t: float, reason: str, leg_end: LegEnd = LegEnd.CANCELLED) -> None:
    """Go to the next rung, or, after the last one, begin again: the caller is never given up."""
    end_rung(turn, t, reason)
    cancel_legs(turn, leg_end)
    turn.do(StopTimers())
    state = turn.state
    plan = state.plan
    if plan is None:
        raise ValueError("a rung cannot be left before there is a plan")
    if state.rung + 1 < len(plan.rungs):
        begin_rung(turn, t, state.rung + 1)
        announce(turn, (f"escalated-to-{turn.state.current.level}",))
    elif reason == "no_answer":
        begin_rung(turn, t, state.rung)
        announce(turn, STILL_RINGING)
    else:
        # The last unit's phones are dead or taken: a pause keeps the loop from spinning, and the
        # whole ladder is tried again, since anybody who answers is better than nobody.
        turn.become(phase=Phase.PAUSED)
        turn.do(StartTimer(Timer.AGAIN, state.rules.again_pause_seconds, state.attempt))
        announce(turn, STILL_RINGING)


def cancel_legs(turn: Turn, end: LegEnd, keep: str | None = None) -> None:
    for leg in tuple(turn.state.legs.values()):
        if leg.id != keep and leg.state is not LegState.CANCELLED:
            turn.put_leg(replace(leg, state=LegState.CANCELLED, end=end))
            turn.do(HangUpLeg(leg.id))


def attempt_reason(ends: tuple[LegEnd, ...]) -> str:
    """What a unit whose phones all fell away is said to have been: the most telling of them."""
    for end in (LegEnd.DECLINED, LegEnd.BUSY, LegEnd.NO_ANSWER, LegEnd.UNREACHABLE):
        if end in ends:
            return end.value
    return LegEnd.FAILED.value


# What the caller hears


def meet_caller(turn: Turn) -> None:
    rules = turn.state.rules
    if not rules.answer_at_once:
        turn.do(RingCaller())
        return
    turn.do(AnswerCaller())
    turn.note("caller_answered")
    if rules.greeting:
        turn.note("greeting_started")
        speak(turn, GREETING)
    else:
        ringback(turn)


def speak(turn: Turn, names: tuple[str, ...]) -> None:
    prompt = turn.state.prompt + 1
    turn.become(prompt=prompt, playing=True, speaking=True)
    turn.do(Speak(prompt, names))


def ringback(turn: Turn) -> None:
    prompt = turn.state.prompt + 1
    turn.become(prompt=prompt, playing=True, speaking=False)
    turn.do(RingbackTone(prompt))


def stop_playing(turn: Turn) -> None:
    if turn.state.playing:
        turn.do(StopPlaying(turn.state.prompt))
    turn.become(playing=False, speaking=False, pending_speech=())


def announce(turn: Turn, names: tuple[str, ...]) -> None:
    """Say something without cutting speech off; ringback gives way to it."""
    state = turn.state
    if not state.rules.answer_at_once:
        return
    if state.speaking:
        turn.become(pending_speech=names)
        return
    stop_playing(turn)
    speak(turn, names)


# The end


def end(turn: Turn, t: float, outcome: Outcome, by: str, cause: int) -> None:
    state = turn.state
    talk = None if state.connected_t is None else round(t - state.connected_t, 3)
    wait_until = t if state.connected_t is None else state.connected_t
    turn.become(phase=Phase.ENDED)
    turn.do(StopTimers())
    turn.note(
        "ended",
        outcome=outcome.value,
        rung=state.attempt or None,
        unit=state.current.unit if state.attempt else None,
        by=by,
        cause=cause,
        fault=None,
        talk_seconds=talk,
        wait_seconds=round(wait_until - state.arrived_t, 3),
    )
