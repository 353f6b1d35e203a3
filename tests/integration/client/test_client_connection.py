"""The connection: cut, silent, refused, replaced, closed; against a real Asterisk."""

import asyncio
import time
from collections.abc import Callable

import pytest
from client_node import asterisk_of, options
from tcp_proxy import TcpProxy, proxy_to

from ari_app.client import (
    AriClient,
    AriDisconnected,
    AriForbidden,
    AriReplaced,
    AriUnauthorized,
    Backoff,
)
from ari_app.events import (
    ApplicationReplaced,
    AriEvent,
    ChannelDestroyed,
    Connected,
    Disconnected,
    StasisStart,
)
from stack.asterisk import Asterisk
from stack.ports import Ports
from stack.programs import Programs

NewClient = Callable[..., AriClient]
WAIT = "Local/wait@client-tests"
READ = (StasisStart, ChannelDestroyed)


async def _until(ari: AriClient, kind: type[AriEvent]) -> list[AriEvent]:
    """The events up to the first of that kind."""
    told: list[AriEvent] = []
    async with asyncio.timeout(15):
        async for event in ari:
            told.append(event)
            if isinstance(event, kind):
                return told
    raise AssertionError(f"the events ended without {kind.__name__}: {told}")


async def _calls_are_told(ari: AriClient) -> None:
    """A call made now is told completely, and nothing but what is read is told."""
    channel = await ari.channels.originate(WAIT, app=ari.app)
    assert (await _until(ari, StasisStart))[-1].subject == channel.id
    await ari.channels.hangup(channel.id)
    told = await _until(ari, ChannelDestroyed)
    assert {type(event) for event in told} <= set(READ)


async def test_a_cut_fails_what_is_in_flight_at_once_and_events_go_on(
    proxy: TcpProxy, client_of: NewClient
) -> None:
    async with client_of(proxy.url, read=READ) as ari:
        await ari.connected()
        proxy.swallow()  # so that the requests are truly in flight
        in_flight = [ari.request("GET", "asterisk/ping", timeout=60) for _ in range(50)]
        await asyncio.sleep(0)
        began = time.monotonic()
        proxy.cut()
        results = await asyncio.gather(*in_flight, return_exceptions=True)
        assert time.monotonic() - began < 0.25
        assert {type(result) for result in results} == {AriDisconnected}
        told = await _until(ari, Disconnected)
        assert [type(event) for event in told] == [Connected, Disconnected]
        (back,) = await _until(ari, Connected)
        assert isinstance(back, Connected)
        assert back.reconnection == 1
        await ari.connected()
        await _calls_are_told(ari)


async def test_requests_without_a_connection_fail_at_once(
    proxy: TcpProxy, client_of: NewClient
) -> None:
    async with client_of(proxy.url) as ari:
        await ari.connected()
        await proxy.refuse()
        proxy.cut()
        await _until(ari, Disconnected)
        assert not ari.is_connected
        with pytest.raises(AriDisconnected, match="not connected"):
            await ari.channels.answer("any")
        await proxy.listen()
        await asyncio.wait_for(ari.connected(), 5)
        await ari.asterisk.ping()


async def test_a_connection_that_falls_silent_is_noticed_by_the_heartbeat(
    proxy: TcpProxy, client_of: NewClient
) -> None:
    async with client_of(proxy.url, read=READ, heartbeat=0.4) as ari:
        await ari.connected()
        proxy.swallow()
        began = time.monotonic()
        with pytest.raises(AriDisconnected):
            await ari.request("GET", "asterisk/ping", timeout=60)
        assert time.monotonic() - began < 2
        await _until(ari, Disconnected)
        await asyncio.wait_for(ari.connected(), 5)
        # Asterisk learns only now that the old connection is gone; the new one must not suffer.
        proxy.cut_swallowed()
        await _until(ari, Connected)
        await _calls_are_told(ari)


async def test_an_answering_but_quiet_connection_is_kept(
    proxy: TcpProxy, client_of: NewClient
) -> None:
    async with client_of(proxy.url, heartbeat=0.1) as ari:
        await ari.connected()
        lasting = asyncio.create_task(_until(ari, Disconnected))
        await asyncio.wait({lasting}, timeout=1)
        assert not lasting.done()
        assert proxy.accepted == 1
        lasting.cancel()


