"""What must hold for a directory to route a whole nation, beyond what `Directory.of` refuses."""

from collections import defaultdict
from collections.abc import Iterator

from routing.directory import Directory, Level, Unit
from routing.indonesia import is_in_indonesia
from routing.nation import Nation


def problems(directory: Directory, nation: Nation) -> Iterator[str]:
    """One line for each thing that is wrong; none for a sound directory.

    Codes are unique and each unit has one parent, one level higher: `Directory.of` saw to it. Here:
    every kabupaten has exactly one territorial Polres and every kecamatan at most one that takes
    it, areas exist, codes tell level and area, units are in Indonesia, and every Polres that has
    no 110 has somebody to take its calls.
    """
    yield from _territories(directory, nation)
    for unit in directory.units.values():
        yield from _unit(unit)
    for polda in directory.at(Level.POLDA):
        under = [unit for unit in directory.at(Level.POLRES) if unit.parent == polda.code]
        if not any(directory.can_ring(unit.code) for unit in (polda, *under)):
            yield f"{polda.code} {polda.name}: neither it nor any Polres under it can be rung"


def _territories(directory: Directory, nation: Nation) -> Iterator[str]:
    kabupaten: dict[str, list[str]] = defaultdict(list)
    kecamatan: dict[str, list[str]] = defaultdict(list)
    for unit in directory.at(Level.POLRES):
        for code in unit.kabupaten:
            kabupaten[code].append(unit.code)
        for code in unit.kecamatan:
            kecamatan[code].append(unit.code)
    for area in nation.kabupaten:
        served = kabupaten.pop(area.code, [])
        if len(served) != 1:
            whose = "no Polres" if not served else f"more than one: {', '.join(served)}"
            yield f"kabupaten {area.code} {area.name} has {whose}"
    known = {area.code for area in nation.kecamatan}
    for code, polres in kecamatan.items():
        if len(polres) > 1:
            yield f"kecamatan {code} is taken by more than one: {', '.join(polres)}"
        if code not in known:
            yield f"{polres[0]} takes kecamatan {code}, which does not exist"
    for code, polres in kabupaten.items():
        yield f"{polres[0]} serves kabupaten {code}, which does not exist"


def _unit(unit: Unit) -> Iterator[str]:
    if unit.code.split("-")[0] != unit.level:
        yield f"{unit.code} is a {unit.level}: its code says otherwise"
    if unit.level is Level.POLRES and not (unit.kabupaten or unit.kecamatan or unit.radius_m):
        yield f"{unit.code} {unit.name} has no territory"
    if unit.radius_m is not None and unit.point is None:
        yield f"{unit.code} {unit.name} has a radius and no place"
    if unit.point is None:
        yield f"{unit.code} {unit.name} has no place, so it is nobody's nearest"
    elif not is_in_indonesia(unit.point):
        yield f"{unit.code} {unit.name} is not in Indonesia: {unit.point.lat} {unit.point.lon}"
