"""How long to wait before the next attempt to connect."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Doubling from `first_seconds` to `ceiling_seconds`, each time spread by half either way.

    The spread keeps the processes of a node from knocking at a restarted Asterisk in step.
    """

    first_seconds: float = 0.1
    ceiling_seconds: float = 5.0
    spread: Callable[[float, float], float] = random.uniform

    def delays(self) -> Iterator[float]:
        """Seconds to wait before the first, second, ... repeated attempt, without end."""
        step = self.first_seconds
        while True:
            yield self.spread(step / 2, step * 1.5)
            step = min(step * 2, self.ceiling_seconds)
