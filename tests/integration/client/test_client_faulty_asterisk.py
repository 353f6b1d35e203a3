"""What no healthy Asterisk does, from a scripted one."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from aiohttp import web

from ari_app.client import AriClient, AriTimeout
from ari_app.client.connection import STALL_SECONDS
from ari_app.events import AriEvent, Connected, Disconnected, StasisEnd, UnknownEvent

NewClient = Callable[..., AriClient]
Script = Callable[[web.WebSocketResponse], Awaitable[None]]
Serve = Callable[[Script], Awaitable[str]]
STASIS_END = {
    "type": "StasisEnd",
    "timestamp": "2026-01-02T03:04:05.678+0700",
    "channel": {"id": "0199.1.1", "name": "Local/x", "state": "Up"},
}


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Runs a script for each websocket, and returns the server's URL."""
    runners: list[web.AppRunner] = []

    async def start(script: Script) -> str:
        async def websocket(request: web.Request) -> web.WebSocketResponse:
            response = web.WebSocketResponse()
            await response.prepare(request)
            await script(response)
            return response

        app = web.Application()
        app.router.add_get("/ari/events", websocket)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        runners.append(runner)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    yield start
    for runner in runners:
        await runner.cleanup()


def _answer(request: dict[str, Any], body: str = "{}") -> dict[str, Any]:
    return {
        "type": "RESTResponse",
        "request_id": request["request_id"],
        "status_code": 200,
        "reason_phrase": "OK",
        "message_body": body,
    }


async def _until(ari: AriClient, kind: type[AriEvent]) -> list[AriEvent]:
    told: list[AriEvent] = []
    async with asyncio.timeout(5):
        async for event in ari:
            told.append(event)
            if isinstance(event, kind):
                break
    return told


async def test_frames_that_make_no_sense_cost_neither_events_nor_answers(
    serve: Serve, client_of: NewClient
) -> None:
    async def script(websocket: web.WebSocketResponse) -> None:
        first = await websocket.receive_json()
        for nonsense in ("{", "[]", "5", "{}", '{"type":[]}', '{"type":"RESTResponse"}'):
            await websocket.send_str(nonsense)
        await websocket.send_str('{"type":"RESTResponse","request_id":"1","status_code":null}')
        await websocket.send_bytes(b"\x00binary")
        await websocket.send_json({"type": "StasisEnd", "channel": "none"})
        await websocket.send_json({**_answer(first), "request_id": "99"})
        await websocket.send_json(STASIS_END)
        async for message in websocket:
            await websocket.send_json(_answer(message.json(), body='{"value":"heard"}'))

    async with client_of(await serve(script), request_timeout=1) as ari:
        told = await _until(ari, StasisEnd)
        assert [type(event) for event in told] == [Connected, UnknownEvent, StasisEnd]
        assert await ari.asterisk.get_variable("X") == "heard"


async def test_a_connection_whose_filter_is_not_answered_is_given_up_and_tried_again(
    serve: Serve, client_of: NewClient
) -> None:
    connections = 0

    async def script(websocket: web.WebSocketResponse) -> None:
        nonlocal connections
        connections += 1
        request = await websocket.receive_json()
        if connections > 1:
            await websocket.send_json(_answer(request))
        async for _ in websocket:
            pass

    async with client_of(await serve(script), request_timeout=0.1) as ari:
        await asyncio.wait_for(ari.connected(), 5)
        assert connections == 2
        told = await _until(ari, Disconnected)
        assert isinstance(told[-1], Disconnected)
        assert "did not answer in time" in told[-1].reason


async def test_a_connection_that_gives_pongs_and_nothing_else_is_given_up(
    serve: Serve, client_of: NewClient
) -> None:
    connections = 0

    async def script(websocket: web.WebSocketResponse) -> None:
        nonlocal connections
        connections += 1
        deaf = connections == 1
        await websocket.send_json(_answer(await websocket.receive_json()))
        async for message in websocket:
            if not deaf:
                await websocket.send_json(_answer(message.json(), body='{"value":"heard"}'))

    async with client_of(await serve(script), heartbeat=0.1, request_timeout=0.3) as ari:
        await ari.connected()
        with pytest.raises(AriTimeout):
            await ari.asterisk.get_variable("X")
        told = await _until(ari, Disconnected)
        assert isinstance(told[-1], Disconnected)
        assert "pongs and nothing else" in told[-1].reason
        await asyncio.wait_for(ari.connected(), 5)
        assert await ari.asterisk.get_variable("X") == "heard"


async def test_an_impatient_request_does_not_end_a_quiet_connection(
    serve: Serve, client_of: NewClient
) -> None:
    async def script(websocket: web.WebSocketResponse) -> None:
        await websocket.send_json(_answer(await websocket.receive_json()))
        async for _ in websocket:
            pass

    async with client_of(await serve(script), request_timeout=0.4) as ari:
        await ari.connected()
        ending = asyncio.create_task(_until(ari, Disconnected))
        await asyncio.wait({ending}, timeout=0.5)
        with pytest.raises(AriTimeout):
            await ari.request("GET", "unanswered", timeout=0.01)
        await asyncio.wait({ending}, timeout=2 * STALL_SECONDS)
        assert not ending.done()
        ending.cancel()


async def test_one_unanswered_request_among_others_does_not_end_the_connection(
    serve: Serve, client_of: NewClient
) -> None:
    async def script(websocket: web.WebSocketResponse) -> None:
        async for message in websocket:
            request = message.json()
            if request["uri"] != "unanswered":
                await websocket.send_json(_answer(request))

    async with client_of(await serve(script), request_timeout=0.3) as ari:
        await ari.connected()
        unanswered = ari.request("GET", "unanswered")
        while not unanswered.done():
            await ari.request("GET", "answered")
        assert isinstance(unanswered.exception(), AriTimeout)
        going_on = asyncio.get_running_loop().time() + 2 * STALL_SECONDS
        while asyncio.get_running_loop().time() < going_on:
            await ari.request("GET", "answered")


async def test_a_server_that_accepts_and_says_nothing_is_given_up(client_of: NewClient) -> None:
    accepted = asyncio.Event()
    connections = 0

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        if connections == 2:
            accepted.set()
        await reader.read(-1)
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    async with (
        server,
        client_of(f"http://127.0.0.1:{port}", connect_timeout=0.1) as ari,
    ):
        await asyncio.wait_for(accepted.wait(), 5)
        assert not ari.is_connected


async def test_an_asterisk_that_stops_reading_gets_no_stale_request_later(
    serve: Serve, client_of: NewClient
) -> None:
    read_on = asyncio.Event()
    heard: list[str] = []

    async def script(websocket: web.WebSocketResponse) -> None:
        await websocket.send_json(_answer(await websocket.receive_json()))
        await read_on.wait()
        async for message in websocket:
            request = message.json()
            heard.append(request["uri"])
            await websocket.send_json(_answer(request))

    async with client_of(await serve(script), heartbeat=60, request_timeout=1) as ari:
        await ari.connected()
        filling = {"variable": "X", "value": "x" * 2_000_000}
        crowd = [ari.request("POST", "asterisk/variable", filling, timeout=0.3) for _ in range(20)]
        stale = ari.request("POST", "channels/stale", timeout=0.3)
        for late in (*crowd, stale):
            with pytest.raises(AriTimeout):
                await late
        read_on.set()
        await ari.request("GET", "fresh", timeout=10)
        assert "fresh" in heard
        assert "channels/stale" not in heard
