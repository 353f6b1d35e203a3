"""Fixes as plain values: in the record of a call, and between the processes of a node."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from routing.geo import Fix, FixFault, Point, RejectedFix, Source


def fix_data(fix: Fix) -> dict[str, Any]:
    """lat, lon (degrees), uncertainty_m, source, at (ISO 8601 or None)."""
    return {
        "lat": fix.point.lat,
        "lon": fix.point.lon,
        "uncertainty_m": fix.uncertainty_m,
        "source": fix.source.value,
        "at": None if fix.at is None else fix.at.isoformat(),
    }


def rejected_data(refusal: RejectedFix) -> dict[str, Any]:
    """source, fault, raw, and the fix where there is one."""
    return {
        "source": refusal.source.value,
        "fault": refusal.fault.value,
        "raw": refusal.raw,
        "fix": None if refusal.fix is None else fix_data(refusal.fix),
    }


def fix_of(data: Mapping[str, Any]) -> Fix:
    """What fix_data wrote; raises KeyError, TypeError or ValueError where it did not."""
    at = data["at"]
    return Fix(
        Point(float(data["lat"]), float(data["lon"])),
        float(data["uncertainty_m"]),
        Source(data["source"]),
        None if at is None else datetime.fromisoformat(at),
    )


def rejected_of(data: Mapping[str, Any]) -> RejectedFix:
    """What rejected_data wrote; raises as fix_of does."""
    return RejectedFix(
        Source(data["source"]),
        FixFault(data["fault"]),
        str(data["raw"]),
        None if data["fix"] is None else fix_of(data["fix"]),
    )
