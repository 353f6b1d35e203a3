"""One step of a call in the making, and the moves that handlers are made of."""

from dataclasses import replace
from typing import Any

from ari_app.call.commands import (
    Announce,
    AnswerCaller,
    Command,
    DialDesk,
    HangUpLeg,
    Note,
    Ringback,
    RingCaller,
    Speak,
    StartTimer,
    StopPlaying,
    StopTimers,
)
from ari_app.call.state import CallState, Leg, LegEnd, LegState, Outcome, Phase, Timer

# Q.850 causes given to the caller's channel
CAUSE_NORMAL = 16
CAUSE_CALL_REJECTED = 21

GREETING = "greeting"
GREETING_WITH_NOTICE = "greeting-recorded"
BLOCKED_ANNOUNCEMENT = "blocked"
STILL_RINGING = "still-ringing"

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
    state = turn.state
    plan = state.plan
    if plan is None:
        raise ValueError("a rung cannot be left before there is a plan")
    if state.rung + 1 < len(plan.rungs):
        begin_rung(turn, t, state.rung + 1)
        announce(turn, f"escalated-to-{turn.state.current.level}")
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
        name = GREETING_WITH_NOTICE if rules.recording else GREETING
        speak(turn, name, rules.greeting_seconds)
    else:
        ringback(turn)


def announce_block(turn: Turn) -> None:
    """The blocked announcement, to its end, with a clock in case that is never told."""
    prompt = turn.state.prompt + 1
    turn.become(prompt=prompt, playing=True, speaking=True)
    limit = turn.state.rules.announcement_limit_seconds
    turn.do(Announce(prompt, BLOCKED_ANNOUNCEMENT), StartTimer(Timer.ANNOUNCEMENT, limit, 0))


def speak(turn: Turn, name: str, seconds: float) -> None:
    """Say it; how long that takes is by the clock, since what rings back has no end of its own."""
    prompt = turn.state.prompt + 1
    turn.become(prompt=prompt, playing=True, speaking=True, pending_speech=None)
    turn.do(Speak(name), StartTimer(Timer.SPEECH, seconds, prompt))


def ringback(turn: Turn) -> None:
    turn.become(playing=True, speaking=False, pending_speech=None)
    turn.do(Ringback())


def stop_playing(turn: Turn) -> None:
    if turn.state.playing:
        turn.do(StopPlaying())
    turn.become(playing=False, speaking=False, pending_speech=None)


def announce(turn: Turn, name: str) -> None:
    """Say something without cutting speech off; ringback gives way to it."""
    state = turn.state
    if not state.rules.answer_at_once:
        return
    if state.speaking:
        turn.become(pending_speech=name)
        return
    stop_playing(turn)
    speak(turn, name, state.rules.speech_seconds)


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
