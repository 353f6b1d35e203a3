"""Child processes that never outlive the process that started them.

Each child has its own process group (so Ctrl-C reaches only the supervisor, which then stops its
children in order) and a parent-death signal (prctl(2), PR_SET_PDEATHSIG, set by setpriv(1)), so
even `kill -9` of the supervisor leaves none behind.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Say = Callable[[str], None]  # told, a line at a time, what is being done


class StackError(Exception):
    """A part of the stack could not be started; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Child:
    """One running child process."""

    name: str
    process: asyncio.subprocess.Process
    output: Path

    @property
    def pid(self) -> int:
        """Process id; setpriv and chroot exec in place, so it is the program's own."""
        return self.process.pid

    @property
    def running(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.returncode is None

    def tail(self, lines: int = 8) -> str:
        """The last lines of what it printed."""
        with contextlib.suppress(OSError):
            return "\n".join(self.output.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def send(self, number: signal.Signals) -> None:
        """Signal the child's whole group; a child that has ended is no error."""
        if self.running:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    async def stop(
        self, number: signal.Signals = signal.SIGTERM, patience_seconds: float = 5.0
    ) -> int:
        """Ask it to end, kill it when it does not, and return its exit status."""
        self.send(number)
        try:
            return await asyncio.wait_for(self.process.wait(), patience_seconds)
        except TimeoutError:
            self.send(signal.SIGKILL)
            return await self.process.wait()


def bound(command: Sequence[str], number: signal.Signals = signal.SIGKILL) -> list[str]:
    """The command, to be signalled by the kernel when the thread that starts it ends."""
    return ["setpriv", "--pdeathsig", number.name.removeprefix("SIG"), "--", *command]


async def start(
    name: str,
    command: Sequence[str],
    output: Path,
    environment: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> Child:
    """Start a child whose output is appended to `output`.

    `environment` is added to this process' own. Raises StackError when the program is not there.
    """
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("ab") as sink:
        try:
            process = await asyncio.create_subprocess_exec(
                *bound(command),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
                env={**os.environ, **(environment or {})},
                cwd=cwd,
            )
        except OSError as fault:
            raise StackError(f"{name} cannot be started: {fault}") from fault
    return Child(name, process, output)


@contextlib.asynccontextmanager
async def running(
    name: str,
    command: Sequence[str],
    output: Path,
    environment: Mapping[str, str] | None = None,
    patience_seconds: float = 5.0,
) -> AsyncIterator[Child]:
    """A child for the time of the block."""
    child = await start(name, command, output, environment)
    try:
        yield child
    finally:
        await asyncio.shield(child.stop(patience_seconds=patience_seconds))


async def output_of(command: Sequence[str], patience_seconds: float = 10.0) -> tuple[int, str]:
    """Run a short command to its end: exit status and everything it printed."""
    process = await asyncio.create_subprocess_exec(
        *bound(command),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        start_new_session=True,
    )
    try:
        printed, _ = await asyncio.wait_for(process.communicate(), patience_seconds)
    except TimeoutError:
        process.kill()
        await process.wait()
        return -1, f"no answer within {patience_seconds:g} s"
    return process.returncode or 0, printed.decode(errors="replace")
