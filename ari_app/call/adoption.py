"""A call taken over from a process that died: what was going on is asked for again."""

from ari_app.call.commands import Connect, HandOver, HangUpLeg, StartTimer, StopPlaying
from ari_app.call.events import Adopted
from ari_app.call.state import LegEnd, LegState, Phase, Timer
from ari_app.call.turn import (
    Turn,
    announce_block,
    begin_rung,
    cancel_legs,
    end_rung,
    ringback,
)

# Where an adopter's prompts begin, so that none has the name of one that still plays.
FIRST_PROMPT = 1000


def on_adopted(turn: Turn, event: Adopted) -> None:
    """Ask again for what the dead process had asked for, and start its clocks anew."""
    for leg in turn.state.legs.values():
        if leg.state is LegState.CANCELLED:
            turn.do(HangUpLeg(leg.id))
    before = turn.state
    turn.become(prompt=FIRST_PROMPT)
    match before.phase:
        case Phase.BLOCKED:
            announce_block(turn)
        case Phase.RINGING:
            _ring_again(turn, event.t)
        case Phase.PAUSED:
            turn.do(StopPlaying())
            turn.do(StartTimer(Timer.AGAIN, before.rules.again_pause_seconds, before.attempt))
        case Phase.CONNECTING if before.winner is not None:
            turn.do(Connect(before.winner))
        case Phase.HANDING_OVER:
            turn.do(HandOver(before.rung + 1))
        case _:
            pass


def _ring_again(turn: Turn, t: float) -> None:
    """Ring the same unit anew: legs of the dead process lead nowhere when they are answered."""
    turn.do(StopPlaying())
    end_rung(turn, t, "taken_over")
    cancel_legs(turn, LegEnd.CANCELLED)
    begin_rung(turn, t, turn.state.rung)
    if turn.state.rules.answer_at_once:
        ringback(turn)
