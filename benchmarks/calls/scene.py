"""Where calls are measured: Asterisk with the service and a native dialplan, desks, Postgres."""

import asyncio
import contextlib
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from ari_app.render import Trunk
from db.migrate import upgrade
from routing.directory import Level
from routing.nation import load_nation
from routing.units import national_directory, with_demo_desks
from stack.asterisk import Asterisk
from stack.node import Node, Plan, running_node
from stack.ports import Ports, bound
from stack.postgres import running_postgres
from stack.process import Child, StackError, running
from stack.programs import Programs

HERE = Path(__file__).parent
DIALPLAN = HERE / "dialplan.conf"
SCENARIOS = HERE / "scenarios"
RING_MS = 1000
# Five thousand calls at once. Where another program has one of them, Asterisk takes the next.
RTP = """[general](+)
rtpstart=40000
rtpend=59999
"""
DESKS = {Level.MABES: 1, Level.POLDA: 1, Level.POLRES: 1, Level.POLSEK: 0}
UNITS = ("polres-1271", "polda-12", "mabes")
APP, AGI, ASTERISK, POSTGRES = "app", "agi", "asterisk", "postgres"


@dataclass(frozen=True, slots=True)
class Task:
    """What the service does of its job, and the native dialplan that does the same.

    native is the number that reaches it; talk_ms is how long a caller stays after the answer, so
    that every call lasts equally long: a caller answered at once waits for the desk in that time.
    """

    name: str
    native: str
    settings: Mapping[str, str]
    talk_ms: int


BARE = Task(
    "bare",
    "bare",
    {"answer": "on_connect", "greeting": "false", "recording": "false"},
    2000,
)
WHOLE = Task("whole", "whole", {"answer": "at_once"}, RING_MS + 2000)


@dataclass(slots=True)
class Scene:
    """Everything that runs, and how to make the service do the one or the other task."""

    programs: Programs
    node: Node
    database_url: str
    sink_port: int
    desk_port: int
    caller_port: int
    pids: dict[str, int]
    task: Task

    @property
    def asterisk(self) -> Asterisk:
        """The Asterisk that all ways share."""
        return self.node.asterisk

    async def set(self, task: Task) -> None:
        """Start the service's processes again, with the settings of the task."""
        settings = {f"POLRI110_{name.upper()}": value for name, value in task.settings.items()}
        others = {
            name: value
            for name, value in self.node.environment.items()
            if name.removeprefix("POLRI110_").lower() not in {*BARE.settings, *WHOLE.settings}
        }
        await self.node.stop()
        self.node = replace(self.node, environment={**others, **settings})
        await self.node.start_agi()
        await self.node.start_app()
        await self.node.ready()
        self.pids.update({APP: self.node.app.pid, AGI: self.node.agi.pid})
        self.task = task


@contextlib.asynccontextmanager
async def running_scene(programs: Programs, sounds: Path) -> AsyncIterator[Scene]:
    """The scene for the time of the block, ready for calls. Raises StackError when it fails."""
    async with contextlib.AsyncExitStack() as stack:
        ports = Ports()
        stack.callback(ports.close)
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="polri110-bench-")))
        sink = stack.enter_context(_sink())
        postgres = await stack.enter_async_context(
            running_postgres(folder / "postgres", ports.any())
        )
        url = await postgres.create("bench", "template0")
        await upgrade(url)
        desk_port = ports.any()
        directory = with_demo_desks(
            national_directory(load_nation(), desks=DESKS),
            lambda code: f"sip:{code}@127.0.0.1:{desk_port}",
        )
        plan = Plan(
            directory,
            (Trunk("trunk-bench", ("127.0.0.1",), "polda-12"),),
            url,
            folder / "data",
            units=frozenset(UNITS),
            settings=dict(BARE.settings),
            amend=_amend,
        )
        await stack.enter_async_context(_desks(programs, desk_port, sink))
        node = await stack.enter_async_context(running_node(programs, ports, plan, sounds))
        await node.ready()
        pids = {ASTERISK: node.asterisk.pid, APP: node.app.pid, AGI: node.agi.pid}
        if postgres.child is not None:
            pids[POSTGRES] = postgres.child.pid
        yield Scene(programs, node, url, sink, desk_port, ports.any(), pids, BARE)


def _amend(etc: Path) -> None:
    (etc / "site").mkdir(exist_ok=True)
    shutil.copyfile(DIALPLAN, etc / "site" / "benchmark.conf")
    (etc / "generated" / "rtp.conf").write_text(RTP, encoding="utf-8")


@contextlib.contextmanager
def _sink() -> Iterator[int]:
    """A port that takes all audio and reads none: what a phone would do costs nothing here."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sink:
        sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sink.bind(("127.0.0.1", 0))
        yield sink.getsockname()[1]


@contextlib.asynccontextmanager
async def _desks(programs: Programs, port: int, sink: int) -> AsyncIterator[Child]:
    """One SIPp that is every desk."""
    with programs.instance("desks") as directory:
        shutil.copyfile(SCENARIOS / "desk.xml", directory / "scenario.xml")
        command = programs.command(
            "sipp",
            *("-sf", programs.inside(directory / "scenario.xml"), "-aa", "-nostdin"),
            *("-i", "127.0.0.1", "-bind_local", "-p", str(port)),
            *("-key", "ring_ms", str(RING_MS), "-key", "sink", str(sink)),
        )
        async with running("Desks", command, directory / "output", {"TERM": "dumb"}) as desks:
            while not bound(port, "udp"):
                if not desks.running:
                    raise StackError(f"The desks do not start: {desks.tail(3)}")
                await asyncio.sleep(0.02)
            yield desks
