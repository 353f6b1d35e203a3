"""Where Asterisk, SIPp, espeak-ng and SoX come from, and how they are run.

In this order: the PATH, when Asterisk there is new enough; this machine's own packages, when
their Asterisk is; else a Debian root filesystem made once with mmdebstrap and entered by chroot.
"""

import contextlib
import fcntl
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stack import apt
from stack.process import Say
from stack.rootfs import Rootfs

# Asterisk 22.10.1 is the first release with the fix of GHSA-wcvv-g26m-wx5c. SIPp: the scenarios
# are written for, and tried on, 3.8.
FLOORS = {"asterisk": (22, 10, 1), "sipp": (3, 8), "espeak-ng": (), "sox": ()}
PACKAGES = ("asterisk", "sip-tester", "espeak-ng", "sox", "ca-certificates")
SUITE = "forky"


@dataclass(frozen=True, slots=True)
class Programs:
    """Runs the programs, plainly (`root` is None) or inside a root filesystem."""

    root: Path | None
    shelf: Path  # the directory in which instances are made; both sides see it

    def command(self, program: str, *arguments: str) -> list[str]:
        """The argument vector that runs `program`."""
        prefix = [] if self.root is None else ["chroot", str(self.root)]
        return [*prefix, program, *arguments]

    def inside(self, path: Path) -> str:
        """A path below an instance directory as the programs see it."""
        return str(path) if self.root is None else f"/{path.relative_to(self.root)}"

    @contextlib.contextmanager
    def instance(self, name: str) -> Iterator[Path]:
        """A fresh directory that the programs see too, removed afterwards.

        A living one is locked, so those of runs that were killed can be swept here.
        """
        self.shelf.mkdir(parents=True, exist_ok=True)
        with _locked(self.shelf / ".sweep"):
            for lock in self.shelf.glob("*.lock"):
                _sweep(lock)
            path = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=self.shelf))
            lock = path.with_name(f"{path.name}.lock")
            held = lock.open("w")
            fcntl.flock(held, fcntl.LOCK_EX)
        path.chmod(0o755)
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)
            lock.unlink(missing_ok=True)
            held.close()


def find_programs(cache: Path | None = None, say: Say = print) -> Programs:
    """Find the programs or get them; `say` is told what is being done, a line at a time.

    Takes some 45 s the first time a root filesystem has to be made, milliseconds later. Raises
    StackError, naming what is missing and what to do, when they cannot be had.
    """
    plain = Programs(root=None, shelf=Path(tempfile.gettempdir()) / f"polri110-{os.getuid()}")
    rootfs = Rootfs(cache or cache_directory(), SUITE, PACKAGES)
    if on_path():
        return plain
    if rootfs.ready() is None and apt.usable():
        apt.update(say)
        if new_enough("asterisk") or apt.candidate("asterisk") >= FLOORS["asterisk"]:
            apt.install(PACKAGES, say)
            if on_path():
                return plain
    root = rootfs.made(on_path, say)
    _name_this_machine(root)
    return Programs(root=root, shelf=root / "srv")


def cache_directory() -> Path:
    """Where the root filesystem is kept: POLRI110_CACHE, or polri110 in the user's cache."""
    if chosen := os.environ.get("POLRI110_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "polri110"


def on_path(root: Path | None = None) -> bool:
    """Whether all the programs are there, new enough, on the PATH or inside `root`."""
    return all(new_enough(name, root) for name in FLOORS)


def new_enough(program: str, root: Path | None = None) -> bool:
    """Whether the program runs and its version is at least its floor."""
    command = Programs(root, Path("/")).command(program, *_version_option(program))
    try:
        answer = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return False
    printed = answer.stdout + answer.stderr
    return bool(printed) and answer.returncode != 127 and version(printed) >= FLOORS[program]


def version(text: str) -> tuple[int, ...]:
    """The first dotted number in the text: 'Asterisk 22.10.1+dfsg' -> (22, 10, 1)."""
    found = re.search(r"\d+(\.\d+)+", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def _name_this_machine(root: Path) -> None:
    """Let the machine's name resolve inside: Asterisk looks it up for each call."""
    hosts = f"127.0.0.1 localhost\n127.0.1.1 {socket.gethostname()}\n"
    path = root / "etc" / "hosts"
    if not path.exists() or path.read_text() != hosts:
        path.write_text(hosts)


def _version_option(program: str) -> tuple[str, ...]:
    return {"asterisk": ("-V",), "sipp": ("-v",)}.get(program, ("--version",))


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        yield


def _sweep(lock: Path) -> None:
    with contextlib.suppress(OSError), lock.open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        shutil.rmtree(lock.with_suffix(""), ignore_errors=True)
        lock.unlink(missing_ok=True)


if __name__ == "__main__":
    sys.stdout.write(f"{find_programs()}\n")
