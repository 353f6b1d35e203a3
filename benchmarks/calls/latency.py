"""INVITE at the trunk to INVITE at the desk, call by call, as the observer saw them."""

import asyncio
import contextlib
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.calls.scene import Scene
from stack.process import Child, StackError, running


@dataclass(frozen=True, slots=True)
class Latency:
    """Of so many calls; milliseconds."""

    calls: int
    p50: float
    p95: float
    p99: float


@dataclass(frozen=True, slots=True)
class Observer:
    """A running observer."""

    child: Child
    output: Path

    def position(self) -> int:
        """Where what comes from now on begins."""
        return self.output.stat().st_size

    def seen(self, since: int = 0) -> list[float]:
        """Milliseconds of every call that came and went on since that position."""
        with self.output.open("rb") as file:
            file.seek(since)
            return delays(file.read().decode("ascii").splitlines())


def delays(lines: Iterable[str]) -> list[float]:
    """Milliseconds from each caller's first INVITE at the trunk to the first at a desk.

    Repeated INVITEs, and those of calls that did not reach a desk, count as nothing.
    """
    arrived: dict[str, float] = {}
    found: dict[str, float] = {}
    for line in lines:
        at, _, rest = line.partition(" ")
        where, _, number = rest.partition(" ")
        if where == "trunk":
            arrived.setdefault(number, float(at))
        elif where == "desk" and number in arrived:
            found.setdefault(number, (float(at) - arrived[number]) * 1000)
    return list(found.values())


def summed_up(milliseconds: list[float]) -> Latency:
    """The percentiles; raises StackError when there is nothing to sum up."""
    if len(milliseconds) < 2:
        raise StackError("No call reached a desk")
    percent = statistics.quantiles(milliseconds, n=100, method="inclusive")
    return Latency(len(milliseconds), percent[49], percent[94], percent[98])


@contextlib.asynccontextmanager
async def observing(scene: Scene) -> AsyncIterator[Observer]:
    """An observer for the time of the block. Raises StackError where it is not permitted."""
    ports = (str(scene.node.sip_port), str(scene.desk_port))
    command = [sys.executable, "-m", "benchmarks.calls.observer", *ports]
    with tempfile.TemporaryDirectory(prefix="polri110-observer-") as folder:
        output = Path(folder) / "output"
        async with running("Observer", command, output) as child:
            while "listening" not in child.tail():
                if not child.running:
                    raise StackError(f"INVITEs cannot be observed (as root?): {child.tail(1)}")
                await asyncio.sleep(0.02)
            yield Observer(child, output)
