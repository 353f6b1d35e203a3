"""What a process that missed something, or takes a call over, can read of it elsewhere."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ari_app.call import events as on
from ari_app.call.state import LegEnd, LegState
from ari_app.decision import Decision
from ari_app.intake import Facts
from ari_app.live_call import LiveCall
from ari_app.models import Channel, ChannelState
from blocklist import policy
from blocklist.number import identify
from db.events import Event
from routing.fix_record import fix_of, rejected_of
from routing.location import Belief, Believed
from routing.plan import RoutePlan


def catch_up(call: LiveCall, channels: Mapping[str, Channel], legs: Iterable[str]) -> None:
    """Feed the call what it missed; channels are Asterisk's present ones by id.

    legs are those that were there when the channels were asked for: younger ones are not missing.
    """
    if call.caller not in channels:
        call.feed(on.CallerGone(call.now, 16))
    for leg_id in legs:
        leg = call.state.legs.get(leg_id)
        if leg is None:
            continue
        channel = channels.get(leg_id)
        if channel is None:
            call.feed(on.LegGone(call.now, leg.id, 0, LegEnd.FAILED))
        elif leg.state is LegState.CANCELLED:
            call.feed(on.LegCreated(call.now, leg.id))
        elif channel.state is ChannelState.UP and leg.state is not LegState.ANSWERED:
            call.feed(on.LegAnswered(call.now, leg.id))
        elif channel.state is ChannelState.RINGING:
            call.feed(on.LegRinging(call.now, leg.id))


def _said(located: Mapping[str, Any]) -> dict[str, Any]:
    """What was said of the caller's place, so that a better location is held against it."""
    try:
        fix = located.get("fix")
        given = [*([fix] if fix else []), *located.get("others", ())]
        return {
            "fixes": tuple(fix_of(one) for one in given),
            "rejected": tuple(rejected_of(one) for one in located.get("rejected", ())),
            "area": tuple(located.get("area", ())),
        }
    except (KeyError, TypeError, ValueError):
        return {}


def decision_from(events: Iterable[Event], plan: RoutePlan) -> Decision:
    """What of a decision the record keeps, for a process that takes the call over."""
    data = {event.kind: event.data for event in events}
    arrived, checked = data.get("arrived", {}), data.get("checked", {})
    number = replace(
        identify(arrived.get("number_raw") or ""),
        withheld=bool(arrived.get("withheld")),
        asserted=bool(arrived.get("asserted")),
    )
    found = Facts(
        channel=arrived.get("channel", ""),
        trunk=arrived.get("trunk", ""),
        dialled=arrived.get("dialled", ""),
        number=number,
        **_said(data.get("located", {})),
    )
    check = policy.Check(
        policy.Verdict(checked.get("verdict", policy.Verdict.UNCHECKED)),
        checked.get("reason", ""),
    )
    return Decision(found, check, Believed(None, Belief.NO_LOCATION), None, plan)
