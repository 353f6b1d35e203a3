"""The directory: every police unit, its desks, and who stands above whom. Frozen values, no I/O."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from routing.geo import Point

MABES = "mabes"


class Level(StrEnum):
    """The four levels of Polri, from the nation down to the kecamatan."""

    MABES = "mabes"
    POLDA = "polda"
    POLRES = "polres"
    POLSEK = "polsek"


ABOVE: Mapping[Level, Level] = MappingProxyType(
    {Level.POLDA: Level.MABES, Level.POLRES: Level.POLDA, Level.POLSEK: Level.POLRES}
)


class DirectoryError(ValueError):
    """The directory contradicts itself; the message names the unit or desk and what is wrong."""


class UnknownUnitError(DirectoryError):
    """No unit has this code."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One police unit.

    code is stable and never a name ("Polres Banjar" exists twice): mabes, polda-<province>,
    polres-<kabupaten> (a letter more for a second Polres in one kabupaten), polsek-<kecamatan>.
    parent is the code of the unit above, None for Mabes. An unconnected unit has no 110 desk; its
    calls go to the nearest connected one. opened=False closes a connected unit for a while: its
    rung is left out. ring_seconds is None where the service's own ring time holds. kabupaten are
    the Kemendagri codes ("1271") of a Polres' territory; kecamatan ("127121") those that it takes
    out of a kabupaten, its own or a neighbour's.
    """

    code: str
    name: str
    level: Level
    parent: str | None
    connected: bool = True
    ring_seconds: float | None = None
    point: Point | None = None
    kabupaten: tuple[str, ...] = ()
    kecamatan: tuple[str, ...] = ()
    radius_m: float | None = None
    opened: bool = True


@dataclass(frozen=True, slots=True)
class Desk:
    """One SPKT phone of a unit.

    contact is the SIP URI that is dialled, or None for a phone that registers with its password.
    """

    code: str
    unit: str
    contact: str | None = None
    password: str | None = field(default=None, repr=False)
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Directory:
    """Units by code and desks by unit, already checked; made by `Directory.of`.

    What `of` guarantees, so that a plan made from it is never empty: parents exist and stand one
    level higher, codes are unique, and Mabes is open, connected and has an enabled desk.
    """

    units: Mapping[str, Unit]
    desks_by_unit: Mapping[str, tuple[Desk, ...]]

    @classmethod
    def of(cls, units: Iterable[Unit], desks: Iterable[Desk]) -> "Directory":
        """Build and check a directory; raises DirectoryError."""
        by_code: dict[str, Unit] = {}
        for unit in units:
            if unit.code in by_code:
                raise DirectoryError(f"unit {unit.code} is listed twice")
            by_code[unit.code] = unit
        for unit in by_code.values():
            _check_parent(unit, by_code)
        by_unit: dict[str, tuple[Desk, ...]] = {}
        seen: set[str] = set()
        for desk in desks:
            if desk.code in seen:
                raise DirectoryError(f"desk {desk.code} is listed twice")
            if desk.unit not in by_code:
                raise DirectoryError(f"desk {desk.code} belongs to {desk.unit}, which is no unit")
            seen.add(desk.code)
            by_unit[desk.unit] = (*by_unit.get(desk.unit, ()), desk)
        directory = cls(MappingProxyType(by_code), MappingProxyType(by_unit))
        if MABES not in by_code:
            raise DirectoryError(f"there is no unit {MABES}, the last rung of every call")
        if not directory.can_ring(MABES):
            raise DirectoryError(
                f"{MABES} must be connected, open and have an enabled desk: "
                "it is the last rung of every call"
            )
        return directory

    def unit(self, code: str) -> Unit:
        """The unit of this code; raises UnknownUnitError."""
        try:
            return self.units[code]
        except KeyError:
            raise UnknownUnitError(f"there is no unit {code}") from None

    def desks(self, code: str) -> tuple[Desk, ...]:
        """All desks of a unit, the disabled ones too; empty where it has none."""
        return self.desks_by_unit.get(code, ())

    def enabled_desks(self, code: str) -> tuple[Desk, ...]:
        """The desks of a unit that are to be rung."""
        return tuple(desk for desk in self.desks(code) if desk.enabled)

    def can_ring(self, code: str) -> bool:
        """Whether a rung can be opened at this unit: connected, open, and with an enabled desk."""
        unit = self.units[code]
        return unit.connected and unit.opened and any(desk.enabled for desk in self.desks(code))

    def parent(self, code: str) -> Unit | None:
        """The unit above, or None for Mabes."""
        above = self.unit(code).parent
        return None if above is None else self.units[above]

    def chain(self, code: str) -> tuple[Unit, ...]:
        """The unit and all above it, up to Mabes; raises UnknownUnitError."""
        chain = [self.unit(code)]
        while (above := chain[-1].parent) is not None:
            chain.append(self.units[above])
        return tuple(chain)

    def at(self, level: Level) -> tuple[Unit, ...]:
        """All units of one level, in the order of the directory."""
        return tuple(unit for unit in self.units.values() if unit.level is level)


def _check_parent(unit: Unit, by_code: Mapping[str, Unit]) -> None:
    if unit.level is Level.MABES:
        if unit.code != MABES or unit.parent is not None:
            raise DirectoryError(f"unit {unit.code}: only {MABES} is of that level, without parent")
        return
    parent = by_code.get(unit.parent) if unit.parent is not None else None
    if parent is None:
        raise DirectoryError(f"unit {unit.code} stands under {unit.parent}, which is no unit")
    if parent.level is not ABOVE[unit.level]:
        raise DirectoryError(
            f"unit {unit.code} ({unit.level}) stands under {parent.code}, a {parent.level}"
        )
