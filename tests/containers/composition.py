"""Runs the services of docker/compose.yaml as its engine would, by buildah and in a chroot."""

import asyncio
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType

import psutil

from stack.process import Child, StackError, running, start
from tests.containers.buildah import Buildah, Container, container
from tests.containers.compose import Service

JOB_SECONDS = 60.0
HEALTHY_SECONDS = 60.0
STOP_SECONDS = 45.0


class Composition:
    """Containers and volumes of one run, below a directory of its own.

    Every process is ended with it; its containers and files are the storage's to sweep.

    A volume that is mounted for the first time gets what the image has at that place, with its
    owner and mode, as a named volume does.
    """

    def __init__(self, buildah: Buildah, services: Mapping[str, Service], directory: Path) -> None:
        self.directory = directory
        self._buildah = buildah
        self._services = services
        self._containers: dict[str, Container] = {}
        self._children: dict[str, Child] = {}

    async def __aenter__(self) -> "Composition":
        (self.directory / "volumes").mkdir(parents=True)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for child in self._children.values():
            await asyncio.shield(child.stop(signal.SIGKILL))

    def volume(self, name: str) -> Path:
        """Where a volume is on this machine."""
        return self.directory / "volumes" / name

    def log(self, name: str) -> Path:
        """What a service has printed."""
        return self.directory / f"{name}.log"

    async def up(self, name: str) -> None:
        """Start a service after those that it waits for; a job is waited for. Raises StackError."""
        if name in self._children:
            return
        service = self._services[name]
        for other, condition in service.after.items():
            await self.up(other)
            if condition == "service_healthy":
                await self.healthy(other)
            elif condition == "service_completed_successfully":
                await self.completed(other)
        image = self._buildah.configuration(service.image)
        program = [*image.get("Entrypoint", ()), *(service.command or image.get("Cmd", ()))]
        self._children[name] = await start(name, self._command(name, program), self.log(name))

    async def completed(self, name: str) -> None:
        """Wait until a job has ended well; raises StackError with its last words."""
        await self.up(name)
        child = self._children[name]
        try:
            status = await asyncio.wait_for(child.process.wait(), JOB_SECONDS)
        except TimeoutError:
            raise StackError(f"{name} has not ended in {JOB_SECONDS:g} s: {child.tail()}") from None
        if status:
            raise StackError(f"{name} failed: {_words(child.tail())}")

    async def healthy(self, name: str) -> None:
        """Wait until a service's own health check passes; raises StackError with its reason."""
        deadline = time.monotonic() + HEALTHY_SECONDS
        while (reason := await self.sick(name)) is not None:
            if not self._children[name].running:
                raise StackError(f"{name} has ended: {_words(self._children[name].tail())}")
            if time.monotonic() > deadline:
                raise StackError(f"{name} is not healthy: {reason}")
            await asyncio.sleep(0.2)

    async def sick(self, name: str) -> str | None:
        """What a service's health check complains of, None while it passes."""
        status, printed = await self.execute(name, self._services[name].health)
        return _words(printed) if status else None

    async def execute(
        self, name: str, program: Sequence[str], extra: Mapping[Path, str] | None = None
    ) -> tuple[int, str]:
        """Run a further program in a service's container: its exit status and what it printed."""
        with tempfile.NamedTemporaryFile(dir=self.directory) as output:
            command = self._command(name, program, extra or {})
            async with running(program[0], command, Path(output.name)) as child:
                try:
                    status = await asyncio.wait_for(child.process.wait(), JOB_SECONDS)
                except TimeoutError:
                    return 1, f"{program[0]} has not ended in {JOB_SECONDS:g} s"
            return status, output.read().decode(errors="replace")

    async def stop(self, name: str) -> int:
        """Send the service's own process SIGTERM, as an engine does; its exit status."""
        child = self._children[name]
        for process in psutil.Process(child.pid).children(recursive=True):
            # buildah's own processes pass no signal on.
            parent = process.parent()
            if parent is not None and parent.cmdline()[:1] == ["buildah-chroot-exec"]:
                process.terminate()
        try:
            return await asyncio.wait_for(child.process.wait(), STOP_SECONDS)
        except TimeoutError:
            raise StackError(f"{name} has not stopped in {STOP_SECONDS:g} s") from None

    def runs(self, name: str) -> bool:
        """Whether a service runs; a job that has ended does not."""
        return name in self._children and self._children[name].running

    def _command(
        self, name: str, program: Sequence[str], extra: Mapping[Path, str] | None = None
    ) -> list[str]:
        service = self._services[name]
        if name not in self._containers:
            self._containers[name] = container(
                self._buildah, service.image, f"{self.directory.name}-{name}"
            )
        made = self._containers[name]
        mounts = {}
        for mount in service.mounts:
            place, there = self.volume(mount.volume), Path(f"{made.root}{mount.target}")
            if not place.exists():
                subprocess.run(["cp", "-a", there, place], check=True)
            elif name not in self._children:
                _agree(there, place, f"{service.image}, volume {mount.volume}")
            mounts[place] = mount.target + (":ro" if mount.read_only else "")
        return made.command(
            program, service.environment, {**mounts, **(extra or {})}, service.dropped_capabilities
        )


def _agree(image: Path, volume: Path, what: str) -> None:
    """Raise StackError unless the image's directories have the owner and mode of the volume's.

    Which of two images fills a volume depends on which is started first.
    """
    for path in (image, *(path for path in image.rglob("*") if path.is_dir())):
        other = volume / path.relative_to(image)
        if other.exists():
            here, before = _rights(path), _rights(other)
            if here != before:
                raise StackError(f"{what}: {other.name} is {here} here, {before} in another image")


def _rights(path: Path) -> str:
    found = path.stat()
    return f"{found.st_uid}:{found.st_gid} {found.st_mode & 0o7777:04o}"


def _words(printed: str) -> str:
    """The last line that is not buildah's own."""
    lines = [line for line in printed.splitlines() if line.strip()]
    said = [line for line in lines if not line.startswith(("subprocess exited", "Error: exit"))]
    return (said or lines or ["no output"])[-1]
