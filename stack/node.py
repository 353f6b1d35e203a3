"""A whole node: Asterisk, the application and FastAGI, wired to one another and to a database."""

import asyncio
import contextlib
import json
import secrets
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from ari_app.knowledge import DIRECTORY_SNAPSHOT, routing_rules
from ari_app.render import DeskEndpoint, RenderOptions, Trunk
from ari_app.settings import Settings
from routing.directory import Desk, Directory
from routing.nation import load_nation
from routing.plan import make_plan
from routing.snapshot import local_directory, save_snapshot
from stack.asterisk import Amend, Asterisk, running_asterisk
from stack.ports import Ports, bound
from stack.process import Child, StackError, start
from stack.programs import Programs

APP_PATIENCE_SECONDS = 40.0  # a drain may wait for connected calls


@dataclass(frozen=True, slots=True)
class Plan:
    """What a node is made of.

    directory: every unit and desk it knows; None takes the one that is in data_dir, or the nation's
    as it was built. Rendered into Asterisk are those desks of `units` (None: all) that have a
    contact or a password; with phones_port, the others too, at a SIPp on that port of loopback.
    settings: POLRI110_* names without their prefix, in lower case, for the service's processes.
    """

    directory: Directory | None
    trunks: tuple[Trunk, ...]
    database_url: str
    data_dir: Path
    units: frozenset[str] | None = None
    phones_port: int | None = None
    qualify_seconds: int = 10
    rtp_ports: int = 600
    settings: Mapping[str, str] = field(default_factory=dict)
    ports: Mapping[str, int] = field(default_factory=dict)
    amend: Amend | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A running node. environment is what a further process of the service would need.

    The application and FastAGI can be ended (`node.app.stop(SIGKILL)`) and started again.
    """

    asterisk: Asterisk
    environment: Mapping[str, str]
    data_dir: Path
    metrics_port: int
    _children: dict[str, Child] = field(default_factory=dict)

    @property
    def app(self) -> Child:
        """The Stasis application."""
        return self._children["serve"]

    @property
    def agi(self) -> Child:
        """The FastAGI process."""
        return self._children["agi"]

    @property
    def sip_port(self) -> int:
        """Where the trunk's INVITEs go, on loopback."""
        return self.asterisk.options.sip_port

    async def ready(self, within_seconds: float = 20.0) -> None:
        """Wait until the application takes calls and FastAGI listens; StackError if not."""
        deadline = time.monotonic() + within_seconds
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline:
                for child in (self.app, self.agi):
                    if not child.running:
                        raise StackError(f"{child.name} has ended: {child.tail()}")
                if await _healthy(session, self.metrics_port) and bound(
                    self.asterisk.options.agi_port, "tcp"
                ):
                    return
                await asyncio.sleep(0.05)
        raise StackError(f"The application is not ready: {self.app.tail()}")

    async def healthy(self, metrics_port: int, child: Child, within_seconds: float = 20.0) -> None:
        """Wait until another process of the application takes calls; StackError if not."""
        deadline = time.monotonic() + within_seconds
        async with aiohttp.ClientSession() as session:
            while child.running and time.monotonic() < deadline:
                if await _healthy(session, metrics_port):
                    return
                await asyncio.sleep(0.05)
        raise StackError(f"{child.name} is not ready: {child.tail()}")

    async def start_app(self) -> None:
        """Start the application, again when it has ended; ready() tells when it takes calls."""
        self._children["serve"] = await self._start("Application", "serve", "app.log")

    async def start_agi(self) -> None:
        """Start FastAGI, again when it has ended."""
        self._children["agi"] = await self._start("FastAGI", "agi", "agi.log")

    async def stop(self) -> None:
        """Stop both, the application first: while it drains, FastAGI serves what it gives away."""
        for name, patience_seconds in (("serve", APP_PATIENCE_SECONDS), ("agi", 5.0)):
            if child := self._children.get(name):
                await child.stop(patience_seconds=patience_seconds)

    async def _start(self, name: str, verb: str, log: str) -> Child:
        return await start(name, command(verb), self.data_dir / log, self.environment)

    async def idle(self, within_seconds: float = 5.0) -> None:
        """Wait until no channel is up; StackError names those that are left."""
        deadline = time.monotonic() + within_seconds
        while left := await self.asterisk.channels():
            if time.monotonic() > deadline:
                raise StackError(f"channels are left over: {', '.join(left)}")
            await asyncio.sleep(0.02)


