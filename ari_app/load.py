"""When an arriving call is better carried out by the dialplan: before the cliff, not after it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LoadGate:
    """Tells why the next call shall be handed over, or None.

    lag and delay give seconds: how long events wait in this process, and how late they are handed
    out by Asterisk's own clock. Asterisk conducted over ARI falls over rather than slows down
    (docs/decisions/0003), so calls are handed over while it still answers quickly.
    """

    lag: Callable[[], float]
    delay: Callable[[], float]
    most_lag_seconds: float
    most_calls: int

    def reason(self, calls_in_setup: int) -> str | None:
        """calls_in_setup counts calls that have not been connected yet."""
        if calls_in_setup > self.most_calls:
            return f"{calls_in_setup} calls in set-up"
        lag = max(self.lag(), self.delay())
        if lag > self.most_lag_seconds:
            return f"events {lag * 1000:.0f} ms late"
        return None
