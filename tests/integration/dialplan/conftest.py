"""A real Asterisk with our configuration, its desks played by SIPp, and what it leaves behind."""

import asyncio
import contextlib
import secrets
import subprocess
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from agi.story import Story, UnfinishedStoryError, parse
from ari_app import prompts
from ari_app.client import AriClient
from ari_app.render import DeskEndpoint, RenderOptions, Trunk
from routing.plan import PlanReason, RoutePlan, Rung, RungDesk
from stack.asterisk import Asterisk, running_asterisk
from stack.desk import Desk
from stack.ports import Ports
from stack.programs import Programs
from stack.sip_trace import Message

BROADCAST_MS = 200
RING_SECONDS = 2.0
DESKS = {
    "polres-1271": ("polres-1271-desk1", "polres-1271-desk2"),
    "polda-12": ("polda-12-desk1",),
    "mabes": ("mabes-desk1",),
}
NAMES = {"polres-1271": "Polrestabes Medan", "polda-12": "Polda Sumut", "mabes": "Mabes Polri"}


@dataclass(slots=True)
class Node:
    """The running Asterisk and the port on which each desk's phone is expected.

    number is the caller's of this test. A desk's port may still get INVITEs of another test's
    call: to a phone that never answered, SIP repeats them for 32 s.
    """

    asterisk: Asterisk
    port_of: dict[str, int]
    number: str = ""

    async def saw(
        self, desk: Desk, what: str, count: int = 1, within_seconds: float = 5.0
    ) -> Message:
        """Wait for a message that the desk received in a call of this test."""
        return await self._message(desk, what, False, count, within_seconds)

    async def said(self, desk: Desk, what: str, within_seconds: float = 5.0) -> Message:
        """Wait for a message that the desk sent in a call of this test."""
        return await self._message(desk, what, True, 1, within_seconds)

    async def _message(
        self, desk: Desk, what: str, sent: bool, count: int, within_seconds: float
    ) -> Message:
        deadline = time.monotonic() + within_seconds
        while True:
            ours = {m.call_id for m in desk.messages if self.number in (m.header("From") or "")}
            found = [m for m in desk.trace.find(what, sent) if m.call_id in ours]
            if len(found) >= count:
                return found[count - 1]
            assert time.monotonic() < deadline, (what, [str(m) for m in desk.messages])
            await asyncio.sleep(0.01)

    @property
    def options(self) -> RenderOptions:
        return self.asterisk.options

    @property
    def stories(self) -> Path:
        return self.asterisk.spool / "polri110" / "stories"

    async def story(self, within_seconds: float = 5.0) -> Story:
        """Wait for the story of the one call that was made; it is removed."""
        deadline = time.monotonic() + within_seconds
        while True:
            for path in self.stories.iterdir():
                try:
                    story = parse(path.read_text())
                except UnfinishedStoryError:
                    continue
                path.unlink()
                return story
            assert time.monotonic() < deadline, self.asterisk.complaints()
            await asyncio.sleep(0.01)

    @contextlib.asynccontextmanager
    async def app(self, name: str = "polri110-test") -> AsyncIterator[AriClient]:
        """A connected Stasis application; calls are offered to names that begin with polri110."""
        options = self.options
        async with AriClient(
            self.asterisk.ari_url, options.ari_user, options.ari_password, name
        ) as ari:
            await ari.connected()
            yield ari

    async def idle(self, within_seconds: float = 5.0) -> None:
        """Wait until no channel is left."""
        deadline = time.monotonic() + within_seconds
        while left := await self.asterisk.channels():
            assert time.monotonic() < deadline, f"channels are left over: {left}"
            await asyncio.sleep(0.02)

    async def recorded(self, size: int, within_seconds: float = 10.0) -> None:
        """Wait until a recording has grown to so many bytes."""
        deadline = time.monotonic() + within_seconds
        spool = self.asterisk.spool / "recording"
        while max((path.stat().st_size for path in spool.iterdir()), default=0) < size:
            assert time.monotonic() < deadline, "nothing is recorded"
            await asyncio.sleep(0.02)

    def recording(self, story: Story) -> Path:
        """Its recording as this side sees it."""
        return self.asterisk.spool / "recording" / Path(story.recording).name


def plan(*units: str, seconds: float = RING_SECONDS) -> RoutePlan:
    """A plan of these units with all their desks."""
    return RoutePlan(
        tuple(
            Rung(
                unit,
                NAMES[unit],
                unit.partition("-")[0],
                tuple(RungDesk(desk, f"PJSIP/{desk}") for desk in DESKS[unit]),
                seconds,
            )
            for unit in units
        ),
        PlanReason.TRUNK_DEFAULT,
    )


def node_options(ports: Ports, port_of: dict[str, int]) -> RenderOptions:
    rtp = ports.block(200)
    desks = [
        DeskEndpoint(desk, unit, NAMES[unit], contact=f"sip:{desk}@127.0.0.1:{port_of[desk]}")
        for unit, codes in DESKS.items()
        for desk in codes
    ]
    registering = DeskEndpoint("polres-1272-desk1", "polres-1272", "Polres", password="a;b c")
    return RenderOptions(
        ari_password="not-a-secret",
        default_plan=plan("mabes"),
        static_plans={"trunk-test": plan(*DESKS)},
        trunks=(Trunk("trunk-test", ("127.0.0.1",), "polres-1271"),),
        desks=(*desks, registering),
        sip_bind="127.0.0.1",
        sip_port=ports.any(),
        rtp_start=rtp.start,
        rtp_end=rtp.stop - 1,
        ari_port=ports.any(),
        agi_port=ports.any(),
        broadcast_ms=BROADCAST_MS,
        qualify_seconds=0,
    )


def runs(programs: Programs) -> prompts.Program:
    """Runs espeak-ng and sox where the programs are."""

    def run(command: Sequence[str], given: bytes) -> bytes:
        vector = programs.command(*command)
        return subprocess.run(vector, input=given, check=True, stdout=subprocess.PIPE).stdout

    return run


@pytest.fixture(scope="session")
def sounds(programs: Programs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our prompts, as Asterisk's sounds/polri110."""
    place = tmp_path_factory.mktemp("sounds")
    list(prompts.build(place, runs(programs)))
    return place / "polri110"


@pytest.fixture(scope="session")
async def node(programs: Programs, ports: Ports, sounds: Path) -> AsyncIterator[Node]:
    """One Asterisk for all tests; no app and no FastAGI but what a test starts."""
    port_of = {desk: ports.any() for codes in DESKS.values() for desk in codes}
    options = node_options(ports, port_of)
    async with running_asterisk(programs, options, sounds, name="dialplan") as asterisk:
        yield Node(asterisk, port_of)


@pytest.fixture(autouse=True)
def _fresh(request: pytest.FixtureRequest) -> None:
    if "node" in request.fixturenames:
        node: Node = request.getfixturevalue("node")
        node.number = f"+62811{secrets.randbelow(10**8):08}"
        for path in node.stories.iterdir():
            path.unlink()
