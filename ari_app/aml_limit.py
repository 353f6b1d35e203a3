"""How much of one sender is taken: a bucket of tokens each, for as many as there can be."""

import time
from collections import OrderedDict
from collections.abc import Callable, Hashable

MOST_SENDERS = 50_000


class RateLimit:
    """Lets `burst` through at once, and `per_second` on the average."""

    def __init__(
        self, per_second: float, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._left: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def passes(self, sender: Hashable) -> bool:
        """Whether one more of the sender is taken."""
        now = self._clock()
        left, at = self._left.pop(sender, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._per_second)
        taken = left >= 1.0
        self._left[sender] = (left - 1.0 if taken else left, now)
        if len(self._left) > MOST_SENDERS:
            self._left.popitem(last=False)
        return taken
