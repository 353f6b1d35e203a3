"""Finding the highest rate that is sustained, in few trials. Pure: the trials are made outside."""

from collections.abc import Generator

STEP = 1.1

Trial = tuple[float, bool]  # calls a second, and whether for the long time rather than a short one
Search = Generator[Trial, bool, float]


def highest_rate(first: float, longest: int, top: float = 400.0) -> Search:
    """Yields trials, is sent whether each held, and returns the highest rate that held for long.

    Climbs in short trials (steps of 21%, a second try for each) until one fails, then closes in by
    at most `longest` long ones. Rates are on a ladder of 10% steps from `first`. Returns 0.0 when
    no long trial held.
    """
    rung = yield from _climb(first, top)
    held, failed, fallen = -1, None, 0
    for _ in range(longest):
        if (yield _rate(first, rung), True):
            held = rung
        else:
            failed, fallen = rung, fallen + 1
        if failed is None:
            rung += 1
        elif held < 0:
            rung = max(0, failed - fallen)
        else:
            rung = (held + failed) // 2
        if rung in (held, failed):
            break
    return _rate(first, held) if held >= 0 else 0.0


def _climb(first: float, top: float) -> Generator[Trial, bool, int]:
    """The highest rung of the ladder that held for a short time, 0 when none did."""
    held = 0
    for rung in range(0, 1000, 2):
        rate = _rate(first, rung)
        if rate > top or not ((yield rate, False) or (yield rate, False)):
            break
        held = rung
    return held


def _rate(first: float, rung: int) -> float:
    return round(first * STEP**rung, 1)
