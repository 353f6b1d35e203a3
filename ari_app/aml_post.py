"""Carries AML statements between the processes of a node, without Postgres and without waiting.

Each process has a Unix datagram socket in `<data_dir>/aml`; whoever receives a report sends it to
all of them. A process that does not read loses reports, never the sender its time.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import orjson
import structlog

from ari_app.aml_inbox import AmlStatement
from routing.fix_record import fix_data, fix_of, rejected_data, rejected_of
from routing.geo import Fix

log = structlog.get_logger(__name__)

LONGEST_BYTES = 4_000


def encode(said: AmlStatement) -> bytes:
    """A statement as JSON, below LONGEST_BYTES."""
    place = (
        {"fix": fix_data(said.found)}
        if isinstance(said.found, Fix)
        else {"rejected": rejected_data(said.found)}
    )
    return orjson.dumps({"number": said.key, **place})


def decode(data: bytes) -> AmlStatement:
    """What encode wrote; raises ValueError, KeyError or TypeError where it did not."""
    given = orjson.loads(data)
    found = fix_of(given["fix"]) if "fix" in given else rejected_of(given["rejected"])
    return AmlStatement(int(given["number"]), found)


class AmlPost:
    """One process' socket among those of its node; `received` is told of what others send."""

    def __init__(
        self, directory: Path, name: str, received: Callable[[AmlStatement], None]
    ) -> None:
        self._directory = directory
        self._name = f"{name}.{os.getpid()}.sock"
        self._received = received
        self._folder = -1
        self._socket: socket.socket | None = None

    def open(self) -> None:
        """Begin to receive. Raises OSError."""
        self._directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = os.open(self._directory, os.O_RDONLY | os.O_DIRECTORY)
        # A socket's address holds 107 bytes, and a data directory may be deep.
        address = self._address(self._name)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(address)
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(address)
        asyncio.get_running_loop().add_reader(self._socket, self._read)

    def close(self) -> None:
        """Receive nothing more."""
        if self._socket is None:
            return
        asyncio.get_running_loop().remove_reader(self._socket)
        self._socket.close()
        self._socket = None
        with contextlib.suppress(OSError):
            os.unlink(self._address(self._name))
        os.close(self._folder)

    def send(self, said: AmlStatement) -> int:
        """Tell the other processes of this node; returns how many took it."""
        if self._socket is None:
            return 0
        data, taken = encode(said), 0
        for name in os.listdir(self._folder):
            if name == self._name or not name.endswith(".sock"):
                continue
            try:
                self._socket.sendto(data, self._address(name))
                taken += 1
            except ConnectionRefusedError:  # its process is dead
                with contextlib.suppress(OSError):
                    os.unlink(self._address(name))
            except OSError as error:
                log.warning("aml_not_passed_on", to=name, error=str(error))
        return taken

    def _address(self, name: str) -> str:
        return f"/proc/self/fd/{self._folder}/{name}"

    def _read(self) -> None:
        assert self._socket is not None
        with contextlib.suppress(BlockingIOError):
            while True:
                data = self._socket.recv(LONGEST_BYTES)
                try:
                    self._received(decode(data))
                except Exception:
                    log.exception("aml_not_taken")
