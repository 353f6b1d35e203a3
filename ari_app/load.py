"""When an arriving call is better carried out by the dialplan: before the cliff, not after it."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """How busy this process and its Asterisk are.

    event_seconds: how late events are read. requests: ARI requests that wait for their answer.
    calls_in_setup: calls that are not connected yet.
    """

    event_seconds: float
    requests: int
    calls_in_setup: int


@dataclass(frozen=True, slots=True)
class LoadLimits:
    """Past any of these, calls are handed over; for at least hold_seconds."""

    event_seconds: float
    requests: int
    calls_in_setup: int
    hold_seconds: float = 1.0

    def passed(self, load: Load) -> str | None:
        """Which limit the load is past, in words for the record, or None."""
        if load.event_seconds > self.event_seconds:
            return f"events {load.event_seconds * 1000:.0f} ms late"
        if load.requests > self.requests:
            return f"{load.requests} requests unanswered"
        if load.calls_in_setup > self.calls_in_setup:
            return f"{load.calls_in_setup} calls in set-up"
        return None


class LoadGate:
    """Tells why the next call shall be handed over, or None.

    Asterisk conducted over ARI does not slow down at its limit, it falls
    (docs/decisions/0003), and it falls within a second: so calls are handed over at the first sign,
    and go on being handed over for a while, which lets it recover.
    """

    def __init__(self, limits: LoadLimits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._until = float("-inf")
        self._reason = ""

    def reason(self, load: Load) -> str | None:
        """Ask for each arriving call."""
        passed = self._limits.passed(load)
        if passed is not None:
            self._until = self._clock() + self._limits.hold_seconds
            self._reason = passed
        return self._reason if self._clock() < self._until else None
