"""Builds the images of docker/ by buildah, with this machine's own apt and pip settings."""

import ast
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from stack import apt
from stack.process import Say, StackError, bound
from tests.containers.buildah import Buildah

REPOSITORY = Path(__file__).resolve().parent.parent.parent
SOURCES = (
    *("index-url", "extra-index-url", "find-links", "no-index", "trusted-host"),
    *("cert", "proxy", "timeout", "retries"),
)
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
SAY_SECONDS = 10.0
CERT = "/run/secrets/ca"  # where app.Dockerfile has the secret `ca`


def build(buildah: Buildah, image: str, dockerfile: Path, say: Say) -> None:
    """Build one image; what has not changed since the last time is taken from its layers.

    Raises StackError with the last words and the log's name.
    """
    settings = pip_settings()
    authorities = settings.get("cert", str(AUTHORITIES))
    pip = buildah.directory / "pip.conf"
    pip.write_text(in_the_build(settings))
    command = buildah.command(
        *("build", "--isolation", "chroot", "--network", "host", "--layers", "--pull-never"),
        *("--secret", f"id=pip,src={pip}"),
        *(("--secret", f"id=ca,src={authorities}") if Path(authorities).is_file() else ()),
        *("--file", str(dockerfile), "--tag", image, str(REPOSITORY)),
    )
    log = buildah.directory / f"{dockerfile.name}.log"
    began = time.monotonic()
    say(f"Image {image}: building by {dockerfile.name} ...")
    with (
        log.open("wb") as sink,
        subprocess.Popen(
            bound(command, signal.SIGTERM), stdin=subprocess.DEVNULL, stdout=sink, stderr=sink
        ) as process,
    ):
        while process.poll() is None:
            try:
                process.wait(SAY_SECONDS)
            except subprocess.TimeoutExpired:
                step = last_step(log.read_text(errors="replace"))
                say(f"Image {image}: {time.monotonic() - began:.0f} s, {step}")
            except BaseException:
                process.terminate()
                raise
    if process.returncode:
        words = last_words(log.read_text(errors="replace"))
        raise StackError(f"{dockerfile.name} cannot be built: {words} (all of it: {log})")
    say(
        f"Image {image}: {buildah.megabytes(image):.0f} MB, built in "
        f"{time.monotonic() - began:.0f} s"
    )


def last_step(printed: str) -> str:
    """The step that a build is at: "[2/3] STEP 4/7: RUN apt-get update ..." """
    steps = [line for line in printed.splitlines() if "STEP " in line[:16]]
    return " ".join(steps[-1].split())[:90] if steps else "beginning"


def last_words(printed: str) -> str:
    """What went wrong: buildah's own last lines only say that something did."""
    said = [line for line in printed.splitlines() if line.strip()]
    own = [line for line in said if not line.startswith(("subprocess exited", "Error: "))]
    return apt.last_words("\n".join(own or said))


def pip_settings() -> dict[str, str]:
    """Where this machine's pip looks for packages, from its files and its environment."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    found = {}
    for line in listed.stdout.splitlines():
        key, _, value = line.partition("=")
        name = key.rpartition(".")[2]
        if name in SOURCES:
            found[name] = str(ast.literal_eval(value))
    return found


def in_the_build(settings: Mapping[str, str]) -> str:
    """The same settings as a pip.conf for the build.

    Directories of packages on this machine are left out: the build does not see them.
    """
    lines = ["[global]"]
    for name, value in settings.items():
        here = [word for word in value.split() if not word.startswith(("/", "file:"))]
        words = [CERT] if name == "cert" else here
        if words:
            lines.append(f"{name} = " + "\n    ".join(words))
    if "cert" not in settings and AUTHORITIES.is_file():
        lines.append(f"cert = {CERT}")
    return "\n".join(lines) + "\n"