async def test_asterisk_may_stop_and_start_again(
    programs: Programs, ports: Ports, client_of: NewClient
) -> None:
    node = options(ports)
    async with client_of(f"http://127.0.0.1:{node.ari_port}", read=READ) as ari:
        with pytest.raises(AriDisconnected):
            await ari.asterisk.ping()
        for _ in range(2):
            async with asterisk_of(programs, node):
                await asyncio.wait_for(ari.connected(), 10)
                await _until(ari, Connected)
                await _calls_are_told(ari)
            await _until(ari, Disconnected)


async def test_a_wrong_password_is_said_and_not_tried_for_ever(
    proxy: TcpProxy, client_of: NewClient
) -> None:
    retries: list[float] = []

    def spread(least: float, most: float) -> float:
        retries.append(most)
        return least

    async with client_of(proxy.url, password="wrong", backoff=Backoff(spread=spread)) as ari:
        with pytest.raises(AriUnauthorized, match=r"compare ari\.conf"):
            await asyncio.wait_for(ari.connected(), 5)
        with pytest.raises(AriUnauthorized):
            await _until(ari, Connected)
        with pytest.raises(AriDisconnected, match="does not know this ARI user"):
            await ari.asterisk.ping()
        assert retries == []


async def test_a_read_only_user_is_told_so(asterisk: Asterisk, client_of: NewClient) -> None:
    async with client_of(asterisk.ari_url, user="spectator") as ari:
        with pytest.raises(AriForbidden, match="read_only"):
            await asyncio.wait_for(ari.connected(), 5)


async def test_a_password_changed_under_a_running_client_is_tried_until_it_is_right_again(
    asterisk: Asterisk, proxy: TcpProxy, client_of: NewClient
) -> None:
    user = asterisk.etc / "generated" / "ari-user.conf"
    right = user.read_text()

    async def use(text: str) -> None:
        user.write_text(text)
        await asterisk.cli("module reload res_ari.so")

    refused_again = asyncio.Event()

    def spread(least: float, most: float) -> float:
        if most > 0.1:  # the second retry and those after it
            refused_again.set()
        return 0.05

    async with client_of(proxy.url, read=READ, backoff=Backoff(0.05, 0.2, spread)) as ari:
        await ari.connected()
        try:
            await use(right.replace("password=not", "password=changed"))
            proxy.cut()
            await _until(ari, Disconnected)
            await asyncio.wait_for(refused_again.wait(), 5)
            assert not ari.is_connected
        finally:
            await use(right)
        await asyncio.wait_for(ari.connected(), 5)
        await _calls_are_told(ari)


async def test_the_second_client_of_one_name_takes_over_and_the_first_does_not_fight(
    proxy: TcpProxy, client_of: NewClient
) -> None:
    async with client_of(proxy.url, read=READ) as first:
        await first.connected()
        async with client_of(proxy.url, read=READ) as second:
            await second.connected()
            told = await _until(first, ApplicationReplaced)
            assert isinstance(told[-1], ApplicationReplaced)
            with pytest.raises(AriReplaced):
                await _until(first, StasisStart)
            with pytest.raises(AriReplaced):
                await first.connected()
            assert not first.is_connected
            await _calls_are_told(second)
            assert second.is_connected
            assert proxy.accepted == 2


async def test_closing_leaves_no_task_and_ends_the_events(
    proxy: TcpProxy, client_of: NewClient
) -> None:
    ari = client_of(proxy.url)
    before = asyncio.all_tasks()
    await ari.start()
    await ari.connected()
    proxy.swallow()
    in_flight = ari.request("GET", "asterisk/ping", timeout=60)
    began = time.monotonic()
    await ari.close()
    assert time.monotonic() - began < 2
    with pytest.raises(AriDisconnected):
        await in_flight
    assert [type(event) async for event in ari] == [Connected, Disconnected]
    ours = {task for task in asyncio.all_tasks() - before if task.get_name().startswith("ari")}
    assert ours == set()
    await ari.close()


async def test_a_client_that_never_connected_closes(client_of: NewClient) -> None:
    async with proxy_to(1) as nowhere:
        await nowhere.refuse()
        async with client_of(nowhere.url) as ari:
            with pytest.raises(AriDisconnected):
                await ari.asterisk.ping()
        assert [event async for event in ari] == []
