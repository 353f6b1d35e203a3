"""Tells what is being done: a line for each step that is over, a live one for that under way."""

import contextlib
import time
from collections.abc import Iterator

from rich.console import Console


class Progress:
    """Lines with the seconds since the start; on a terminal also the step under way."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)
        self._began = time.monotonic()

    def say(self, line: str) -> None:
        """One line."""
        seconds = time.monotonic() - self._began
        self.console.print(f"{seconds:7.1f} s  {line}", markup=False)

    @contextlib.contextmanager
    def step(self, what: str, seconds: float | None = None) -> Iterator[None]:
        """Show `what`, and how long it takes about, while it lasts."""
        about = "" if seconds is None else f" (about {seconds:.0f} s)"
        if not self.console.is_terminal:
            yield
            return
        with self.console.status(f"{what}{about}"):
            yield
