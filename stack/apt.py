"""This machine's own packages, by apt."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from stack.process import Say, StackError, bound

POLICY = Path("/usr/sbin/policy-rc.d")  # exit status 101 forbids starting services
INSTALL = ("apt-get", "-qq", "-y", "--no-install-recommends", "install")
TARGET = "$(RELEASE) $(COMPONENT) $(REPO_URI)"


def usable() -> bool:
    """Whether packages can be installed: apt is there, and we are root."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def update(say: Say) -> None:
    """Refresh the package lists. What cannot be refreshed is judged by the installation after."""
    attend("Refreshing the package lists (apt-get update)", ["apt-get", "-qq", "update"], say)


def candidate(package: str) -> tuple[int, ...]:
    """The upstream version apt would install, () when it knows none."""
    answer = subprocess.run(
        ["apt-cache", "policy", package], capture_output=True, text=True, check=False
    )
    found = re.search(r"Candidate: (?:\d+:)?(\d+(?:\.\d+)*)", answer.stdout)
    return tuple(int(part) for part in found.group(1).split(".")) if found else ()


def install(packages: Sequence[str], say: Say) -> None:
    """Install packages without letting them start services of their own (the port 5060 ...).

    Raises StackError with apt's own last words.
    """
    ours = not POLICY.exists()
    if ours:
        POLICY.write_text("#!/bin/sh\nexit 101\n")
        POLICY.chmod(0o755)
    before = shutil.which("asterisk")
    try:
        status, printed = attend(
            f"Installing {' '.join(packages)}",
            [*INSTALL, *packages],
            say,
        )
    finally:
        if ours:
            POLICY.unlink()
    if status:
        raise StackError(
            f"apt-get cannot install {' '.join(packages)}: {last_words(printed)}. "
            "Repair apt, or use the containers: docker/README.md"
        )
    if "asterisk" in packages and before is None and shutil.which("systemctl"):
        subprocess.run(["systemctl", "disable", "asterisk"], capture_output=True, check=False)


def mirror(component: str = "main") -> str | None:
    """The Debian mirror that this machine's apt uses, None on other systems.

    apt itself reads its configuration, so both of its formats (one-line, deb822) are understood.
    """
    release = _os_release()
    if release.get("ID") != "debian":
        return None
    targets = subprocess.run(
        ["apt-get", "indextargets", "--format", TARGET, "Created-By: Packages"],
        capture_output=True,
        text=True,
        check=False,
    )
    wanted = f"{release.get('VERSION_CODENAME', 'sid')} {component} "
    for line in targets.stdout.splitlines():
        if line.startswith(wanted):
            return line.removeprefix(wanted)
    return None


def attend(what: str, command: Sequence[str], say: Say) -> tuple[int, str]:
    """Run a command that takes a while, saying every 5 s how long it has been at it.

    Returns its exit status and what it printed.
    """
    began = time.monotonic()
    say(f"{what} ...")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    # SIGTERM rather than SIGKILL: apt and mmdebstrap stop what they have started themselves.
    with subprocess.Popen(
        bound(command, signal.SIGTERM),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment,
    ) as process:
        while True:
            try:
                printed, _ = process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                say(f"{what} ... {time.monotonic() - began:.0f} s")
            except BaseException:
                process.terminate()
                raise
            else:
                break
    say(
        f"{what}: {'done' if process.returncode == 0 else 'failed'}, "
        f"{time.monotonic() - began:.0f} s"
    )
    return process.returncode, printed


def last_words(printed: str) -> str:
    """The last line of a program's output that says something."""
    lines = [line.strip() for line in printed.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E: ")]
    return (errors or lines or ["no output"])[-1]


def _os_release() -> dict[str, str]:
    try:
        lines = Path("/etc/os-release").read_text().splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines if "=" in line)
    return {key: value.strip('"') for key, _, value in pairs}
