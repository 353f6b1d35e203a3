"""The route plan as one line of text: how it travels in the channel variable PLAN.

    polres-1271@10@PJSIP/polres-1271-desk1&PJSIP/polres-1271-desk2|polda-12@10@PJSIP/polda-12-desk1

Rungs are separated by `|`; each is `unit@ring_seconds@dial strings joined by &`, which is what
Dial() takes. `sub-escalate` in dialplan/20-escalate.conf reads it with CUT().
"""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from routing.plan import RoutePlan, Rung

LIMIT_BYTES = 1900
"""Asterisk reads an AGI command of at most 2,048 bytes; the rest is for `SET VARIABLE PLAN`."""

_UNIT = re.compile(r"[a-z0-9][a-z0-9-]*")
_DIAL = re.compile(r"PJSIP/[A-Za-z0-9][A-Za-z0-9_.-]*")


class PlanTextError(ValueError):
    """The text is not a plan, or the plan cannot be written as one."""


@dataclass(frozen=True, slots=True)
class TextRung:
    """What the text keeps of a rung: whom to ring, and for how many whole seconds."""

    unit: str
    ring_seconds: int
    dials: tuple[str, ...]

    @property
    def desks(self) -> tuple[str, ...]:
        """Desk codes: the endpoint names of the dial strings."""
        return tuple(dial.partition("/")[2] for dial in self.dials)


def encode(plan: RoutePlan) -> str:
    """Write the plan for the dialplan.

    A rung without desks is left out, since Dial() has nobody to ring for it. Of a plan that is
    longer than LIMIT_BYTES every rung gives up its last desks in turn: fewer phones ring, but each
    unit still rings. Raises PlanTextError when nothing is left or a name cannot be written.
    """
    rungs = [_text_rung(rung) for rung in plan.rungs if rung.desks]
    if not rungs:
        raise PlanTextError("the plan has no rung with a desk")
    most = max(len(rung.dials) for rung in rungs)
    while len(text := _join(rungs, most)) > LIMIT_BYTES:
        if most == 1:
            raise PlanTextError(f"a plan of {len(rungs)} rungs is longer than {LIMIT_BYTES} bytes")
        most -= 1
    return text


def decode(text: str) -> tuple[TextRung, ...]:
    """Read PLAN. Raises PlanTextError when it is not what encode() writes."""
    return tuple(_decode_rung(part) for part in text.split("|"))


def _text_rung(rung: Rung) -> TextRung:
    dials = tuple(desk.dial for desk in rung.desks)
    _check(rung.unit, dials)
    return TextRung(rung.unit, max(1, math.ceil(rung.ring_seconds)), dials)


def _join(rungs: Iterable[TextRung], most: int) -> str:
    return "|".join(
        f"{rung.unit}@{rung.ring_seconds}@{'&'.join(rung.dials[:most])}" for rung in rungs
    )


def _decode_rung(part: str) -> TextRung:
    fields = part.split("@")
    if len(fields) != 3 or not re.fullmatch(r"[0-9]{1,5}", fields[1]):
        raise PlanTextError(f"not a rung: {part!r}")
    dials = tuple(fields[2].split("&"))
    _check(fields[0], dials)
    return TextRung(fields[0], int(fields[1]), dials)


def _check(unit: str, dials: Sequence[str]) -> None:
    if not _UNIT.fullmatch(unit):
        raise PlanTextError(f"not a unit's code: {unit!r}")
    for dial in dials:
        if not _DIAL.fullmatch(dial):
            raise PlanTextError(f"not a desk's dial string: {dial!r}")
