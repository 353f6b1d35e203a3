"""Measures the ARI client against REST over HTTP: `python -m benchmarks.ari_client`.

Starts an Asterisk of its own. Rates are by the clock, CPU is that of this process (the kernel's
part included); each figure is the best of five rounds, the ways taking turns.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import orjson
import structlog
import uvloop

from ari_app.client import AriClient
from ari_app.client.inbox import Inbox
from ari_app.events import (
    CallBroadcast,
    ChannelDestroyed,
    ChannelStateChange,
    StasisEnd,
    StasisStart,
    parse_event,
)
from ari_app.render import DeskEndpoint, RenderOptions, Trunk
from routing.plan import PlanReason, RoutePlan, Rung, RungDesk
from stack.asterisk import running_asterisk
from stack.ports import Ports
from stack.programs import find_programs

ROUNDS = 5
REQUESTS = 3000
EVENTS = 10_000
CALLS = 200
CALLS_AT_ONCE = 10
APP = "benchmark"
READ = (CallBroadcast, StasisStart, StasisEnd, ChannelDestroyed, ChannelStateChange)
STASIS_START = orjson.dumps(
    {
        "type": "StasisStart",
        "timestamp": "2026-01-02T03:04:05.678+0700",
        "args": ["trunk=trunk-a", "dialled=110", "num=%2B6281234567890", "geofmt=pidf"],
        "channel": {
            "id": "0199c0de-1111-7222-8333-444455556666.1.1",
            "name": "PJSIP/polres-1271-desk1-00000001",
            "state": "Up",
            "protocol_id": "0f3b2c1d-aaaa-bbbb@127.0.0.1",
            "caller": {"name": "", "number": "+6281234567890"},
            "connected": {"name": "", "number": ""},
            "accountcode": "",
            "dialplan": {
                "context": "from-trunk",
                "exten": "110",
                "priority": 5,
                "app_name": "Stasis",
                "app_data": "polri110-1,leg",
            },
            "creationtime": "2026-01-02T03:04:05.600+0700",
            "language": "en",
            "channelvars": {"CALL_ID": "0199c0de-1111-7222-8333-444455556666"},
        },
        "asterisk_id": "02:00:00:00:00:01",
        "application": "polri110-1",
    }
)

Way = tuple[str, int, Callable[[], Awaitable[None]]]


async def main() -> None:
    """Measure every way in turn and print the best of each."""
    ports = Ports()
    node = _node(ports)
    async with running_asterisk(
        find_programs(), node, amend=_add_dialplan, name="bench"
    ) as asterisk:
        url = asterisk.ari_url
        authorization = aiohttp.encode_basic_auth(node.ari_user, node.ari_password)
        async with (
            AriClient(url, node.ari_user, node.ari_password, APP, read=READ) as ari,
            aiohttp.ClientSession(headers={"Authorization": authorization}) as http,
        ):
            await asyncio.wait_for(ari.connected(), 10)
            await _measure(
                [
                    ("request, one after another", REQUESTS, lambda: _over_websocket(ari, 1)),
                    ("  over HTTP", REQUESTS, lambda: _over_http(http, url, 1)),
                    ("request, 3 together", REQUESTS, lambda: _over_websocket(ari, 3)),
                    ("  over HTTP", REQUESTS, lambda: _over_http(http, url, 3)),
                    ("request, 50 together", REQUESTS, lambda: _over_websocket(ari, 50)),
                    ("  over HTTP", REQUESTS, lambda: _over_http(http, url, 50)),
                    ("event, decoded to handed out", EVENTS, _events),
                    ("call of 6 requests and 6 events", CALLS, lambda: _calls(ari)),
                ]
            )
    ports.close()


async def _measure(ways: list[Way]) -> None:
    rates, costs = [0.0] * len(ways), [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for index, (_, count, work) in enumerate(ways):
            wall, cpu = time.perf_counter(), time.process_time()
            await work()
            costs[index] = min(costs[index], (time.process_time() - cpu) / count * 1e6)
            rates[index] = max(rates[index], count / (time.perf_counter() - wall))
    print(f"{'':36} {'a second':>10} {'CPU us each':>12}")
    for (name, _, _), rate, cost in zip(ways, rates, costs, strict=True):
        print(f"{name:36} {rate:10,.0f} {cost:12.1f}")


async def _over_websocket(ari: AriClient, together: int) -> None:
    for _ in range(REQUESTS // together):
        replies = [ari.request("GET", "asterisk/ping") for _ in range(together)]
        for reply in replies:
            (await reply).json()


async def _over_http(http: aiohttp.ClientSession, url: str, together: int) -> None:
    async def ask() -> None:
        async with http.get(f"{url}/ari/asterisk/ping") as response:
            orjson.loads(await response.read())

    for _ in range(REQUESTS // together):
        await asyncio.gather(*(ask() for _ in range(together)))


async def _events() -> None:
    """In groups of ten, as a call's events come; queued by the thousand they cost more (gc)."""
    for _ in range(EVENTS // 10):
        inbox = Inbox()
        for _ in range(10):
            inbox.put(parse_event(orjson.loads(STASIS_START)))
        inbox.end()
        async for _ in inbox:
            pass


async def _calls(ari: AriClient) -> None:
    """A channel and a bridge a call, begun, joined and taken down."""
    numbers = itertools.count()
    over = 0

    def begin() -> None:
        number = next(numbers)
        if number < CALLS:
            ari.bridges.create(f"{number}.bridge")
            ari.channels.originate("Local/wait@benchmark", app=APP, channel_id=f"{number}.1")

    for _ in range(CALLS_AT_ONCE):
        begin()
    async for event in ari:
        number, _, part = event.subject.partition(".")
        if part != "1":
            continue
        match event:
            case StasisStart():
                ari.channels.set_variable(event.subject, "TIMEOUT(absolute)", "0")
                ari.bridges.add_channel(f"{number}.bridge", [event.subject])
                ari.channels.hangup(event.subject)
                ari.bridges.destroy(f"{number}.bridge")
            case ChannelDestroyed():
                over += 1
                if over == CALLS:
                    return
                begin()


def _add_dialplan(etc: Path) -> None:
    site = etc / "site"
    site.mkdir()
    (site / "benchmark.conf").write_text(
        "[benchmark]\nexten => wait,1,Answer()\n same => n,Wait(60)\n"
    )


def _node(ports: Ports) -> RenderOptions:
    desk = DeskEndpoint("mabes-desk1", "mabes", "Mabes Polri", contact="sip:127.0.0.1:9")
    rung = Rung("mabes", "Mabes Polri", "mabes", (RungDesk(desk.code, f"PJSIP/{desk.code}"),), 10)
    rtp = ports.block(100)
    return RenderOptions(
        ari_password="not-a-secret",
        default_plan=RoutePlan((rung,), PlanReason.NATIONAL_DEFAULT),
        trunks=(Trunk("trunk-bench", ("127.0.0.1",)),),
        desks=(desk,),
        sip_bind="127.0.0.1",
        sip_port=ports.one("bench-sip"),
        rtp_start=rtp.start,
        rtp_end=rtp.stop - 1,
        ari_port=ports.one("bench-ari"),
    )


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    uvloop.run(main())
