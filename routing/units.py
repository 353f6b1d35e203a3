"""The police units of the nation: one rule, and one table of exceptions to it.

The rule: a Polda for each province, a Polres for each kabupaten and kota under the Polda of its
province, a Polsek for each kecamatan under the Polres that serves it, each named after its area.
data/units_exceptions.csv lists what differs, one unit a row:

    code     the unit; a code that the rule does not make (a letter at its end) adds a unit
    name     its own name; empty where the rule's holds
    takes    areas it serves besides its own, by Kemendagri code: provinces (2 digits) or kabupaten
             (4) of a Polda, kabupaten (4) or kecamatan (6) of a Polres. A Polda or Polres whose
             own area is taken does not exist.
    enclave  "lat lon radius_m": a harbour or airport, served by this Polres alone
    note     for the reader
"""

import csv
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from routing.directory import MABES, Desk, Directory, DirectoryError, Level, Unit
from routing.geo import Point
from routing.nation import DATA, Area, Nation

EXCEPTIONS = DATA / "units_exceptions.csv"
MABES_POINT = Point(-6.2379, 106.7990)  # Jalan Trunojoyo, Jakarta
DESKS = {Level.MABES: 2, Level.POLDA: 2, Level.POLRES: 1, Level.POLSEK: 0}

_KIND = re.compile(r"^(Kabupaten|Kota)( Administrasi)? ")


@dataclass(frozen=True, slots=True)
class UnitException:
    """One row of the table."""

    code: str
    name: str = ""
    takes: tuple[str, ...] = ()
    enclave: tuple[Point, float] | None = None


def read_exceptions(path: Path = EXCEPTIONS) -> tuple[UnitException, ...]:
    """The table's rows; raises DirectoryError naming the line that cannot be read."""
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        try:
            return tuple(_exception(row) for row in rows)
        except (KeyError, ValueError) as error:
            raise DirectoryError(f"{path.name}, line {rows.line_num}: {error}") from error


def _exception(row: Mapping[str, str]) -> UnitException:
    enclave = None
    if row["enclave"]:
        lat, lon, radius_m = map(float, row["enclave"].split())
        enclave = Point(lat, lon), radius_m
    return UnitException(row["code"], row["name"], tuple(row["takes"].split()), enclave)


def national_directory(
    nation: Nation,
    exceptions: Iterable[UnitException] | None = None,
    desks: Mapping[Level, int] = DESKS,
) -> Directory:
    """Every unit of the nation, with so many desks a unit as its level has; all connected.

    The desks register themselves (no fixed contact) and carry no password yet. Raises
    DirectoryError where the exceptions contradict each other.
    """
    table = read_exceptions() if exceptions is None else exceptions
    by_code = {row.code: row for row in table}
    poldas = list(_poldas(nation, by_code))
    polres = list(_polres(nation, by_code, _polda_of(nation, by_code)))
    polseks = list(_polseks(nation, polres))
    mabes = Unit(MABES, _name(by_code, MABES, "Mabes"), Level.MABES, None, point=MABES_POINT)
    units = [mabes, *poldas, *polres, *polseks]
    strangers = by_code.keys() - {unit.code for unit in units}
    if strangers:
        raise DirectoryError(f"exceptions for units that do not exist: {sorted(strangers)}")
    return Directory.of(
        units,
        (
            Desk(f"{unit.code}-desk{number}", unit.code)
            for unit in units
            for number in range(1, desks[unit.level] + 1)
        ),
    )


def with_demo_desks(directory: Directory, contact_for: Callable[[str], str]) -> Directory:
    """The same directory, each desk at the fixed SIP URI that contact_for gives for its code."""
    every = (desk for desks in directory.desks_by_unit.values() for desk in desks)
    return Directory.of(
        directory.units.values(), (replace(desk, contact=contact_for(desk.code)) for desk in every)
    )


def _name(by_code: Mapping[str, UnitException], code: str, rule: str) -> str:
    row = by_code.get(code)
    return row.name if row is not None and row.name else rule


