"""Free ports, kept apart between all runs on one machine.

A port is reserved by a file lock that lives as long as this process, and is tried by binding it,
so two runs (or a run and a test run) never choose the same one, and neither takes a port of a
program that knows nothing of these locks. POLRI110_<NAME>_PORT overrides every choice.
"""

import fcntl
import os
import random
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from stack.process import StackError

SINGLE = range(20000, 32000)  # below Linux' ephemeral ports (32768 and above)
BLOCKS = range(10000, 20000)
BLOCK = 100  # blocks begin at multiples of this
TCP_LISTEN = "0A"  # include/net/tcp_states.h, as /proc/net/tcp shows it


def lock_directory() -> Path:
    """Where the locks of this user's runs are."""
    return Path("/tmp") / f"polri110-ports-{os.getuid()}"  # whatever TMPDIR a run has


def free(port: int) -> bool:
    """Whether the port can be bound on every address, by UDP and by TCP."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as attempt:
            if kind == socket.SOCK_STREAM:  # a connection in TIME_WAIT is no user of the port
                attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                attempt.bind(("0.0.0.0", port))
            except OSError:
                return False
    return True


def bound(port: int, kind: Literal["udp", "tcp"]) -> bool:
    """Whether a program has the port: a UDP socket, or a TCP one that listens.

    The kernel's list is read (proc(5)); trying to bind it would be in that program's way.
    """
    lines = Path(f"/proc/net/{kind}").read_text().splitlines()[1:]
    for fields in (line.split() for line in lines):
        if fields[1].endswith(f":{port:04X}") and (kind == "udp" or fields[3] == TCP_LISTEN):
            return True
    return False


class Ports:
    """The ports this process has reserved, until close() or its end."""

    def __init__(self, directory: Path | None = None) -> None:
        self._directory = directory or lock_directory()
        self._directory.mkdir(parents=True, exist_ok=True)
        self._locks: dict[str, int] = {}

    def one(self, name: str, preferred: int | None = None) -> int:
        """A port for `name` ("sip", "ari", ...): as POLRI110_<NAME>_PORT says, else the preferred
        one when it is free, else any free one.

        Raises StackError when the environment names a port that is in use.
        """
        variable = f"POLRI110_{name.upper()}_PORT"
        if wanted := os.environ.get(variable):
            if not wanted.isdecimal() or not 0 < int(wanted) < 65536:
                raise StackError(f"{variable}={wanted} is no port: give a number from 1 to 65535")
            if not self._take(int(wanted)):
                raise StackError(
                    f"Port {wanted} ({variable}) is in use: choose another or unset it"
                )
            return int(wanted)
        if preferred is not None and self._take(preferred):
            return preferred
        return self.any()

    def any(self) -> int:
        """Any free port."""
        for port in _shuffled(SINGLE):
            if self._take(port):
                return port
        raise StackError(f"No free port between {SINGLE.start} and {SINGLE.stop - 1}")

    def block(self, size: int) -> range:
        """`size` (a multiple of 100) adjoining ports, for RTP."""
        blocks = -(-size // BLOCK)
        for start in _shuffled(range(BLOCKS.start, BLOCKS.stop - blocks * BLOCK + 1, BLOCK)):
            names = [f"block-{start + index * BLOCK}" for index in range(blocks)]
            if self._lock_all(names):
                if free(start) and free(start + size - 1):
                    return range(start, start + size)
                self._unlock(names)
        raise StackError(f"No {size} adjoining free ports between {BLOCKS.start} and {BLOCKS.stop}")

    def close(self) -> None:
        """Give all of them back."""
        self._unlock(list(self._locks))

    def _take(self, port: int) -> bool:
        name = str(port)
        if not self._lock_all([name]):
            return False
        if free(port):
            return True
        self._unlock([name])
        return False

    def _lock_all(self, names: list[str]) -> bool:
        taken: list[str] = []
        for name in names:
            if name in self._locks:
                break
            descriptor = os.open(self._directory / name, os.O_CREAT | os.O_RDWR, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                break
            self._locks[name] = descriptor
            taken.append(name)
        if len(taken) == len(names):
            return True
        self._unlock(taken)
        return False

    def _unlock(self, names: list[str]) -> None:
        for name in names:
            os.close(self._locks.pop(name))


def _shuffled(ports: range) -> Iterator[int]:
    return iter(random.sample(ports, len(ports)))
