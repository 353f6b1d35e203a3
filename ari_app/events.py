"""The ARI events that are read, as frozen values; everything else is an UnknownEvent.

Source of names and fields: Asterisk's rest-api/events.json. `Connected` and `Disconnected` come
from the client itself and stand in order among Asterisk's events.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from ari_app.models import (
    AriModel,
    Bridge,
    Channel,
    Contact,
    Endpoint,
    LiveRecording,
    Peer,
    Playback,
    TextMessage,
)


class AriEvent(AriModel):
    """Something that happened. `timestamp` is when, by Asterisk's clock."""

    timestamp: datetime

    @property
    def subject(self) -> str:
        """Id of the channel, bridge, playback, recording or endpoint that it happened to."""
        return ""


class Connected(AriEvent):
    """The websocket stands: requests are possible. `reconnection` counts from 0, the first."""

    reconnection: int = 0


class Disconnected(AriEvent):
    """The websocket is gone, events may be missed until the next Connected. `reason` says why."""

    reason: str


class UnknownEvent(AriEvent):
    """An event of a type that is not read, or that did not have the expected form (`fault`)."""

    type: str
    raw: dict[str, Any]
    fault: str = ""


class ApplicationReplaced(AriEvent):
    """Another process took this application's name; no further events come to this one."""


class ChannelEvent(AriEvent):
    """Something that happened to a channel."""

    channel: Channel

    @property
    def subject(self) -> str:
        return self.channel.id


class CallBroadcast(ChannelEvent):
    """The dialplan offers a call (StasisBroadcast); it is had by claiming it."""

    caller: str = ""
    called: str = ""


class CallClaimed(ChannelEvent):
    """An application won an offered call."""

    winner_app: str = ""


class StasisStart(ChannelEvent):
    """A channel is now under the application's control; `args` as the dialplan gave them."""

    args: tuple[str, ...] = ()


class StasisEnd(ChannelEvent):
    """A channel left the application: it hung up, or went on in the dialplan."""


class ChannelDestroyed(ChannelEvent):
    """A channel is gone; `cause` as in Q.850, `tech_cause` the SIP status where there is one."""

    cause: int = 0
    cause_txt: str = ""
    tech_cause: int | None = None


class ChannelStateChange(ChannelEvent):
    """A channel's state changed, for instance to Ringing or Up."""


class ChannelHangupRequest(ChannelEvent):
    """The far end wants to end the call."""

    cause: int | None = None
    soft: bool = False


class ChannelHold(ChannelEvent):
    """The far end put the call on hold."""


class ChannelUnhold(ChannelEvent):
    """The far end took the call back from hold."""


class ChannelDtmfReceived(ChannelEvent):
    """A key was pressed; `duration_ms` in milliseconds."""

    digit: str = ""
    duration_ms: int = 0


class Dial(AriEvent):
    """Progress of an outgoing leg; `dialstatus` is empty, RINGING, PROGRESS, ANSWER, BUSY,
    CONGESTION, CHANUNAVAIL, NOANSWER or CANCEL.
    """

    peer: Channel
    caller: Channel | None = None
    dialstatus: str = ""
    dialstring: str = ""

    @property
    def subject(self) -> str:
        return self.peer.id


class PlaybackEvent(AriEvent):
    """Something that happened to a playback."""

    playback: Playback

    @property
    def subject(self) -> str:
        return self.playback.id


class PlaybackStarted(PlaybackEvent):
    """The first sound is being played."""


class PlaybackFinished(PlaybackEvent):
    """It ended; `playback.state` is done, failed or cancelled."""


class RecordingEvent(AriEvent):
    """Something that happened to a recording."""

    recording: LiveRecording

    @property
    def subject(self) -> str:
        return self.recording.name


class RecordingStarted(RecordingEvent):
    """Recording began."""


class RecordingFinished(RecordingEvent):
    """Recording ended and the file is closed."""


class RecordingFailed(RecordingEvent):
    """There is no recording; `recording.cause` says why."""


class BridgeDestroyed(AriEvent):
    """A bridge is gone."""

    bridge: Bridge

    @property
    def subject(self) -> str:
        return self.bridge.id


class ChannelEnteredBridge(ChannelEvent):
    """A channel joined a bridge."""

    bridge: Bridge


class ChannelLeftBridge(ChannelEvent):
    """A channel left a bridge."""

    bridge: Bridge


class EndpointEvent(AriEvent):
    """Something that happened to an endpoint; the application must be subscribed to it."""

    endpoint: Endpoint

    @property
    def subject(self) -> str:
        return f"{self.endpoint.technology}/{self.endpoint.resource}"


class PeerStatusChange(EndpointEvent):
    """An endpoint became reachable or unreachable."""

    peer: Peer


class ContactStatusChange(EndpointEvent):
    """A contact of an endpoint became reachable or unreachable."""

    contact_info: Contact


class TextMessageReceived(AriEvent):
    """A SIP MESSAGE came in; `endpoint` is whose, if Asterisk knows it."""

    message: TextMessage
    endpoint: Endpoint | None = None

    @property
    def subject(self) -> str:
        return f"{self.endpoint.technology}/{self.endpoint.resource}" if self.endpoint else ""


READ: tuple[type[AriEvent], ...] = (
    ApplicationReplaced,
    CallBroadcast,
    CallClaimed,
    StasisStart,
    StasisEnd,
    ChannelDestroyed,
    ChannelStateChange,
    ChannelHangupRequest,
    ChannelHold,
    ChannelUnhold,
    ChannelDtmfReceived,
    Dial,
    PlaybackStarted,
    PlaybackFinished,
    RecordingStarted,
    RecordingFinished,
    RecordingFailed,
    BridgeDestroyed,
    ChannelEnteredBridge,
    ChannelLeftBridge,
    PeerStatusChange,
    ContactStatusChange,
    TextMessageReceived,
)
"""Every event that can be read from Asterisk, each under its class' name."""

_BY_TYPE = {event.__name__: event for event in READ}


def parse_event(raw: dict[str, Any]) -> AriEvent:
    """The event in a decoded JSON object; UnknownEvent if it is not understood."""
    kind = raw.get("type", "")
    model = _BY_TYPE.get(kind)
    fault = ""
    if model is not None:
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            fault = str(error)
    return UnknownEvent(type=kind, raw=raw, fault=fault, timestamp=_timestamp(raw))


def _timestamp(raw: Mapping[str, Any]) -> datetime:
    try:
        return datetime.fromisoformat(raw["timestamp"]).astimezone(UTC)
    except (KeyError, TypeError, ValueError):
        return datetime.now(UTC)
