"""Points and fixes: the values every location source produces."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class Point:
    """A place on WGS 84, in decimal degrees."""

    lat: float
    lon: float


class Source(StrEnum):
    """What a location came from, best first."""

    PIDF_LO = "pidf_lo"
    AML = "aml"
    CELL = "cell"
    AREA_CODE = "area_code"
    TRUNK = "trunk"
    NATIONAL = "national"


@dataclass(frozen=True, slots=True)
class Fix:
    """One statement of where the caller is.

    uncertainty_m is a radius in metres (0 when the source names a bare point); at is the time of
    the fix itself, with zone, or None where the source does not say.
    """

    point: Point
    uncertainty_m: float
    source: Source
    at: datetime | None = None


class FixFault(StrEnum):
    """Why a location that was sent cannot be routed on."""

    MALFORMED = "malformed"
    ZERO = "zero"  # 0,0: a handset that has no fix
    OUTSIDE_INDONESIA = "outside_indonesia"
    SWAPPED = "swapped"  # latitude and longitude exchanged: inside Indonesia only if turned round
    TOO_OLD = "too_old"
    TOO_COARSE = "too_coarse"
    UNKNOWN_CELL = "unknown_cell"  # a cell that the imported table does not have


@dataclass(frozen=True, slots=True)
class RejectedFix:
    """A location that is kept for the officer's screen and not used alone."""

    source: Source
    fault: FixFault
    raw: str
    fix: Fix | None = None
