"""Buildah without a daemon: images are built, and their programs run, in a chroot.

Isolation by chroot shares the machine's network, as `network_mode: host` does. Everything is kept
in a storage of its own, so that images of the user's are neither seen nor touched.
"""

import contextlib
import fcntl
import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack import apt
from stack.process import Say, StackError

# A namespace of processes for each container: when its first process is killed, all others are.
# And no program of it gains rights by being executed, as compose.yaml has it for all of ours.
_ALONE = (
    *("setpriv", "--no-new-privs", "--"),
    *("unshare", "--pid", "--fork", "--kill-child", "--mount-proc", "--"),
)


@dataclass(frozen=True, slots=True)
class Buildah:
    """Buildah with its storage below `directory`; driver is how it stacks layers."""

    directory: Path
    driver: str = "vfs"

    def command(self, *arguments: str) -> list[str]:
        """The argument vector of a buildah command."""
        return [
            "buildah",
            *("--root", str(self.directory / f"storage-{self.driver}")),
            *("--runroot", str(self.directory / f"run-{self.driver}")),
            *("--storage-driver", self.driver),
            *arguments,
        ]

    def do(self, *arguments: str) -> str:
        """Run a short command and return what it printed; raises StackError with its last words."""
        done = subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False)
        if done.returncode:
            raise StackError(f"buildah {arguments[0]}: {apt.last_words(done.stderr)}")
        return done.stdout.strip()

    def has(self, image: str) -> bool:
        """Whether the image is there."""
        command = self.command("inspect", "--type", "image", image)
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def configuration(self, image: str) -> dict[str, Any]:
        """The image's user, environment, entry point and command (OCI image specification)."""
        found = json.loads(self.do("inspect", "--type", "image", image))
        return dict(found["OCIv1"]["config"])

    def megabytes(self, image: str) -> float:
        """The size of its layers together, not compressed."""
        listed = json.loads(self.do("images", "--json", image))
        size, unit = listed[0]["size"].split()
        return float(size) * {"KB": 1e-3, "MB": 1.0, "GB": 1e3}[unit]


@dataclass(frozen=True, slots=True)
class Container:
    """A container made from an image; nothing runs in it of itself."""

    buildah: Buildah
    name: str
    root: Path

    def command(
        self,
        program: Sequence[str],
        environment: Mapping[str, str],
        mounts: Mapping[Path, str],
        dropped_capabilities: Sequence[str] = (),
    ) -> list[str]:
        """The argument vector that runs a program in it, as the image's user.

        mounts: directory of this machine -> place in the container, with ":ro" where it is so.
        """
        options = [
            *(f"--cap-drop={name}" for name in dropped_capabilities),
            *(f"--env={name}={value}" for name, value in environment.items()),
            *(f"--volume={source}:{place}" for source, place in mounts.items()),
        ]
        run = ("run", "--isolation=chroot", "--network=host", *options, self.name, "--")
        return [*_ALONE, *self.buildah.command(*run), *program]


def container(buildah: Buildah, image: str, name: str) -> Container:
    """A container of that image."""
    made = buildah.do("from", "--pull-never", "--name", name, image)
    return Container(buildah, made, Path(buildah.do("mount", made)))


def get_buildah(directory: Path, say: Say) -> Buildah:
    """Buildah, installed by apt-get where it is not there; raises StackError."""
    missing = [name for name in ("buildah", "mmdebstrap") if shutil.which(name) is None]
    if missing or not Path("/usr/share/keyrings/debian-archive-keyring.gpg").exists():
        if not apt.usable():
            raise StackError(
                f"{' and '.join(missing)} are missing, and root's rights or apt-get to get them: "
                "run this as root on Debian or Ubuntu"
            )
        apt.update(say)
        apt.install((*missing, "debian-archive-keyring"), say)
    directory.mkdir(parents=True, exist_ok=True)
    for driver in ("overlay", "vfs"):  # vfs copies every layer, and works on every file system
        found = Buildah(directory, driver)
        status = subprocess.run(found.command("info"), capture_output=True, check=False).returncode
        if status == 0:
            return found
    raise StackError("buildah can keep no images here: `buildah info` tells why")


@contextlib.contextmanager
def only_one(buildah: Buildah, say: Say) -> Iterator[None]:
    """Let one run at a time use the storage; what a run that was killed has left is removed."""
    with (buildah.directory / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            say("Another run uses the images: waiting for it ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        _sweep(buildah)
        try:
            yield
        finally:
            _sweep(buildah)


def _sweep(buildah: Buildah) -> None:
    listed = json.loads(buildah.do("containers", "--json") or "null") or []
    if names := [each["containername"] for each in listed]:
        buildah.do("rm", *names)
    for left in buildah.directory.glob("node-*"):
        shutil.rmtree(left)
