"""A Debian root filesystem with the programs in it, made once by mmdebstrap, entered by chroot."""

import fcntl
import hashlib
import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack import apt
from stack.process import Say, StackError

KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True)
class Rootfs:
    """The root filesystem of one suite and set of packages, in a cache directory.

    It has its final name only when it is complete, so a broken or interrupted one is never used.
    """

    cache: Path
    suite: str
    packages: Sequence[str]

    @property
    def path(self) -> Path:
        """Where the complete one stands; the name changes with the packages."""
        what = " ".join((self.suite, *sorted(self.packages)))
        return self.cache / f"rootfs-{self.suite}-{hashlib.sha256(what.encode()).hexdigest()[:8]}"

    def ready(self) -> Path | None:
        """The complete one, if it has been made and we may enter it."""
        return self.path if os.geteuid() == 0 and self.path.is_dir() else None

    def made(self, complete: Callable[[Path], bool], say: Say) -> Path:
        """The root filesystem, made now when it is not there yet; two makers wait for each other.

        `complete` tries the programs in it. Raises StackError with what to do.
        """
        if path := self.ready():
            return path
        if not apt.usable():
            what = "root's rights" if os.geteuid() else "apt-get (Debian or Ubuntu)"
            raise StackError(
                f"Asterisk 22.10.1 is not on the PATH, and {what} to get it are missing: "
                "run this as root on Debian or Ubuntu, or use the containers: docker/README.md"
            )
        self.cache.mkdir(parents=True, exist_ok=True)
        with self.path.with_name(f"{self.path.name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if path := self.ready():
                return path
            making = self.path.with_name(f"{self.path.name}.making")
            remove(making)
            try:
                self._make(making, complete, say)
                making.rename(self.path)
            finally:
                remove(making)
        return self.path

    def _make(self, making: Path, complete: Callable[[Path], bool], say: Say) -> None:
        if shutil.which("mmdebstrap") is None or not KEYRING.exists():
            apt.install(("mmdebstrap", "debian-archive-keyring"), say)
        status, printed = apt.attend(
            f"Making a root filesystem with Asterisk (Debian {self.suite}, about 45 s)",
            [*_mounts_of_its_own(), *self.recipe(making)],
            say,
        )
        if status:
            raise StackError(
                f"mmdebstrap cannot make the root filesystem: {apt.last_words(printed)}. "
                "Check that a Debian mirror can be reached, or use the containers: docker/README.md"
            )
        if not complete(making):
            raise StackError(
                f"The new root filesystem lacks programs: is Debian {self.suite} complete?"
            )

    def recipe(self, target: Path) -> list[str]:
        """The mmdebstrap command. Signatures are checked; an expired Release file is taken, as
        mirrors that are frozen copies serve one."""
        command = ["mmdebstrap", "--variant=minbase", f"--include={','.join(self.packages)}"]
        command += [f"--keyring={KEYRING}", '--aptopt=Acquire::Check-Valid-Until "false"']
        command += [f"--aptopt={line}" for line in proxies()]
        source = apt.mirror()
        return [*command, self.suite, str(target), *([source] if source else [])]


def _mounts_of_its_own() -> list[str]:
    """mmdebstrap mounts /proc and /sys into what it makes; in a mount namespace of its own they go
    with it when it is killed. Where namespaces are not allowed, it cannot mount either."""
    prefix = ["unshare", "--mount", "--propagation", "private", "--"]
    allowed = subprocess.run([*prefix, "true"], capture_output=True, check=False).returncode == 0
    return prefix if allowed else []


def proxies() -> list[str]:
    """This machine's apt proxy settings, which mmdebstrap does not take over by itself."""
    answer = subprocess.run(
        ["apt-config", "dump", "Acquire::http", "Acquire::https"],
        capture_output=True,
        text=True,
        check=False,
    )
    return [line for line in answer.stdout.splitlines() if "proxy" in line.lower()]


def remove(making: Path) -> None:
    """Remove an unfinished one, without entering what may still be mounted in it."""
    if making.exists():
        subprocess.run(["rm", "-rf", "--one-file-system", str(making)], check=True)
