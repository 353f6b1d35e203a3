"""Asterisk's JSON becomes events; what is not understood is no error."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from ari_app import events
from ari_app.events import READ, AriEvent, UnknownEvent, parse_event
from ari_app.models import ChannelState

AT = "2026-01-02T03:04:05.678+0700"
CHANNEL: dict[str, Any] = {
    "id": "0199.1.1",
    "name": "PJSIP/polres-1271-desk1-00000001",
    "state": "Ringing",
    "protocol_id": "abc@127.0.0.1",
    "caller": {"name": "", "number": "+62812"},
    "connected": {"name": "", "number": ""},
    "accountcode": "",
    "dialplan": {
        "context": "from-trunk",
        "exten": "110",
        "priority": 3,
        "app_name": "Stasis",
        "app_data": "polri110-1",
    },
    "creationtime": AT,
    "language": "en",
    "channelvars": {"CALL_ID": "0199"},
    "a field of a later Asterisk": {"nested": [1]},
}
BRIDGE = {"id": "0199.bridge", "technology": "simple_bridge", "channels": ["a", "b"]}
PLAYBACK = {"id": "0199.prompt.1", "media_uri": "sound:x", "state": "done"}
RECORDING = {"name": "0199", "format": "wav", "state": "done", "duration": 7}
ENDPOINT = {"technology": "PJSIP", "resource": "polres-1271-desk1", "state": "online"}
PARTS: dict[str, Any] = {
    "channel": CHANNEL,
    "peer": CHANNEL,
    "bridge": BRIDGE,
    "playback": PLAYBACK,
    "recording": RECORDING,
    "endpoint": ENDPOINT,
    "message": {"from": "sip:a@b", "to": "sip:110@c", "body": "tolong"},
    "contact_info": {"uri": "sip:a@b", "contact_status": "Reachable", "aor": "a"},
}
SUBJECTS = {
    "channel": "0199.1.1",
    "playback": "0199.prompt.1",
    "recording": "0199",
    "endpoint": "PJSIP/polres-1271-desk1",
}


def _raw(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "timestamp": AT, "application": "polri110-1", **more}


@pytest.mark.parametrize("model", READ, ids=lambda model: model.__name__)
def test_every_event_that_is_read_is_parsed_under_its_own_name(model: type[AriEvent]) -> None:
    parts = {name: part for name, part in PARTS.items() if name in model.model_fields}
    if model is events.PeerStatusChange:
        parts["peer"] = {"peer_status": "Unreachable"}
    event = parse_event(_raw(model.__name__, **parts))
    assert type(event) is model
    assert event.timestamp == datetime(2026, 1, 1, 20, 4, 5, 678000, tzinfo=UTC)
    for part, subject in SUBJECTS.items():
        if part in parts:
            assert event.subject == subject


def test_times_carry_their_zone() -> None:
    event = parse_event(_raw("ApplicationReplaced"))
    assert event.timestamp.utcoffset() == timedelta(hours=7)


def test_a_type_that_is_not_read_is_kept_as_it_came() -> None:
    raw = _raw("ChannelVarset", variable="X", value="y")
    event = parse_event(raw)
    assert isinstance(event, UnknownEvent)
    assert (event.type, event.raw, event.fault) == ("ChannelVarset", raw, "")
    assert event.timestamp == datetime(2026, 1, 1, 20, 4, 5, 678000, tzinfo=UTC)


@pytest.mark.parametrize(
    "raw",
    [
        _raw("StasisStart"),
        _raw("StasisStart", channel={"id": 5}),
        _raw("StasisEnd", channel=None),
        {"type": "StasisStart", "channel": CHANNEL},
        {"type": "StasisStart", "channel": CHANNEL, "timestamp": "yesterday"},
        {"type": "ChannelVarset", "timestamp": 7},
        {},
    ],
)
def test_an_event_of_another_form_is_unknown_rather_than_an_error(raw: dict[str, Any]) -> None:
    event = parse_event(raw)
    assert isinstance(event, UnknownEvent)
    assert event.raw == raw
    assert event.timestamp.tzinfo is not None


def test_a_channel_in_a_state_of_a_later_asterisk_is_still_a_channel() -> None:
    event = parse_event(_raw("StasisEnd", channel={**CHANNEL, "state": "Levitating"}))
    assert isinstance(event, events.StasisEnd)
    assert event.channel.state is ChannelState.UNKNOWN


def test_an_event_cannot_be_changed() -> None:
    event = parse_event(_raw("StasisEnd", channel=CHANNEL))
    with pytest.raises(ValidationError):
        event.timestamp = datetime.now(UTC)  # type: ignore[misc]
