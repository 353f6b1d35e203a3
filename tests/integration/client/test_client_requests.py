"""Requests over the websocket, against a real Asterisk."""

import asyncio

import pytest

from ari_app.client import (
    AriClient,
    AriConflict,
    AriInvalid,
    AriNotFound,
    AriServerError,
    AriTimeout,
)
from ari_app.events import PlaybackFinished, PlaybackStarted

WAIT = "Local/wait@client-tests"


async def test_five_hundred_requests_at_once_each_get_their_own_answer(ari: AriClient) -> None:
    names = [f"CLIENT_TEST_{number}" for number in range(500)]
    await asyncio.gather(*(ari.asterisk.set_variable(name, f"value of {name}") for name in names))
    values = await asyncio.gather(*(ari.asterisk.get_variable(name) for name in names))
    assert values == [f"value of {name}" for name in names]
    assert ari.in_flight == 0


async def test_a_request_that_times_out_leaves_the_others_alone(ari: AriClient) -> None:
    hasty = ari.request("GET", "asterisk/info", timeout=0)
    others = [ari.asterisk.get_variable("CLIENT_TEST_OTHER") for _ in range(100)]
    with pytest.raises(AriTimeout) as caught:
        await hasty
    assert (caught.value.method, caught.value.uri) == ("GET", "asterisk/info")
    assert await asyncio.gather(*others) == [""] * 100
    assert (await ari.asterisk.ping()).asterisk_id
    assert ari.in_flight == 0


async def test_a_request_that_is_over_before_it_could_leave_is_not_carried_out(
    ari: AriClient,
) -> None:
    await ari.asterisk.set_variable("CLIENT_TEST_CANCELLED", "before")
    ari.asterisk.set_variable("CLIENT_TEST_CANCELLED", "after").cancel()
    assert await ari.asterisk.get_variable("CLIENT_TEST_CANCELLED") == "before"


async def test_requests_made_together_are_carried_out_in_their_order(ari: AriClient) -> None:
    for number in range(200):
        last = ari.asterisk.set_variable("CLIENT_TEST_ORDER", str(number))
    reading = ari.asterisk.get_variable("CLIENT_TEST_ORDER")
    await last
    assert await reading == "199"


@pytest.mark.parametrize(
    "value",
    [
        "a&b=c?d#e%41+f g",
        "quote \" and ' and \\ and `; DROP TABLE calls; --",
        "kantor polisi 🚓 Medan é",
        "${CALLERID(num)}",
        "x" * 300,
    ],
)
async def test_a_value_that_a_caller_controls_arrives_unchanged(ari: AriClient, value: str) -> None:
    await ari.asterisk.set_variable("CLIENT_TEST_VALUE", value)
    assert await ari.asterisk.get_variable("CLIENT_TEST_VALUE") == value


async def test_an_id_with_reserved_characters_names_its_object(ari: AriClient) -> None:
    bridge_id = "0199.bridge/a b?c=%41"
    try:
        created = await ari.bridges.create(bridge_id)
        assert created.id == bridge_id
        assert (await ari.bridges.get(bridge_id)).bridge_type == "mixing"
    finally:
        await ari.bridges.destroy(bridge_id)
    with pytest.raises(AriNotFound):
        await ari.bridges.get(bridge_id)


async def test_a_channel_lives_through_its_requests(ari: AriClient) -> None:
    variables = {"CALL_ID": "0199", "QUOTED": 'a "b", c'}
    channel = await ari.channels.originate(
        WAIT,
        app=ari.app,
        channel_id="client-test.1.1",
        app_args="leg,1",
        caller_id='"Budi" <+62812>',
        timeout=5,
        variables=variables,
    )
    assert channel.id == "client-test.1.1"
    await ari.bridges.create("client-test.bridge")
    try:
        await _in_stasis(ari, channel.id)
        assert await ari.channels.get_variable(channel.id, "QUOTED") == 'a "b", c'
        await ari.channels.set_variables(channel.id, {"PLAN": "mabes@10@PJSIP/a&PJSIP/b|x"})
        assert await ari.channels.get_variable(channel.id, "PLAN") == "mabes@10@PJSIP/a&PJSIP/b|x"
        await ari.channels.set_variable(channel.id, "TIMEOUT(absolute)", "30")
        await ari.bridges.add_channel("client-test.bridge", [channel.id])
        assert (await ari.bridges.get("client-test.bridge")).channels == (channel.id,)
        held = await ari.applications.get(ari.app)
        assert channel.id in held.channel_ids
        assert channel.id in {one.id for one in await ari.channels.list()}
        await ari.bridges.remove_channel("client-test.bridge", [channel.id])
        await ari.channels.hangup(channel.id, reason_code=17)
    finally:
        await ari.bridges.destroy("client-test.bridge")


async def test_media_are_played_in_the_order_given(ari: AriClient) -> None:
    channel = await ari.channels.originate(WAIT, app=ari.app)
    await _in_stasis(ari, channel.id)
    try:
        media = ["sound:none-such-1", "sound:none-such-2", "sound:none-such-3"]
        await ari.channels.play(channel.id, media, playback_id="client-test.prompt")
        played = []
        async with asyncio.timeout(5):
            async for event in ari:
                if isinstance(event, PlaybackStarted):
                    played.append(event.playback.media_uri)
                elif isinstance(event, PlaybackFinished):
                    break
        assert played == media
    finally:
        await ari.channels.hangup(channel.id)


async def test_each_refusal_is_an_error_of_its_own_type(ari: AriClient) -> None:
    with pytest.raises(AriNotFound) as gone:
        await ari.channels.answer("no-such-channel")
    assert gone.value.status == 404
    assert gone.value.body == "Channel not found"
    assert str(gone.value) == (
        "The object does not exist, or no longer "
        "(POST channels/no-such-channel/answer: 404 Channel not found)"
    )
    with pytest.raises(AriInvalid) as invalid:
        await ari.request("POST", "channels")
    assert invalid.value.status == 400
    with pytest.raises(AriServerError) as failed:
        await ari.channels.originate("Nothing/at-all", app=ari.app)
    assert (failed.value.status, failed.value.body) == (500, "Allocation failed")
    channel = await ari.channels.originate(
        WAIT, channel_id="client-test.outside", context="client-tests", extension="wait"
    )
    try:
        with pytest.raises(AriConflict) as outside:
            await ari.channels.answer(channel.id)
        assert outside.value.status == 409
    finally:
        await ari.channels.hangup(channel.id)


async def _in_stasis(ari: AriClient, channel_id: str) -> None:
    async with asyncio.timeout(5):
        async for event in ari:
            if type(event).__name__ == "StasisStart" and event.subject == channel_id:
                return
