"""The route plan: which units are rung, in which order, for how long."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from routing.directory import MABES, Directory, Level, Unit
from routing.geo import Point
from routing.jurisdiction import Verdict
from routing.sphere import haversine_km


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


def make_plan(
    directory: Directory,
    verdict: Verdict | None,
    trunk_unit: str | None,
    default_unit: str,
    ring_seconds: float,
) -> RoutePlan:
    """The rungs of a call: Polres, its Polda, Mabes; never empty, no unit twice, never raises.

    Begins at the verdict's Polres, else at the trunk's unit, else at default_unit. A first unit
    that is not connected to 110 is replaced by the nearest connected SPKT under the same Polda
    (nearest to the caller, or to the unit itself where no place is known). Units that cannot ring
    are left out. ring_seconds holds for units without a ring time of their own. Codes that the
    directory does not know are passed over: a mistake in a setting must not lose a call.
    """
    place: Point | None = None
    polres = None if verdict is None else verdict.polres
    if verdict is not None and polres is not None and polres in directory.units:
        first, reason, place = polres, PlanReason.LOCATION, verdict.point
    elif trunk_unit is not None and trunk_unit in directory.units:
        first, reason = trunk_unit, PlanReason.TRUNK_DEFAULT
    else:
        first = default_unit if default_unit in directory.units else MABES
        reason = PlanReason.NATIONAL_DEFAULT
    rungs = {
        unit.code: _rung(directory, unit, ring_seconds)
        for unit in _units(directory, first, place)
        if directory.can_ring(unit.code)
    }
    return RoutePlan(tuple(rungs.values()), reason)


def _units(directory: Directory, first: str, place: Point | None) -> Iterator[Unit]:
    unit = directory.unit(first)
    if not unit.connected:
        yield nearest_connected(directory, unit, place)
    yield from directory.chain(first)


def nearest_connected(directory: Directory, unit: Unit, place: Point | None = None) -> Unit:
    """The nearest SPKT that can ring under the unit's Polda, that Polda's own included.

    Nearest to place, or to the unit where place is None. Mabes when none of them can ring; the
    Polda, when the unit has no point either.
    """
    polda = next(
        (above for above in directory.chain(unit.code) if above.level is Level.POLDA), None
    )
    if polda is None:
        return directory.unit(MABES)
    origin = place or unit.point
    nearest, shortest = directory.unit(MABES), float("inf")
    for other in directory.units.values():
        if (other.parent != polda.code and other is not polda) or not directory.can_ring(
            other.code
        ):
            continue
        if origin is None:
            distance = 0.0 if other is polda else float("inf")
        elif other.point is None:
            distance = float("inf")
        else:
            distance = haversine_km(origin, other.point)
        if distance < shortest:
            nearest, shortest = other, distance
    return nearest


def _rung(directory: Directory, unit: Unit, ring_seconds: float) -> Rung:
    return Rung(
        unit=unit.code,
        name=unit.name,
        level=unit.level,
        desks=tuple(
            RungDesk(desk.code, f"PJSIP/{desk.code}") for desk in directory.enabled_desks(unit.code)
        ),
        ring_seconds=ring_seconds if unit.ring_seconds is None else unit.ring_seconds,
    )
