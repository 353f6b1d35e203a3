"""What Asterisk says about its objects: channels, bridges, playbacks, recordings, endpoints.

The fields that are read, named as in Asterisk's own API description (rest-api/*.json). Whatever
else Asterisk sends is ignored, and only what a call cannot do without is required, whatever the
description says: which fields come depends on the loaded modules (an Application has no
`device_names` without res_stasis_device_state). Values are frozen. Times carry a zone.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field


class ChannelState(StrEnum):
    """State of a channel; `Ring` is an arriving call, `Ringing` a phone of ours that rings."""

    DOWN = "Down"
    RESERVED = "Rsrved"
    OFF_HOOK = "OffHook"
    DIALING = "Dialing"
    RING = "Ring"
    RINGING = "Ringing"
    UP = "Up"
    BUSY = "Busy"
    DIALING_OFF_HOOK = "Dialing Offhook"
    PRE_RING = "Pre-ring"
    UNKNOWN = "Unknown"

    @classmethod
    def _missing_(cls, value: object) -> "ChannelState":
        return cls.UNKNOWN


class AriModel(BaseModel):
    """A frozen value read from Asterisk's JSON."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class CallerId(AriModel):
    """Name and number as signalled; both may be empty, and the caller controls both."""

    name: str = ""
    number: str = ""


class DialplanPlace(AriModel):
    """Where in the dialplan a channel is."""

    context: str = ""
    exten: str = ""
    priority: int = 0
    app_name: str = ""
    app_data: str = ""


class Channel(AriModel):
    """One leg of a call. `channelvars` holds the variables named in ari.conf `channelvars`."""

    id: str
    name: str
    state: ChannelState
    caller: CallerId = CallerId()
    connected: CallerId = CallerId()
    dialplan: DialplanPlace = DialplanPlace()
    creationtime: datetime | None = None
    protocol_id: str = ""
    accountcode: str = ""
    language: str = ""
    channelvars: dict[str, Any] = {}


class Bridge(AriModel):
    """What mixes the voices of its channels; `channels` are their ids."""

    id: str
    technology: str = ""
    bridge_type: str = ""
    bridge_class: str = ""
    creator: str = ""
    name: str = ""
    channels: tuple[str, ...] = ()
    creationtime: datetime | None = None


class Playback(AriModel):
    """Media being played. `target_uri` is channel:<id> or bridge:<id>; `state` is one of
    queued, playing, continuing, done, failed, cancelled.
    """

    id: str
    media_uri: str = ""
    target_uri: str = ""
    state: str = ""
    language: str = ""


class LiveRecording(AriModel):
    """A recording being made. `state` is one of queued, recording, paused, done, failed,
    canceled; `duration` is in whole seconds, known when done; `cause` says why it failed.
    """

    name: str
    format: str = ""
    target_uri: str = ""
    state: str = ""
    duration: int | None = None
    cause: str | None = None


class StoredRecording(AriModel):
    """A finished recording in Asterisk's spool."""

    name: str
    format: str = ""


class Endpoint(AriModel):
    """A technology's peer, such as PJSIP/polres-1271-desk1; `state` is online, offline, unknown."""

    technology: str
    resource: str
    state: str = "unknown"
    channel_ids: tuple[str, ...] = ()


class Peer(AriModel):
    """Reachability of an endpoint: `peer_status` is Reachable, Unreachable, Registered ..."""

    peer_status: str
    cause: str = ""
    address: str = ""
    port: str = ""


class Contact(AriModel):
    """Reachability of one contact: `contact_status` is Reachable, Unreachable, NonQualified ...

    `roundtrip_usec` is the time of the last qualify in microseconds, as text.
    """

    uri: str
    contact_status: str
    aor: str = ""
    roundtrip_usec: str = ""


class TextMessage(AriModel):
    """A SIP MESSAGE (RFC 3428). `sender` and `to` are URIs."""

    sender: str = Field(alias="from")
    to: str = ""
    body: str = ""
    variables: dict[str, Any] = {}


class Application(AriModel):
    """A Stasis application and what it is subscribed to: ids of channels, bridges, endpoints."""

    name: str
    channel_ids: tuple[str, ...] = ()
    bridge_ids: tuple[str, ...] = ()
    endpoint_ids: tuple[str, ...] = ()
    device_names: tuple[str, ...] = ()
    events_allowed: tuple[dict[str, str], ...] = ()
    events_disallowed: tuple[dict[str, str], ...] = ()


class SystemInfo(AriModel):
    """Version and entity id of the running Asterisk."""

    version: str
    entity_id: str = ""


class StatusInfo(AriModel):
    """When Asterisk started and when it last reloaded."""

    startup_time: datetime | None = None
    last_reload_time: datetime | None = None


class AsteriskInfo(AriModel):
    """What Asterisk says about itself."""

    system: SystemInfo | None = None
    status: StatusInfo | None = None


class Ping(AriModel):
    """Answer to `asterisk/ping`; `timestamp` is Asterisk's clock."""

    asterisk_id: str = ""
    timestamp: datetime | None = None
