"""A call is given to the dialplan: asked for, taken, or not taken."""

from ari_app.call.commands import HandOver, StopTimers
from ari_app.call.events import CallerGone, HandedOver, HandOverAsked, HandOverFailed
from ari_app.call.state import LegEnd, Outcome, Phase
from ari_app.call.turn import (
    CAUSE_NORMAL,
    Turn,
    begin_rung,
    cancel_legs,
    end,
    end_rung,
    meet_caller,
    ringback,
    stop_playing,
)


def on_hand_over_asked(turn: Turn, event: HandOverAsked) -> None:
    if turn.state.phase is Phase.RINGING:
        end_rung(turn, event.t, "handed_over")
    cancel_legs(turn, LegEnd.CANCELLED)
    stop_playing(turn)
    turn.do(StopTimers())
    first = turn.state.rung + 1
    turn.become(phase=Phase.HANDING_OVER)
    turn.do(HandOver(first))
    turn.note("handing_over", reason=event.reason, rung=first)


def on_handed_over(turn: Turn, event: HandedOver) -> None:
    turn.become(phase=Phase.HANDED_OVER)
    turn.note("handed_over", to="dialplan")


def on_hand_over_failed(turn: Turn, event: HandOverFailed) -> None:
    if event.caller_gone or turn.state.caller_gone:
        end(turn, event.t, Outcome.ABANDONED, "caller", CAUSE_NORMAL)
        return
    met = turn.state.attempt > 0
    begin_rung(turn, event.t, turn.state.rung)
    if not met:
        meet_caller(turn)
    elif turn.state.rules.answer_at_once:
        ringback(turn)


def on_caller_gone_in_hand_over(turn: Turn, event: CallerGone) -> None:
    # Leaving for the dialplan looks the same as hanging up: the answer to the request decides.
    turn.become(caller_gone=True)
