"""`make run` and `make call`: the whole service, and that nothing of it is left."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from stack.process import Child, start

READY_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Running:
    """A supervisor that has printed READY, and every process below it."""

    child: Child
    data_dir: Path
    family: list[psutil.Process]

    def printed(self) -> str:
        return self.child.output.read_text()


@contextlib.asynccontextmanager
async def running(tmp_path: Path, **environment: str) -> AsyncIterator[Running]:
    data_dir = tmp_path / "var"
    child = await start(
        "make run",
        [sys.executable, "-m", "stack.run"],
        tmp_path / "printed",
        {"POLRI110_DATA_DIR": str(data_dir), **environment},
    )
    try:
        async with asyncio.timeout(READY_SECONDS):
            while "READY" not in child.output.read_text():
                assert child.running, child.tail()
                await asyncio.sleep(0.1)
        family = psutil.Process(child.pid).children(recursive=True)
        names = {process.name() for process in family}
        assert {"asterisk", "sipp", "postgres"} <= names
        yield Running(child, data_dir, family)
    finally:
        await child.stop(signal.SIGTERM, 60)


async def called(tmp_path: Path, data_dir: Path, **wish: str) -> tuple[int, str]:
    child = await start(
        "make call",
        [sys.executable, "-m", "stack.call"],
        tmp_path / "called",
        {"POLRI110_DATA_DIR": str(data_dir), **wish},
    )
    async with asyncio.timeout(60):
        status = await child.process.wait()
    return status, child.output.read_text()


def left(family: list[psutil.Process]) -> list[psutil.Process]:
    return psutil.wait_procs(family, timeout=5)[1]


async def test_run_takes_a_call_and_leaves_nothing(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        status, story = await called(tmp_path, service.data_dir, TALK="1")
        assert status == 0, story
        for part in ("3.59520, 98.67220", "polres-1271", "CONNECTED", ".wav", "SHA-256"):
            assert part in story
        os.kill(service.child.pid, signal.SIGTERM)
        assert await service.child.process.wait() == 0
    assert left(service.family) == []
    assert "Everything is stopped." in service.printed()
    assert not (service.data_dir / "run.json").exists()
    status, story = await called(tmp_path, service.data_dir)
    assert status == 1
    assert "Nothing runs here" in story


async def test_a_second_run_with_the_same_data_is_refused(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        second = await start(
            "second",
            [sys.executable, "-m", "stack.run"],
            tmp_path / "second",
            {"POLRI110_DATA_DIR": str(service.data_dir)},
        )
        assert await second.process.wait() == 1
        assert "runs already" in second.tail()


async def test_two_runs_with_data_of_their_own_share_a_machine(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    async with running(tmp_path / "one") as one, running(tmp_path / "two") as two:
        for service in (one, two):
            status, story = await called(tmp_path, service.data_dir, TALK="0.5")
            assert status == 0, story


async def test_a_killed_supervisor_leaves_no_process_of_the_service(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        os.kill(service.child.pid, signal.SIGKILL)
        await service.child.process.wait()
        assert left(service.family) == []


async def test_a_part_that_dies_is_named_and_the_rest_is_stopped(tmp_path: Path) -> None:
    async with running(tmp_path) as service:
        asterisk = next(each for each in service.family if each.name() == "asterisk")
        asterisk.kill()
        async with asyncio.timeout(60):
            assert await service.child.process.wait() == 1
        assert "FAILED: Asterisk has ended by itself (exit status -9)" in service.printed()
        assert left(service.family) == []


async def test_a_step_that_fails_stops_what_was_started(tmp_path: Path) -> None:
    child = await start(
        "make run",
        [sys.executable, "-m", "stack.run"],
        tmp_path / "printed",
        {"POLRI110_DATA_DIR": str(tmp_path / "var"), "DESKS": "nonsense"},
    )
    async with asyncio.timeout(60):
        assert await child.process.wait() == 1
    printed = child.output.read_text()
    assert "FAILED: DESKS=nonsense is none of answer, silent, busy, decline" in printed
    assert "Postgres: stopped" in printed
