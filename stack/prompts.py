"""The announcements, made once and kept in the cache for every Asterisk of this machine."""

import fcntl
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ari_app.prompts import build
from stack.process import Say, StackError
from stack.programs import Programs, cache_directory


def made_prompts(programs: Programs, cache: Path | None = None, say: Say = print) -> Path:
    """The directory that Asterisk is to have as sounds/polri110; some seconds the first time."""
    sounds = (cache or cache_directory()) / "sounds"
    sounds.mkdir(parents=True, exist_ok=True)
    with (sounds / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)

        def run(command: Sequence[str], data: bytes) -> bytes:
            answer = subprocess.run(
                programs.command(*command), input=data, capture_output=True, check=False
            )
            if answer.returncode:
                words = answer.stderr.decode(errors="replace").strip()
                raise StackError(f"{command[0]} cannot make an announcement: {words}")
            return answer.stdout

        for count, name in enumerate(build(sounds, run), start=1):
            if count == 1:
                say("Making the announcements (espeak-ng, sox) ...")
            say(f"  announcement {count}: {name}")
    return sounds / "polri110"
