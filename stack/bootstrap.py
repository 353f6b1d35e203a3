"""Makes .venv from requirements-dev.lock; run by the Makefile with the machine's own Python.

    python3 stack/bootstrap.py

Only the standard library is used, and nothing of this repository. A stamp in .venv holds what it
was made from, so a second run has nothing to do; two at once wait for each other.
"""

import fcntl
import hashlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

FLOOR = (3, 11)
PROGRESS_SECONDS = 5
ROOT = Path(__file__).resolve().parent.parent
LOCK = "requirements-dev.lock"


def main() -> None:
    """Entry point; exits 1 with one line saying what is missing and what to do."""
    if sys.version_info < FLOOR:
        fail(
            f"Python 3.11 or later is needed and {sys.executable} is {sys.version.split()[0]}: "
            "install one and give it by `make PYTHON=python3.11`, or use docker/README.md"
        )
    (ROOT / "var").mkdir(exist_ok=True)
    with (ROOT / "var" / "setup.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        venv = ROOT / ".venv"
        stamp = venv / "made-from"
        if stamp.is_file() and stamp.read_text() == ingredients(ROOT):
            return
        if not (venv / "bin" / "python").exists():
            make_venv(venv)
        install(venv / "bin" / "python")
        stamp.write_text(ingredients(ROOT))


def ingredients(root: Path) -> str:
    """What the environment is made from; changes when it has to be made again."""
    digest = hashlib.sha256()
    for name in (LOCK, "pyproject.toml"):
        digest.update((root / name).read_bytes())
    return f"{digest.hexdigest()} {sys.version_info[0]}.{sys.version_info[1]}\n"


def make_venv(venv: Path) -> None:
    """Create the virtual environment, with pip from ensurepip."""
    if importlib.util.find_spec("ensurepip") is None:
        install_ensurepip()
    say(f"Making {venv} ...")
    shutil.rmtree(venv, ignore_errors=True)
    if subprocess.run([sys.executable, "-m", "venv", str(venv)], check=False).returncode:
        shutil.rmtree(venv, ignore_errors=True)
        fail("the virtual environment cannot be made: see above")


def install_ensurepip() -> None:
    """Debian and Ubuntu keep ensurepip in a package of its own."""
    if os.geteuid() or shutil.which("apt-get") is None:
        fail("Python's ensurepip is missing: as root, `apt-get install python3-venv`")
    say("Installing python3-venv ...")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    apt = ["apt-get", "-qq", "-y", "-o", "Dpkg::Use-Pty=0"]
    subprocess.run([*apt, "update"], check=False, env=environment)
    package = f"python3.{sys.version_info[1]}-venv"
    status = subprocess.run([*apt, "install", package], check=False, env=environment).returncode
    if status:
        fail("apt-get cannot install python3-venv: see above")


def install(python: Path) -> None:
    """Install what is locked, each file checked by its hash, then this repository itself."""
    wanted = len(re.findall(r"(?m)^[A-Za-z0-9]", (ROOT / LOCK).read_text()))
    pip = [str(python), "-m", "pip", "--disable-pip-version-check", "--no-input"]
    attend(
        [*pip, "install", "--progress-bar", "off", "--require-hashes", "-r", str(ROOT / LOCK)],
        f"Installing about {wanted} Python packages",
    )
    attend(
        [*pip, "install", "--no-deps", "--no-build-isolation", "-q", "-e", str(ROOT)],
        "Installing this repository",
    )


def attend(command: list[str], what: str) -> None:
    """Run pip, saying every few seconds how far it is; its output only when it fails."""
    began = time.monotonic()
    lines: list[str] = []
    say(f"{what} ...")
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        reader = threading.Thread(target=lines.extend, args=(process.stdout,))
        reader.start()
        while reader.is_alive():
            reader.join(PROGRESS_SECONDS)
            if reader.is_alive():
                now = f"{time.monotonic() - began:.0f} s"
                say(f"{what} ... {now}, {doing(lines)}")
    if process.returncode:
        fail("".join(lines[-15:]) + f"{what} failed")
    say(f"{what}: done, {time.monotonic() - began:.0f} s")


def doing(lines: list[str]) -> str:
    """What pip is at: "aiohttp==3.14.5 (5)", or "putting them in place" after the last one."""
    collected = [line.split()[1] for line in lines if line.startswith("Collecting ")]
    if any(line.startswith("Installing collected packages") for line in lines):
        return "putting them in place"
    return f"{collected[-1]} ({len(collected)})" if collected else "beginning"


def say(line: str) -> None:
    """Show progress."""
    print(line, flush=True)


def fail(line: str) -> None:
    """Say what is wrong and end."""
    print(line, file=sys.stderr)
    sys.exit(1)


if __name__ == "__main__":
    main()
