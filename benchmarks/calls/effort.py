"""How long and how often is measured, and the two ways that are compared."""

from collections.abc import Mapping
from dataclasses import dataclass

NATIVE, OURS = True, False
WAYS = (NATIVE, OURS)
NAMES: Mapping[bool, str] = {NATIVE: "native", OURS: "service"}


@dataclass(frozen=True, slots=True)
class Effort:
    """Rounds at the steady rate, the search for the highest one, overload, memory. Seconds.

    first_rate is where the search begins; of its long trials at most `longest` are made.
    memory_calls: a run of so many calls more, to see whether memory grows; 0 for none.
    """

    rounds: int
    steady_seconds: float
    first_rate: float
    short_seconds: float
    long_seconds: float
    longest: int
    overload_seconds: float
    memory_calls: int = 0


DEFAULT = Effort(3, 23.0, 40.0, 6.0, 60.0, 3, 10.0)
QUICK = Effort(1, 6.0, 48.0, 4.0, 8.0, 1, 4.0)
