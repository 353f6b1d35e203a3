"""What a number on the list, or a number's strikes, lead to. Pure: the list is asked elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from blocklist.number import Number


class Verdict(StrEnum):
    """What the block list says of a call."""

    PASS = "pass"  # noqa: S105 - no password
    BLOCKED = "blocked"
    UNCHECKED = "unchecked"  # the list cannot be read: the call passes, and is counted


@dataclass(frozen=True, slots=True)
class Check:
    """The verdict and why, in a few words for the record."""

    verdict: Verdict
    reason: str


NO_IDENTITY = Check(Verdict.PASS, "no number: an anonymous caller is nobody in particular")
NOT_LISTED = Check(Verdict.PASS, "not on the block list")
LISTED = Check(Verdict.BLOCKED, "on the block list")
UNREADABLE = Check(Verdict.UNCHECKED, "the block list cannot be read: the call passes")


def judge(number: Number, listed: bool | None) -> Check:
    """The verdict on a call; `listed` is None while no list can be read (fail open)."""
    if number.key is None:
        return NO_IDENTITY
    if listed is None:
        return UNREADABLE
    return LISTED if listed else NOT_LISTED


class Sanction(StrEnum):
    """What a confirmed prank or false report leads to (DOMAIN: teguran, virtual police, block)."""

    REPRIMAND = "reprimand"
    MESSAGE = "message"
    BLOCK = "block"


LADDER = (Sanction.REPRIMAND, Sanction.MESSAGE, Sanction.BLOCK)


def sanction(strikes: int, ladder: Sequence[Sanction] = LADDER) -> Sanction | None:
    """The sanction that the given count of standing strikes leads to; the last one holds on."""
    if strikes < 1 or not ladder:
        return None
    return ladder[min(strikes, len(ladder)) - 1]
