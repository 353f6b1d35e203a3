"""What every source's fix is held against before it is offered: a place in Indonesia."""

import re
from dataclasses import replace

from routing.geo import Fix, FixFault, Point, RejectedFix, Source
from routing.indonesia import is_in_indonesia

# A handset without a fix sends zeros; nobody calls 110 from the Gulf of Guinea.
ZERO_DEGREES = 1e-3
RAW_LENGTH = 300

_NUMBER = re.compile(r"[+-]?(\d{1,15}(\.\d{0,24})?|\.\d{1,24})([eE][+-]?\d{1,2})?", re.ASCII)


def checked(fix: Fix, raw: str) -> Fix | RejectedFix:
    """The fix itself, or why it cannot be routed on; raw is what was sent, cut for the record.

    A swapped fix carries the point turned the right way round.
    """
    point = fix.point
    if abs(point.lat) < ZERO_DEGREES and abs(point.lon) < ZERO_DEGREES:
        return rejected(fix.source, FixFault.ZERO, raw, fix)
    if is_in_indonesia(point):
        return fix
    turned = Point(lat=point.lon, lon=point.lat)
    if is_in_indonesia(turned):
        return rejected(fix.source, FixFault.SWAPPED, raw, replace(fix, point=turned))
    if abs(point.lat) > 90 or abs(point.lon) > 180:
        return rejected(fix.source, FixFault.MALFORMED, raw)
    return rejected(fix.source, FixFault.OUTSIDE_INDONESIA, raw, fix)


def rejected(source: Source, fault: FixFault, raw: str, fix: Fix | None = None) -> RejectedFix:
    """A rejected fix whose raw text fits the record: cut, and without control characters."""
    printable = "".join(c if c.isprintable() else " " for c in raw[:RAW_LENGTH])
    return RejectedFix(source, fault, printable, fix)


def number(text: str) -> float | None:
    """A finite decimal number in plain ASCII, or None; "nan", "1_0" and other digits are none."""
    text = text.strip()
    return float(text) if _NUMBER.fullmatch(text) else None
