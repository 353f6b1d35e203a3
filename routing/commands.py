"""`polri110 directory`: shows, proves, exports and changes the directory of this node."""

import json
from pathlib import Path
from typing import Annotated, Any

import cyclopts
from cyclopts import Parameter
from rich.console import Console

from routing.boundaries import BoundariesError, read_boundaries, save_boundaries
from routing.command_line import boundaries_path, fail, store_directory, this_directory
from routing.directory import Directory, DirectoryError, Level, Unit
from routing.directory_files import (
    DirectoryFileError,
    Rows,
    desks_csv,
    directory_json,
    read_rows,
    units_csv,
)
from routing.directory_rows import with_rows
from routing.nation import Nation, load_nation
from routing.validation import problems

Flag = Annotated[bool, Parameter(negative="")]
Json = Annotated[bool, Parameter(name="--json", negative="")]

directory_app = cyclopts.App(
    name="directory",
    help="""Police units and their desks.

    For example:

        polri110 directory validate                  prove the directory sound
        polri110 directory show polres-1271          a unit, its desks, its territory
        polri110 directory export units.csv          all units; --desks for the desks
        polri110 directory export directory.json     both
        polri110 directory import changes.csv        take over what the file says
    """,
)


@directory_app.command
def validate(file: Path | None = None, /) -> None:
    """Prove the directory sound, or what it would be with FILE taken over.

    Every kabupaten has exactly one territorial Polres, every Polres one Polda, codes are unique,
    every unit lies in Indonesia. Exits 1 and names each fault otherwise.
    """
    nation = load_nation()
    directory = _changed(this_directory(nation), _rows(file)) if file else this_directory(nation)
    _refuse_unsound(directory, nation)
    counts = ", ".join(f"{len(directory.at(level))} {level}" for level in Level)
    desks = sum(len(group) for group in directory.desks_by_unit.values())
    print(f"sound: {counts}, {desks} desks; {len(nation.kabupaten)} kabupaten and kota served")


@directory_app.command
def show(
    code: str | None = None,
    *,
    as_json: Json = False,
) -> None:
    """Show a unit with its desks and territory; without CODE, how many stand under each Polda."""
    directory = this_directory(load_nation())
    if code is None:
        _show_all(directory, as_json)
        return
    try:
        unit = directory.unit(code)
    except DirectoryError as error:
        fail(f"{error}; `polri110 directory show` lists the Polda")
    if as_json:
        print(json.dumps(_shown(directory, unit), ensure_ascii=False, indent=2))
        return
    for key, value in _shown(directory, unit).items():
        if value not in (None, [], ""):
            shown = ", ".join(map(str, value)) if isinstance(value, list) else value
            print(f"{key:13} {shown}")


@directory_app.command
def export(file: Path, /, *, desks: Flag = False, with_passwords: Flag = False) -> None:
    """Write the directory to FILE: .csv (units, or --desks) or .json (both).

    Passwords of desks are left out unless --with-passwords; an import without them leaves them
    as they are.
    """
    directory = this_directory(load_nation())
    match file.suffix.lower():
        case ".json":
            text = directory_json(directory, passwords=with_passwords)
        case ".csv" if desks:
            every = [desk for group in directory.desks_by_unit.values() for desk in group]
            text = desks_csv(every, passwords=with_passwords)
        case ".csv":
            text = units_csv(directory.units.values())
        case _:
            fail("the name of the file must end in .csv or .json", code=2)
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{file}: cannot be written: {error.strerror}")
    print(f"{file}: {len(directory.units)} units")


@directory_app.command(name="import")
def import_(file: Path, /, *, dry_run: Flag = False) -> None:
    """Take over what FILE says, all or nothing: .csv (units or desks) or .json (both).

    A row names its unit or desk by code and changes only what its columns say. A bad row is named
    by line and column, and then nothing is taken.
    """
    nation = load_nation()
    before = this_directory(nation)
    after = _changed(before, _rows(file))
    # A fault that was there before must not keep its repair, or anything else, out.
    _refuse_unsound(after, nation, but=frozenset(problems(before, nation)))
    changed = _differing(before, after)
    if not dry_run:
        store_directory(before, after, f"import of {file.name}")
    done = "would change" if dry_run else "changed"
    print(f"{done} {len(changed)}: {', '.join(changed[:20])}{' ...' if len(changed) > 20 else ''}")


@directory_app.command
def import_boundaries(file: Path, /, *, code_property: str | None = None) -> None:
    """Take official kabupaten boundaries from a GeoJSON FILE; they then decide over villages.

    Polygons and MultiPolygons with the kabupaten's code as a property (code, kode, ..., or the one
    that --code-property names). A bad feature is named, and then nothing is taken. A kabupaten
    without a boundary goes on by its villages.
    """
    nation = load_nation()
    known = [area.code for area in nation.kabupaten]
    try:
        with Console(stderr=True).status(f"reading {file.name}"):
            boundaries = read_boundaries(file, known, code_property)
            save_boundaries(boundaries, boundaries_path())
    except BoundariesError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}")
    missing = len(known) - len({boundary.kabupaten for boundary in boundaries})
    print(f"{len(boundaries)} boundaries; {missing} kabupaten go on by their villages")


def _rows(file: Path) -> Rows:
    try:
        return read_rows(file)
    except DirectoryFileError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{file}: cannot be read: {error.strerror}")


def _changed(directory: Directory, rows: Rows) -> Directory:
    try:
        return with_rows(directory, rows.units, rows.desks)
    except DirectoryError as error:
        fail(f"{error}. Nothing of the file was taken.")


def _refuse_unsound(
    directory: Directory, nation: Nation, but: frozenset[str] = frozenset()
) -> None:
    if found := [fault for fault in problems(directory, nation) if fault not in but]:
        fail("\n".join([*found[:20], f"{len(found)} faults"]))


def _differing(before: Directory, after: Directory) -> list[str]:
    units = [code for code, unit in after.units.items() if before.units.get(code) != unit]
    desks = {desk for group in before.desks_by_unit.values() for desk in group}
    return units + [
        desk.code for group in after.desks_by_unit.values() for desk in group if desk not in desks
    ]


def _show_all(directory: Directory, as_json: bool) -> None:
    counts = {
        polda.code: {
            "name": polda.name,
            "polres": sum(unit.parent == polda.code for unit in directory.at(Level.POLRES)),
            "unconnected": sum(
                unit.parent == polda.code and not unit.connected
                for unit in directory.at(Level.POLRES)
            ),
        }
        for polda in directory.at(Level.POLDA)
    }
    if as_json:
        print(json.dumps(counts, ensure_ascii=False, indent=2))
        return
    for code, count in counts.items():
        missing = f", {count['unconnected']} not connected" if count["unconnected"] else ""
        print(f"{code}  {count['name']}: {count['polres']} Polres{missing}")


def _shown(directory: Directory, unit: Unit) -> dict[str, Any]:
    return {
        "code": unit.code,
        "name": unit.name,
        "level": unit.level.value,
        "under": [f"{above.code} {above.name}" for above in directory.chain(unit.code)[1:]],
        "connected": unit.connected,
        "opened": unit.opened,
        "ring_seconds": unit.ring_seconds,
        "place": None if unit.point is None else f"{unit.point.lat:.6f} {unit.point.lon:.6f}",
        "radius_m": unit.radius_m,
        "kabupaten": list(unit.kabupaten),
        "kecamatan": list(unit.kecamatan),
        "desks": [
            f"{desk.code} ({desk.contact or 'registers'}{'' if desk.enabled else ', disabled'})"
            for desk in directory.desks(unit.code)
        ],
    }
