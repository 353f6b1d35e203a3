"""Calls placed at a steady rate by SIPp, and what the callers and the desks saw of them."""

import asyncio
import csv
import itertools
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.calls.scene import SCENARIOS, Scene
from stack.pidf import pidf
from stack.process import StackError, running

MEDAN = (3.5952, 98.6722, 35.0)  # latitude, longitude, radius in metres: Polres 12.71
PATIENCE_MS = 8000  # a caller who gets no answer for so long counts as lost
POLL_SECONDS = 0.2
NUMBERS = itertools.count(1)  # no two calls of a run of the benchmark have the same caller

Watch = Callable[["Counts"], bool]  # told what has been seen so far; True ends the traffic


@dataclass(frozen=True, slots=True)
class Load:
    """Calls a second, and for how many seconds."""

    rate: float
    seconds: float

    @property
    def calls(self) -> int:
        """How many calls that is."""
        return max(1, round(self.rate * self.seconds))


@dataclass(frozen=True, slots=True)
class Counts:
    """What the callers saw: calls placed, ended as they should, lost; INVITEs and BYEs repeated."""

    placed: int = 0
    completed: int = 0
    lost: int = 0
    repeated: int = 0


async def place(scene: Scene, dialled: str, load: Load, watch: Watch | None = None) -> Counts:
    """Place the calls to the number and wait until they are over; at most a minute longer."""
    with scene.programs.instance("callers") as directory:
        scenario = (SCENARIOS / "caller.xml").read_text(encoding="utf-8")
        text = scenario.replace("{{location}}", pidf(*MEDAN).replace("[", "\\["))
        (directory / "scenario.xml").write_text(text, encoding="utf-8")
        _write_numbers(directory / "numbers.csv", load.calls)
        inside = scene.programs.inside(directory)
        command = scene.programs.command(
            "sipp",
            f"127.0.0.1:{scene.node.sip_port}",
            *("-sf", f"{inside}/scenario.xml", "-inf", f"{inside}/numbers.csv", "-nostdin"),
            *("-i", "127.0.0.1", "-bind_local", "-p", str(scene.caller_port)),
            *("-r", f"{load.rate:g}", "-m", str(load.calls), "-l", "20000"),
            *("-recv_timeout", str(PATIENCE_MS)),
            *("-key", "dialled", dialled, "-d", str(scene.task.talk_ms)),
            *("-key", "sink", str(scene.sink_port)),
            *("-trace_stat", "-stf", f"{inside}/counts.csv", "-fd", "1"),
        )
        output = directory / "output"
        async with running("Callers", command, output, {"TERM": "dumb"}) as callers:
            deadline = time.monotonic() + load.seconds + 60.0
            told_to_end = False
            while callers.running and time.monotonic() < deadline:
                await asyncio.sleep(POLL_SECONDS)
                if watch and not told_to_end and watch(_counts(directory / "counts.csv")):
                    callers.send(signal.SIGUSR1)  # no further calls; those that are up may end
                    told_to_end = True
        counts = _counts(directory / "counts.csv")
        if not counts.placed:
            raise StackError(f"The callers do not start: {callers.tail(3)}")
        return counts


def _write_numbers(path: Path, count: int) -> None:
    lines = (f"+6281{next(NUMBERS):09}" for _ in range(count))
    path.write_text("\n".join(["SEQUENTIAL", *lines]) + "\n", encoding="ascii")


def _counts(path: Path) -> Counts:
    rows = list(_rows(path))
    if not rows:
        return Counts()
    last = rows[-1]
    return Counts(
        placed=int(last["TotalCallCreated"]),
        completed=int(last["SuccessfulCall(C)"]),
        lost=int(last["FailedCall(C)"]),
        repeated=int(last["Retransmissions(C)"]),
    )


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Complete rows of SIPp's statistics."""
    try:
        lines = path.read_text(encoding="ascii", errors="replace").splitlines(keepends=True)
    except FileNotFoundError:
        return
    yield from csv.DictReader((line for line in lines if line.endswith("\n")), delimiter=";")