async def _healthy(session: aiohttp.ClientSession, metrics_port: int) -> bool:
    with contextlib.suppress(aiohttp.ClientError):
        async with session.get(f"http://127.0.0.1:{metrics_port}/health") as answer:
            return answer.status == 200
    return False


def command(*arguments: str) -> list[str]:
    """The command `polri110` of this Python."""
    return [sys.executable, "-m", "ari_app", *arguments]


def render_options(
    plan: Plan, directory: Directory, ports: Ports, settings: Settings
) -> RenderOptions:
    """Asterisk's configuration for the plan, on ports of its own."""
    rules = routing_rules(settings)

    def port(name: str) -> int:
        return plan.ports.get(name) or ports.any()

    rtp = ports.block(plan.rtp_ports)
    desks = tuple(
        DeskEndpoint(
            desk.code, unit.code, unit.name, _contact(desk, plan.phones_port), desk.password
        )
        for unit in directory.units.values()
        if plan.units is None or unit.code in plan.units
        for desk in directory.enabled_desks(unit.code)
        if desk.contact or desk.password or plan.phones_port
    )
    return RenderOptions(
        ari_password=secrets.token_urlsafe(24),
        default_plan=make_plan(directory, None, None, rules.default_unit, rules.ring_seconds),
        trunks=plan.trunks,
        desks=desks,
        static_plans={
            trunk.name: make_plan(
                directory, None, trunk.default_unit or None, rules.default_unit, rules.ring_seconds
            )
            for trunk in plan.trunks
        },
        sip_bind="127.0.0.1",
        sip_port=port("sip"),
        rtp_start=rtp.start,
        rtp_end=rtp.stop - 1,
        ari_port=port("ari"),
        agi_port=port("agi"),
        qualify_seconds=plan.qualify_seconds,
        answer=settings.answer.value,
        greeting=settings.greeting,
        recording=settings.recording,
    )


def _contact(desk: Desk, phones_port: int | None) -> str | None:
    if desk.contact or desk.password or phones_port is None:
        return desk.contact
    return f"sip:{desk.code}@127.0.0.1:{phones_port}"


def environment(plan: Plan, asterisk: Asterisk, metrics_port: int) -> dict[str, str]:
    """POLRI110_* variables for the processes beside this Asterisk."""
    options = asterisk.options
    units = {trunk.name: trunk.default_unit for trunk in plan.trunks if trunk.default_unit}
    settings = {
        "data_dir": str(plan.data_dir),
        "ari_url": asterisk.ari_url,
        "ari_user": options.ari_user,
        "ari_password": options.ari_password,
        "agi_port": str(options.agi_port),
        "spool_dir": str(asterisk.spool),
        "asterisk_spool_dir": options.directories.spool,
        "database_url": plan.database_url,
        "trunk_units": json.dumps(units),
        "metrics_port": str(metrics_port),
        **plan.settings,
    }
    return {f"POLRI110_{name.upper()}": value for name, value in settings.items()}


def settings_of(plan: Plan) -> Settings:
    """The settings that the plan's own processes will read, as far as rendering needs them."""
    return Settings.model_validate(dict(plan.settings))


@contextlib.asynccontextmanager
async def running_node(
    programs: Programs, ports: Ports, plan: Plan, sounds: Path
) -> AsyncIterator[Node]:
    """The node for the time of the block; raises StackError when a part does not start.

    Calls are taken when `ready()` has returned.
    """
    plan.data_dir.mkdir(parents=True, exist_ok=True)
    snapshot = plan.data_dir / DIRECTORY_SNAPSHOT
    if plan.directory is not None:
        save_snapshot(plan.directory, snapshot)
    directory = plan.directory or local_directory(snapshot, load_nation())
    options = render_options(plan, directory, ports, settings_of(plan))
    metrics_port = plan.ports.get("metrics") or ports.any()
    async with contextlib.AsyncExitStack() as stack:
        asterisk = await stack.enter_async_context(
            running_asterisk(programs, options, sounds, plan.amend)
        )
        variables = environment(plan, asterisk, metrics_port)
        node = Node(asterisk, variables, plan.data_dir, metrics_port)
        stack.push_async_callback(node.stop)
        await node.start_agi()
        await node.start_app()
        yield node


def province_units(directory: Directory, poldas: Sequence[str]) -> frozenset[str]:
    """Codes of Mabes, the given Polda and every Polres under them."""
    return frozenset(
        unit.code
        for unit in directory.units.values()
        if unit.code == "mabes" or unit.code in poldas or unit.parent in poldas
    )
