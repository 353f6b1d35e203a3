"""Base images of the names that the Dockerfiles begin with, made on this machine.

No registry is asked: mmdebstrap makes from Debian's packages what Debian's images are made from.
The mirror is the one of this machine's own apt.
"""

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path

from stack import apt
from stack.process import Say, StackError
from stack.rootfs import Rootfs
from tests.containers.buildah import Buildah

# What Debian's slim images leave out: pages that nobody reads in a container.
SLIM = (
    "--dpkgopt=path-exclude=/usr/share/man/*",
    "--dpkgopt=path-exclude=/usr/share/info/*",
    "--dpkgopt=path-exclude=/usr/share/locale/*",
    "--dpkgopt=path-exclude=/usr/share/doc/*",
    "--dpkgopt=path-include=/usr/share/doc/*/copyright",
)
_FROM = re.compile(r"(?m)^FROM (debian:(\w+)-slim)")


def bases(dockerfiles: Iterable[Path]) -> dict[str, str]:
    """The base images that the Dockerfiles name, and Debian's suite of each."""
    return {
        image: suite
        for file in dockerfiles
        for image, suite in _FROM.findall(file.read_text(encoding="utf-8"))
    }


def make_base(buildah: Buildah, image: str, suite: str, say: Say) -> None:
    """Make the image unless it is there, made by the same recipe; raises StackError."""
    tar = buildah.directory / f"{suite}.tar"
    program, *options = Rootfs(buildah.directory, suite, ("apt",)).recipe(tar)
    recipe = [program, *SLIM, *options]
    stamp = buildah.directory / f"{suite}.recipe"
    digest = hashlib.sha256(repr(recipe).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == digest and buildah.has(image):
        return
    status, printed = apt.attend(f"Base image {image} (mmdebstrap)", recipe, say)
    if status:
        raise StackError(
            f"mmdebstrap cannot make {image}: {apt.last_words(printed)}. "
            "Check that a Debian mirror can be reached"
        )
    scratch = buildah.do("from", "scratch")
    try:
        buildah.do("add", scratch, str(tar), "/")
        buildah.do("config", "--cmd", "bash", scratch)
        buildah.do("commit", scratch, image)
    finally:
        buildah.do("rm", scratch)
        tar.unlink()
    stamp.write_text(digest)
