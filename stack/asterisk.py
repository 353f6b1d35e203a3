"""One Asterisk instance, with directories of its own, that leaves no process and no file behind."""

import asyncio
import contextlib
import re
import shutil
import signal
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from ari_app.render import Directories, RenderOptions, render
from stack.process import Child, StackError, output_of, start
from stack.programs import Programs

BOOT_SECONDS = 30.0
DATA = ("usr/share/asterisk", "var/lib/asterisk", "usr/local/share/asterisk")
# Asterisk makes none of these, and writes nothing where one is missing.
PLACES = (
    *("var", "run", "data/sounds", "log/cdr-custom", "log/cel-custom"),
    *("spool/recording", "spool/polri110/stories"),
)
COMPLAINT = re.compile(r"\b(WARNING|ERROR)\[")

Amend = Callable[[Path], None]  # given the rendered configuration directory, may add to it


@dataclass(frozen=True, slots=True)
class Asterisk:
    """A running instance. Paths are this side's; `options` holds its ports and password."""

    programs: Programs
    directory: Path
    options: RenderOptions
    child: Child

    @property
    def etc(self) -> Path:
        """Its configuration directory."""
        return self.directory / "etc"

    @property
    def spool(self) -> Path:
        """Its spool directory; recordings are in `recording/`."""
        return self.directory / "spool"

    @property
    def sounds(self) -> Path:
        """Its directory of sounds; ours are in `polri110/`."""
        return self.directory / "data" / "sounds"

    @property
    def pid(self) -> int:
        """Its process id, for measuring."""
        return self.child.pid

    @property
    def ari_url(self) -> str:
        """Base of its HTTP server."""
        return f"http://127.0.0.1:{self.options.ari_port}"

    async def cli(self, command: str) -> str:
        """What the Asterisk CLI prints for the command.

        Raises StackError when Asterisk cannot be reached.
        """
        status, printed = await output_of(_remote(self.programs, self.directory, command))
        if status:
            raise StackError(f"Asterisk does not answer '{command}': {printed.strip()}")
        return printed

    async def channels(self) -> list[str]:
        """Names of the channels that are up."""
        printed = await self.cli("core show channels concise")
        return [line.partition("!")[0] for line in printed.splitlines() if "!" in line]

    async def contacts(self) -> dict[str, str]:
        """Desks that have a contact, and its qualification: {"polres-1271-desk1": "Avail"}."""
        printed = await self.cli("pjsip show contacts")
        found = re.findall(r"Contact:\s+([^/\s]+)/\S+\s+\S+\s+(\w+)", printed)
        return dict(found)

    async def reachable(self, *desks: str, yes: bool = True, within_seconds: float = 5.0) -> None:
        """Have desks qualified now, and wait until they are reachable (or, yes=False, are not).

        Needs qualify_seconds > 0. Raises StackError when they do not become so.
        """
        wanted = "Avail" if yes else "Unavail"
        deadline = time.monotonic() + within_seconds
        for desk in desks:
            await self.cli(f"pjsip qualify {desk}")
        while True:
            known = await self.contacts()
            others = {desk: known.get(desk) for desk in desks if known.get(desk) != wanted}
            if not others:
                return
            if time.monotonic() > deadline:
                raise StackError(f"{others} instead of {wanted}")
            await asyncio.sleep(0.02)

    def complaints(self) -> list[str]:
        """Every WARNING and ERROR line so far, from its logs and its output."""
        logs = [*sorted((self.directory / "log").rglob("*")), self.child.output]
        lines: dict[str, None] = {}
        for log in logs:
            if log.is_file():
                for line in log.read_text(errors="replace").splitlines():
                    if COMPLAINT.search(line):
                        lines[line.strip()] = None
        return list(lines)

    async def kill(self) -> None:
        """Kill it at once (SIGKILL), as a crash would."""
        await self.child.stop(signal.SIGKILL)


@contextlib.asynccontextmanager
async def running_asterisk(
    programs: Programs,
    options: RenderOptions,
    sounds: Path | None = None,
    amend: Amend | None = None,
    name: str = "asterisk",
) -> AsyncIterator[Asterisk]:
    """An Asterisk rendered from `options` (whose directories are replaced), fully booted.

    `sounds` is a directory of prompts, put in its place as sounds/polri110. Raises StackError
    with its last words when it does not boot.
    """
    with programs.instance(name) as directory:
        options = replace(options, directories=_directories(programs, directory))
        if sounds is not None:
            shutil.copytree(sounds, directory / "data" / "sounds" / "polri110")
        render(directory / "etc", options)
        if amend is not None:
            amend(directory / "etc")
        inside = programs.inside(directory / "etc" / "asterisk.conf")
        child = await start(
            "Asterisk",
            programs.command("asterisk", "-f", "-C", inside),
            directory / "log" / "console",
        )
        asterisk = Asterisk(programs, directory, options, child)
        try:
            await _boot(asterisk)
            yield asterisk
        finally:
            await asyncio.shield(child.stop())


async def _boot(asterisk: Asterisk) -> None:
    """Wait until every module is loaded; the control socket appears shortly before that."""
    deadline = time.monotonic() + BOOT_SECONDS
    command = _remote(asterisk.programs, asterisk.directory, "core waitfullybooted")
    socket = asterisk.directory / "run" / "asterisk.ctl"
    while asterisk.child.running and time.monotonic() < deadline:
        if socket.exists():
            status, printed = await output_of(command, BOOT_SECONDS)
            if status == 0 and "fully booted" in printed:
                return
        await asyncio.sleep(0.05)
    what = "has not booted in time" if asterisk.child.running else "ended while booting"
    words = "; ".join(asterisk.complaints()[-4:]) or asterisk.child.tail()
    raise StackError(f"Asterisk {what}: {words or 'it printed nothing'}")


def _directories(programs: Programs, directory: Path) -> Directories:
    for name in PLACES:
        (directory / name).mkdir(parents=True, exist_ok=True)
    _share(programs, directory / "data")
    own = {name: programs.inside(directory / name) for name in ("etc", "var", "spool", "log")}
    return Directories(
        **own,
        run=programs.inside(directory / "run"),
        data=programs.inside(directory / "data"),
        sounds=programs.inside(directory / "data" / "sounds"),
    )


def _share(programs: Programs, data: Path) -> None:
    """Link what comes with Asterisk (ARI's descriptions, documentation) into an own data directory,
    so that the sounds can be our own."""
    for place in DATA:
        package = (programs.root or Path("/")) / place
        if (package / "rest-api").is_dir():
            for entry in package.iterdir():
                if entry.name != "sounds":
                    (data / entry.name).symlink_to(f"/{place}/{entry.name}")
            return
    raise StackError(f"Asterisk's data is in none of {', '.join(DATA)}")


def _remote(programs: Programs, directory: Path, command: str) -> list[str]:
    inside = programs.inside(directory / "etc" / "asterisk.conf")
    return programs.command("asterisk", "-C", inside, "-rx", command)
