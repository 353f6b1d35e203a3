"""After the connection was lost: what happened meanwhile, read from the channels that are there."""

from collections.abc import Mapping

from ari_app.call import events as on
from ari_app.call.state import LegEnd, LegState
from ari_app.live_call import LiveCall
from ari_app.models import Channel, ChannelState


def catch_up(call: LiveCall, channels: Mapping[str, Channel]) -> None:
    """Feed the call what it missed; channels are Asterisk's present ones by id."""
    if call.caller not in channels:
        call.feed(on.CallerGone(call.now, 16))
    for leg in tuple(call.state.legs.values()):
        channel = channels.get(leg.id)
        if channel is None:
            call.feed(on.LegGone(call.now, leg.id, 0, LegEnd.FAILED))
        elif leg.state is LegState.CANCELLED:
            call.feed(on.LegCreated(call.now, leg.id))
        elif channel.state is ChannelState.UP and leg.state is not LegState.ANSWERED:
            call.feed(on.LegAnswered(call.now, leg.id))
        elif channel.state is ChannelState.RINGING:
            call.feed(on.LegRinging(call.now, leg.id))
