"""Events over the websocket, against a real Asterisk."""

import asyncio
from collections.abc import Callable

import pytest

from ari_app.client import AriClient, AriConflict, AriNotFound
from ari_app.events import (
    AriEvent,
    CallBroadcast,
    CallClaimed,
    ChannelDestroyed,
    Connected,
    StasisEnd,
    StasisStart,
)
from stack.asterisk import Asterisk

NewClient = Callable[..., AriClient]
WAIT = "Local/wait@client-tests"


async def _next(ari: AriClient, kind: type[AriEvent], subject: str | None = None) -> AriEvent:
    async with asyncio.timeout(5):
        async for event in ari:
            if isinstance(event, kind) and subject in (None, event.subject):
                return event
    raise AssertionError(f"the events ended without {kind.__name__}")


async def _offered(ari: AriClient) -> str:
    """Start a call that the dialplan offers; the id of its far half, which a test hangs up."""
    channel = await ari.channels.originate(
        "Local/offer@client-tests", context="client-tests", extension="wait", priority=1
    )
    return channel.id


async def test_a_channel_tells_its_story_in_order(ari: AriClient) -> None:
    channel_id = "client-story.1.1"
    assert isinstance(await anext(aiter(ari)), Connected)
    await ari.channels.originate(
        WAIT, app=ari.app, channel_id=channel_id, app_args="leg,number=%2B62812,with space"
    )
    start = await _next(ari, StasisStart, channel_id)
    assert isinstance(start, StasisStart)
    assert start.args == ("leg", "number=%2B62812", "with space")
    assert start.channel.state == "Up"
    assert start.timestamp.tzinfo is not None
    await ari.channels.hangup(channel_id, reason_code=17)
    told: list[AriEvent] = []
    while channel_id not in [event.subject for event in told if type(event) is ChannelDestroyed]:
        told.append(await _next(ari, AriEvent))
    ends = [type(event) for event in told if event.subject == channel_id]
    assert ends.index(StasisEnd) < ends.index(ChannelDestroyed)
    destroyed = told[-1]
    assert isinstance(destroyed, ChannelDestroyed)
    assert destroyed.cause == 17


async def test_only_the_events_that_are_read_are_sent(
    asterisk: Asterisk, client_of: NewClient
) -> None:
    async with client_of(asterisk.ari_url, read=(StasisStart, ChannelDestroyed)) as ari:
        await ari.connected()
        application = await ari.applications.get(ari.app)
        assert {kind["type"] for kind in application.events_allowed} == {
            "RESTResponse",
            "ApplicationReplaced",
            "StasisStart",
            "ChannelDestroyed",
        }
        channel = await ari.channels.originate(WAIT, app=ari.app, channel_id="client-filter.1.1")
        await _next(ari, StasisStart, channel.id)
        await ari.channels.hangup(channel.id)
        rest: list[AriEvent] = []
        while not rest or rest[-1].subject != channel.id:
            rest.append(await _next(ari, AriEvent))
        assert {type(event) for event in rest} == {ChannelDestroyed}


async def test_an_offered_call_is_had_by_the_first_to_claim_it(
    asterisk: Asterisk, client_of: NewClient
) -> None:
    async with (
        client_of(asterisk.ari_url, "client-tests-a") as first,
        client_of(asterisk.ari_url, "client-tests-b") as second,
    ):
        await asyncio.gather(first.connected(), second.connected())
        caller = await _offered(first)
        offer = await _next(first, CallBroadcast)
        assert (await _next(second, CallBroadcast)).subject == offer.subject
        await first.events.claim(offer.subject)
        with pytest.raises((AriConflict, AriNotFound)):
            await second.events.claim(offer.subject)
        claimed = await _next(second, CallClaimed)
        assert isinstance(claimed, CallClaimed)
        assert (claimed.subject, claimed.winner_app) == (offer.subject, "client-tests-a")
        start = await _next(first, StasisStart)
        assert isinstance(start, StasisStart)
        assert start.subject == offer.subject
        assert start.args == ("number=%2B62812", "from=a%40b")
        await first.channels.hangup(caller)


async def test_a_slow_consumer_delays_no_answer_and_its_lag_shows(ari: AriClient) -> None:
    async def consume() -> None:
        async for _ in ari:
            await may_go_on.wait()

    may_go_on = asyncio.Event()
    consumer = asyncio.create_task(consume())
    channel = await ari.channels.originate(WAIT, app=ari.app)
    for _ in range(100):
        assert (await ari.channels.get(channel.id)).id == channel.id
    await ari.channels.hangup(channel.id)
    stuck_for = ari.lag()
    assert stuck_for > 0
    await ari.asterisk.ping()
    assert ari.lag() > stuck_for
    may_go_on.set()
    async with asyncio.timeout(5):
        while ari.lag():
            await ari.asterisk.ping()
    assert 0 <= ari.delay() < 5
    consumer.cancel()


async def test_a_consumer_that_never_waits_lets_requests_through(ari: AriClient) -> None:
    channel = await ari.channels.originate(WAIT, app=ari.app)
    replies = []

    async def consume() -> None:
        async for event in ari:
            if isinstance(event, StasisStart):
                replies.append(ari.channels.get(event.channel.id))
            if isinstance(event, ChannelDestroyed) and event.subject == channel.id:
                return

    consumer = asyncio.create_task(consume())
    async with asyncio.timeout(5):
        while not replies:
            await ari.asterisk.ping()
        assert (await replies[0]).id == channel.id
        await ari.channels.hangup(channel.id)
        await consumer
