"""The route plan: which units are rung, in which order, for how long."""

from dataclasses import dataclass
from enum import StrEnum


class PlanReason(StrEnum):
    """Which knowledge the plan was made from."""

    LOCATION = "location"
    TRUNK_DEFAULT = "trunk_default"
    NATIONAL_DEFAULT = "national_default"


@dataclass(frozen=True, slots=True)
class RungDesk:
    """One phone of a rung: its code in the directory and what Asterisk dials."""

    code: str
    dial: str  # e.g. "PJSIP/polres-1271-desk1"


@dataclass(frozen=True, slots=True)
class Rung:
    """One unit of the plan; all its desks ring together for ring_seconds."""

    unit: str
    name: str
    level: str  # routing.directory.Level value
    desks: tuple[RungDesk, ...]
    ring_seconds: float


@dataclass(frozen=True, slots=True)
class RoutePlan:
    """Ordered rungs, never empty; the last one is rung again until somebody answers."""

    rungs: tuple[Rung, ...]
    reason: PlanReason
