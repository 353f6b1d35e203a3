"""`polri110 route`: where a call from a place would go."""

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.progress import track

from ari_app.settings import Settings
from blocklist.number import read
from routing.command_line import cells_path, fail, this_directory, this_jurisdiction
from routing.directory import Directory
from routing.gazetteer import Gazetteer
from routing.geo import Fix, Point, RejectedFix
from routing.indonesia import is_in_indonesia
from routing.jurisdiction import Jurisdiction
from routing.location import choose
from routing.nation import load_nation
from routing.plan import make_plan
from routing.route_csv import PointsError, read_points, write_routes
from routing.sources import pani as pani_source
from routing.sources.area_code import AreaCodes
from routing.sources.cells import CellTable

route_app = cyclopts.App(
    name="route",
    help="""Where a call would go.

    For example:

        polri110 route --lat 3.5952 --lon 98.6722 --uncertainty-m 35
        polri110 route --number "(061) 456 7890"
        polri110 route --pani "3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=510101A2B254AF11"
        polri110 route --csv points.csv > routes.csv
    """,
)


@route_app.default
def route(
    *,
    lat: float | None = None,
    lon: float | None = None,
    uncertainty_m: float = 0.0,
    number: str | None = None,
    pani: str | None = None,
    csv: Path | None = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Where a call from a point would go, from a landline number, from a radio cell, or, with
    --csv, from each point of a file.

    Parameters
    ----------
    lat, lon
        Decimal degrees.
    uncertainty_m
        Radius in metres within which the caller is.
    number
        A caller's number; a landline's area code names a place.
    pani
        A P-Access-Network-Info header; its cell is looked up in the imported cell table.
    csv
        A file with the columns lat and lon; the answer is a CSV on standard output.
    as_json
        Print one JSON object.
    """
    nation = load_nation()
    directory = this_directory(nation)
    jurisdiction = this_jurisdiction(nation, directory)
    if csv is not None:
        _route_file(csv, jurisdiction, directory, uncertainty_m)
        return
    if lat is not None and lon is not None:
        if abs(lat) > 90 or abs(lon) > 180:
            fail(f"{lat} {lon} is no place on earth", code=2)
        _route_point(Point(lat, lon), jurisdiction, directory, uncertainty_m, as_json)
        return
    if number is not None:
        found = AreaCodes(Gazetteer(nation)).fix(read(number).e164 or "")
    elif pani is not None:
        found = _cell_fix(pani)
    else:
        fail("say --lat and --lon, --number, --pani, or --csv FILE", code=2)
    believed = choose(
        [found] if isinstance(found, Fix) else [],
        [found] if isinstance(found, RejectedFix) else [],
        datetime.now(UTC),
    )
    if believed.fix is not None:
        point, reach_m = believed.fix.point, believed.fix.uncertainty_m
        _route_point(point, jurisdiction, directory, reach_m, as_json)
    else:
        why = ", ".join(rejected.fault for rejected in believed.rejected) or "names no place"
        fail(f"no location to route on ({why}): the call goes to its trunk's default unit")


def _cell_fix(header: str) -> Fix | RejectedFix | None:
    cell = pani_source.parse(header)
    if cell is None:
        fail("the header names no cell")
    try:
        return CellTable.load(cells_path()).find(cell)
    except FileNotFoundError:
        fail("there is no cell table yet: `polri110 cells import FILE`")
    except (OSError, ValueError) as error:
        fail(f"{cells_path()}: cannot be read: {error}")


def _route_point(
    point: Point,
    jurisdiction: Jurisdiction,
    directory: Directory,
    uncertainty_m: float,
    as_json: bool,
) -> None:
    verdict = jurisdiction.locate(point, uncertainty_m)
    settings = Settings()
    plan = make_plan(directory, verdict, None, settings.default_unit, settings.ring_seconds)
    polres = None if verdict.polres is None else directory.unit(verdict.polres)
    second = None if verdict.second_polres is None else directory.unit(verdict.second_polres)
    inside = is_in_indonesia(point)
    if as_json:
        answer = {
            "lat": point.lat,
            "lon": point.lon,
            "in_indonesia": inside,
            "polres_code": polres and polres.code,
            "polres_name": polres and polres.name,
            "polda_code": polres and polres.parent,
            "kabupaten_code": verdict.kabupaten,
            "kabupaten_name": verdict.kabupaten_name,
            "kecamatan_code": verdict.kecamatan,
            "kecamatan_name": verdict.kecamatan_name,
            "second_kabupaten_code": verdict.second_kabupaten,
            "second_polres_code": verdict.second_polres,
            "ambiguous": verdict.ambiguous,
            "distance_km": round(verdict.distance_km, 3),
            "rungs": [rung.unit for rung in plan.rungs],
        }
        print(json.dumps(answer, ensure_ascii=False))
        return
    if not inside:
        print("outside Indonesia: a call with this location goes to its trunk's default unit")
    print(f"kabupaten  {verdict.kabupaten} {verdict.kabupaten_name}, {verdict.kecamatan_name}")
    print(f"nearest    village {verdict.distance_km:.2f} km away")
    print(f"Polres     {'none' if polres is None else f'{polres.code} {polres.name}'}")
    sure = "ambiguous" if verdict.ambiguous else "not ambiguous"
    other = "the same Polres" if second is None else f"{second.code} {second.name}"
    print(
        f"second     {verdict.second_kabupaten} {verdict.second_kabupaten_name}, {other} ({sure})"
    )
    for number, rung in enumerate(plan.rungs, 1):
        print(f"rung {number}     {rung.unit} {rung.name}, {rung.ring_seconds:g} s")


def _route_file(
    path: Path, jurisdiction: Jurisdiction, directory: Directory, uncertainty_m: float
) -> None:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            points = list(read_points(file))
    except PointsError as error:
        fail(f"{path}, {error}")
    except OSError as error:
        fail(f"{path}: cannot be read: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"{path}: not UTF-8")
    console = Console(stderr=True)
    rows = track(
        points, "routing", console=console, transient=True, disable=not console.is_terminal
    )
    write_routes(rows, jurisdiction, directory, uncertainty_m, sys.stdout)
