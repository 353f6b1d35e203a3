"""Routes many points at once: a CSV of lat,lon in, a CSV of their jurisdictions out."""

import csv
from collections.abc import Iterable, Iterator
from typing import TextIO

from routing.directory import Directory
from routing.geo import Point
from routing.jurisdiction import Jurisdiction, Verdict
from routing.sources.check import number

COLUMNS = (
    "lat",
    "lon",
    "polres_code",
    "polres_name",
    "polda_code",
    "kabupaten_code",
    "second_kabupaten_code",
    "ambiguous",
    "distance_km",
)


class PointsError(ValueError):
    """The points cannot be read; the message names line and column."""


def read_points(lines: Iterable[str]) -> Iterator[tuple[str, str, Point]]:
    """lat and lon as written and as a point, row by row; further columns are passed over.

    Raises PointsError at the first row that is no point.
    """
    rows = csv.reader(lines)
    try:
        header = [column.strip().lower().lstrip("\ufeff") for column in next(rows, [])]
        for column in ("lat", "lon"):
            if column not in header:
                raise PointsError(f"line 1: there is no column {column}")
        at_lat, at_lon = header.index("lat"), header.index("lon")
        for row in rows:
            if row:
                yield _point(row, at_lat, at_lon, rows.line_num)
    except csv.Error as error:
        raise PointsError(f"line {rows.line_num}: {error}") from error


def _point(row: list[str], at_lat: int, at_lon: int, line: int) -> tuple[str, str, Point]:
    if len(row) <= max(at_lat, at_lon):
        raise PointsError(f"line {line}: too few columns")
    lat_text, lon_text = row[at_lat].strip(), row[at_lon].strip()
    lat, lon = number(lat_text), number(lon_text)
    if lat is None or abs(lat) > 90:
        raise PointsError(f"line {line}, column lat: {lat_text!r} is no latitude")
    if lon is None or abs(lon) > 180:
        raise PointsError(f"line {line}, column lon: {lon_text!r} is no longitude")
    return lat_text, lon_text, Point(lat, lon)


def write_routes(
    points: Iterable[tuple[str, str, Point]],
    jurisdiction: Jurisdiction,
    directory: Directory,
    uncertainty_m: float,
    out: TextIO,
) -> int:
    """Write a row of COLUMNS for each point, lat and lon as they were written; returns how many."""
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    count = 0
    for lat, lon, point in points:
        verdict = jurisdiction.locate(point, uncertainty_m)
        writer.writerow((lat, lon, *_cells(verdict, directory)))
        count += 1
    return count


def _cells(verdict: Verdict, directory: Directory) -> tuple[str, ...]:
    unit = None if verdict.polres is None else directory.units[verdict.polres]
    return (
        "" if unit is None else unit.code,
        "" if unit is None else unit.name,
        "" if unit is None or unit.parent is None else unit.parent,
        verdict.kabupaten,
        verdict.second_kabupaten,
        "true" if verdict.ambiguous else "false",
        f"{verdict.distance_km:.3f}",
    )
