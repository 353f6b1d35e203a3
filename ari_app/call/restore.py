"""A call's state from its record: what a process that takes a call over begins with.

The record keeps what happened, not what was asked for and not answered yet; `Adopted` makes the
machine ask again. Times are the caller's to translate: each event comes with its `t`.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ari_app.call.state import CallState, Leg, LegEnd, LegState, Phase, Rules
from routing.plan import PlanReason, RoutePlan, Rung, RungDesk

Recorded = tuple[float, str, Mapping[str, Any]]
"""One event of the record: t (monotonic seconds of this process), kind, data."""


def restore(call_id: str, rules: Rules, record: Iterable[Recorded]) -> CallState:
    """Fold a call's events, oldest first; kinds that do not change the state are passed over."""
    state = CallState(call_id, rules)
    for t, kind, data in record:
        if (fold := _FOLDS.get(kind)) is not None:
            state = fold(state, t, data)
    return state


def _arrived(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    return replace(state, arrived_t=t)


def _checked(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    return replace(state, phase=Phase.BLOCKED) if data["verdict"] == "blocked" else state


def _planned(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    # A better plan, on a better location, is rung from its first rung.
    return replace(state, plan=plan_of(data), rung=0)


def plan_data(plan: RoutePlan) -> dict[str, Any]:
    """A plan as a `planned` event."""
    return {
        "reason": plan.reason.value,
        "rungs": [
            {
                "unit": rung.unit,
                "name": rung.name,
                "level": rung.level,
                "desks": [desk.code for desk in rung.desks],
                "ring_seconds": rung.ring_seconds,
            }
            for rung in plan.rungs
        ],
    }


def plan_of(data: Mapping[str, Any]) -> RoutePlan:
    """The plan in a `planned` event."""
    rungs = tuple(
        Rung(
            unit=rung["unit"],
            name=rung["name"],
            level=rung["level"],
            desks=tuple(RungDesk(code, f"PJSIP/{code}") for code in rung["desks"]),
            ring_seconds=rung["ring_seconds"],
        )
        for rung in data["rungs"]
    )
    return RoutePlan(rungs, PlanReason(data["reason"]))


def _rung_started(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    units = [rung.unit for rung in state.plan.rungs] if state.plan else []
    return replace(
        state,
        phase=Phase.RINGING,
        rung=units.index(data["unit"]) if data["unit"] in units else 0,
        attempt=data["rung"],
        attempt_ends=(),
        rung_t=t,
        winner=None,
    )


def _rung_ended(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    if data["reason"] == "answered":
        return state
    end = {"no_answer": LegEnd.NO_ANSWER, "unreachable": LegEnd.UNREACHABLE}.get(
        data["reason"], LegEnd.CANCELLED
    )
    # The next rung's rung_started follows at once, unless the ladder pauses here.
    return replace(_cancelled(state, end), phase=Phase.PAUSED)


def _cancelled(state: CallState, end: LegEnd, keep: str | None = None) -> CallState:
    legs = {
        leg.id: leg
        if leg.id == keep or leg.state is LegState.CANCELLED
        else replace(leg, state=LegState.CANCELLED, end=end)
        for leg in state.legs.values()
    }
    return replace(state, legs=legs)


def _leg_dialled(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    leg = Leg(data["leg"], data["desk"], data["rung"], LegState.DIALLING)
    return replace(state, legs={**state.legs, leg.id: leg})


def _leg_ringing(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    return _moved(state, data["leg"], LegState.RINGING)


def _leg_answered(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    state = _moved(state, data["leg"], LegState.ANSWERED)
    if state.phase is Phase.RINGING:
        state = replace(state, phase=Phase.CONNECTING, winner=data["leg"])
    return state


def _moved(state: CallState, leg_id: str, to: LegState) -> CallState:
    leg = state.legs.get(leg_id)
    if leg is None:
        return state
    return replace(state, legs={**state.legs, leg_id: replace(leg, state=to)})


def _bridge_failed(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    leg = state.legs.get(data["leg"])
    if leg is not None:
        failed = replace(leg, state=LegState.CANCELLED, end=LegEnd.FAILED)
        state = replace(state, legs={**state.legs, leg.id: failed})
    return _next_winner(state)


def _next_winner(state: CallState) -> CallState:
    """As the machine does it: another desk that has answered, else on with the ringing."""
    for leg in state.legs.values():
        if leg.state is LegState.ANSWERED:
            return replace(state, winner=leg.id)
    return replace(state, phase=Phase.RINGING, winner=None)


def _leg_ended(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    leg = state.legs.get(data["leg"])
    if leg is None:
        return state
    legs = {key: value for key, value in state.legs.items() if key != leg.id}
    state = replace(state, legs=legs)
    if leg.attempt == state.attempt and leg.state is not LegState.CANCELLED:
        state = replace(state, attempt_ends=(*state.attempt_ends, LegEnd(data["reason"])))
    if leg.id == state.winner and state.phase is Phase.CONNECTING:
        state = _next_winner(state)
    return state


def _connected(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    state = _cancelled(state, LegEnd.CANCELLED, keep=data["leg"])
    return replace(
        state, phase=Phase.CONNECTED, winner=data["leg"], connected_t=t, was_connected=True
    )


def _recording_started(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    return replace(state, recording_pending=True)


def _recording_done(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    return replace(state, recording_pending=False)


def _handing_over(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    state = _cancelled(state, LegEnd.CANCELLED)
    return replace(state, phase=Phase.HANDING_OVER, rung=data["rung"] - 1)


def _handed_over(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    return replace(state, phase=Phase.HANDED_OVER)


def _ended(state: CallState, t: float, data: Mapping[str, Any]) -> CallState:
    end = LegEnd.HUNG_UP if state.phase is Phase.CONNECTED else LegEnd.CANCELLED
    return replace(_cancelled(state, end), phase=Phase.ENDED)


_FOLDS: Mapping[str, Callable[[CallState, float, Mapping[str, Any]], CallState]] = {
    "arrived": _arrived,
    "checked": _checked,
    "planned": _planned,
    "rung_started": _rung_started,
    "rung_ended": _rung_ended,
    "leg_dialled": _leg_dialled,
    "leg_ringing": _leg_ringing,
    "leg_answered": _leg_answered,
    "bridge_failed": _bridge_failed,
    "leg_ended": _leg_ended,
    "connected": _connected,
    "recording_started": _recording_started,
    "recording_finished": _recording_done,
    "recording_failed": _recording_done,
    "handing_over": _handing_over,
    "handed_over": _handed_over,
    "ended": _ended,
}
