"""AML reports that wait for their call: what phones said of late, by number. In memory, bounded."""

import re
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from urllib.parse import unquote

from ari_app.intake import Found
from blocklist.number import read
from routing.geo import Fix, RejectedFix
from routing.sources.aml import AmlReport, parse_sms

_USER = re.compile(r"(?:sips?|tel):([^@;>]{1,80})", re.IGNORECASE)
MOST_NUMBERS = 50_000
MOST_OF_ONE = 5


@dataclass(frozen=True, slots=True)
class AmlStatement:
    """What one report says: whose it is (Number.key) and where that is."""

    key: int
    found: Found


def statement(report: AmlReport, sender: str = "", now: datetime | None = None) -> AmlStatement:
    """What a report says; sender is the number that it came from, where it names none itself.

    A fix without a time of its own is of now. Raises ValueError where it belongs to no number or
    says nothing of a place.
    """
    reading = read(report.number or sender)
    if reading.key is None:
        raise ValueError("of no number")
    match report.fix:
        case None:
            raise ValueError("without a place")
        case Fix(at=None):
            return AmlStatement(reading.key, replace(report.fix, at=now or datetime.now(UTC)))
        case found:
            return AmlStatement(reading.key, found)


def text_statement(sender: str, body: str) -> AmlStatement | None:
    """What an AML text message says; sender is the URI of its From. None where it is no AML, or
    of no use. Never raises.
    """
    report = parse_sms(body)
    user = _USER.search(sender)
    if report is None or user is None:
        return None
    try:
        return statement(report, unquote(user[1]))
    except ValueError:
        return None


class AmlInbox:
    """Keeps the latest statements of each number for keep_seconds."""

    def __init__(self, keep_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._kept: OrderedDict[int, list[tuple[float, Found]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._kept)

    def take(self, said: AmlStatement) -> bool:
        """Keep a statement; False where the same is here already (it comes over several ways)."""
        now = self._clock()
        self._forget(now)
        same = self._kept.pop(said.key, [])
        news = not any(_same(found, said.found) for _, found in same)
        if news:
            same = [*same[1 - MOST_OF_ONE :], (now, said.found)]
        self._kept[said.key] = same
        if len(self._kept) > MOST_NUMBERS:
            self._kept.popitem(last=False)
        return news

    def of(self, key: int) -> tuple[Found, ...]:
        """What a number's phone said of late."""
        oldest = self._clock() - self._keep_seconds
        return tuple(found for at, found in self._kept.get(key, ()) if at >= oldest)

    def _forget(self, now: float) -> None:
        """Drop numbers whose last statement is too old; the oldest stand first."""
        while self._kept:
            key, said = next(iter(self._kept.items()))
            if said[-1][0] >= now - self._keep_seconds:
                return
            del self._kept[key]


def _same(one: Found, other: Found) -> bool:
    """Whether two reports say the same; the time that we gave one that has none does not count."""
    if isinstance(one, RejectedFix) or isinstance(other, RejectedFix):
        return one == other
    return (one.point, one.uncertainty_m) == (other.point, other.uncertainty_m) and (
        one.at is None or other.at is None or abs((one.at - other.at).total_seconds()) < 1.0
    )
