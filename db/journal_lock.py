"""Whose journal file it is: a lock that the kernel gives back when its process dies."""

import fcntl
import os
from pathlib import Path


class WriterLock:
    """Held by the process that writes `<writer>.sqlite`, beside it in `<writer>.lock`.

    flock survives neither exit nor kill -9, so a file whose lock can be had has lost its writer.
    """

    def __init__(self, journal_path: Path) -> None:
        self.path = journal_path.with_suffix(".lock")
        self._fd: int | None = None

    def acquire(self) -> bool:
        """Take the lock without waiting; False when another process has it. Raises OSError."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(fd)
            return False
        self._fd = fd
        return True

    def release(self) -> None:
        """Give the lock back, if held."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