def _taken(by_code: Mapping[str, UnitException], level: Level, digits: int) -> dict[str, str]:
    """Area code -> the unit of the level that takes it, for areas of so many digits."""
    taken: dict[str, str] = {}
    for row in by_code.values():
        if not row.code.startswith(f"{level}-"):
            continue
        for area in row.takes:
            if len(area) != digits:
                continue
            if area in taken:
                raise DirectoryError(f"{area} is taken by both {taken[area]} and {row.code}")
            taken[area] = row.code
    return taken


def _poldas(nation: Nation, by_code: Mapping[str, UnitException]) -> Iterator[Unit]:
    taken = _taken(by_code, Level.POLDA, 2)
    for province in nation.provinces:
        if province.code in taken:
            continue
        code = f"polda-{province.code}"
        name = _name(by_code, code, f"Polda {province.name}")
        yield Unit(code, name, Level.POLDA, MABES, point=province.point)


def _polda_of(nation: Nation, by_code: Mapping[str, UnitException]) -> dict[str, str]:
    """Kabupaten code -> its Polda."""
    provinces = _taken(by_code, Level.POLDA, 2)
    kabupaten = _taken(by_code, Level.POLDA, 4)
    return {
        area.code: kabupaten.get(area.code)
        or provinces.get(area.code[:2])
        or f"polda-{area.code[:2]}"
        for area in nation.kabupaten
    }


def _polres(
    nation: Nation, by_code: Mapping[str, UnitException], polda_of: Mapping[str, str]
) -> Iterator[Unit]:
    taken = _taken(by_code, Level.POLRES, 4)
    kecamatan = {area.code: area for area in nation.kecamatan}
    known = {area.code for area in nation.kabupaten}
    unknown = [area for area in _taken(by_code, Level.POLRES, 6) if area not in kecamatan]
    unknown += [area for area in taken if area not in known]
    if unknown:
        raise DirectoryError(f"exceptions take areas that do not exist: {unknown}")
    plain = {name for area in nation.kabupaten if (name := _plain(area)) and not _is_kota(area)}
    for area in nation.kabupaten:
        if area.code in taken:
            continue
        code = f"polres-{area.code}"
        # Where kabupaten and kota share a name, the city's Polres carries "Kota" behind it.
        homonym = _is_kota(area) and _plain(area) in plain
        row = by_code.get(code, UnitException(code))
        takes = {digits: tuple(a for a in row.takes if len(a) == digits) for digits in (4, 6)}
        yield Unit(
            code,
            row.name or f"Polres {_plain(area)}{' Kota' if homonym else ''}",
            Level.POLRES,
            polda_of[area.code],
            point=area.point,
            kabupaten=(area.code, *takes[4]),
            kecamatan=takes[6],
        )
    for row in by_code.values():
        own = re.fullmatch(r"polres-(\d{4})[b-z]", row.code)
        if own is None:
            continue
        point, radius_m = row.enclave or (_middle(kecamatan[a].point for a in row.takes), None)
        yield Unit(
            row.code,
            row.name,
            Level.POLRES,
            polda_of[own[1]],
            point=point,
            kecamatan=row.takes,
            radius_m=radius_m,
        )


def _polseks(nation: Nation, polres: Iterable[Unit]) -> Iterator[Unit]:
    serving = {area: unit.code for unit in polres for area in (*unit.kabupaten, *unit.kecamatan)}
    for area in nation.kecamatan:
        parent = serving.get(area.code) or serving[area.code[:4]]
        yield Unit(
            f"polsek-{area.code}",
            f"Polsek {area.name}",
            Level.POLSEK,
            parent,
            connected=False,  # a report is forwarded to a Polsek; 110 does not ring there
            point=area.point,
            kecamatan=(area.code,),
        )


def _plain(area: Area) -> str:
    return _KIND.sub("", area.name)


def _is_kota(area: Area) -> bool:
    return area.name.startswith("Kota ")


def _middle(points: Iterable[Point]) -> Point:
    every = list(points)
    lat = sum(point.lat for point in every) / len(every)
    return Point(lat, sum(point.lon for point in every) / len(every))
