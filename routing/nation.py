"""The national tables: provinces, kabupaten and kota, kecamatan, villages. Read from routing/data.

Codes are Kemendagri's, without dots: province "12", kabupaten "1271", kecamatan "127121", village
1271211001 (a number, since there are 83,762 of them). Everything is sorted by code.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from routing.geo import Point

DATA = Path(__file__).parent / "data"
MICRODEGREES = 1_000_000


@dataclass(frozen=True, slots=True)
class Area:
    """A province, kabupaten/kota or kecamatan, with its capital's place (or its own)."""

    code: str
    name: str
    point: Point
    capital: str = ""


@dataclass(frozen=True, slots=True)
class Villages:
    """The villages that have coordinates, one array each, in the order of their codes.

    A kecamatan some of whose villages have none stands here too, as its village 0000.

    lat, lon: float64 degrees. kabupaten, kecamatan: indices into the nation's tables.
    touching, touching_ends: village i touches touching[touching_ends[i]:touching_ends[i + 1]],
    its neighbours in the Delaunay triangulation on the sphere.
    """

    code: NDArray[np.uint64]
    lat: NDArray[np.float64]
    lon: NDArray[np.float64]
    kabupaten: NDArray[np.int32]
    kecamatan: NDArray[np.int32]
    touching: NDArray[np.int32]
    touching_ends: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Nation:
    """Indonesia as the service knows it."""

    provinces: tuple[Area, ...]
    kabupaten: tuple[Area, ...]
    kecamatan: tuple[Area, ...]
    villages: Villages


def load_nation(data: Path = DATA) -> Nation:
    """Read the tables; no network, well under a second."""
    kabupaten = tuple(_areas(data / "kabupaten.csv"))
    kecamatan = tuple(_areas(data / "kecamatan.csv"))
    return Nation(
        provinces=tuple(_areas(data / "provinces.csv")),
        kabupaten=kabupaten,
        kecamatan=kecamatan,
        villages=_villages(data / "villages.npz", kabupaten, kecamatan),
    )


def _areas(path: Path) -> Iterator[Area]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            point = Point(float(row["lat"]), float(row["lon"]))
            yield Area(row["code"], row["name"], point, row.get("capital", ""))


def _villages(path: Path, kabupaten: tuple[Area, ...], kecamatan: tuple[Area, ...]) -> Villages:
    with np.load(path) as table:
        code: NDArray[np.uint64] = table["code"]
        lat = table["lat"] / MICRODEGREES
        lon = table["lon"] / MICRODEGREES
        touching = table["touching"]
        ends = np.concatenate([[0], np.cumsum(table["touching_counts"], dtype=np.int64)])
    return Villages(
        code=code,
        lat=lat,
        lon=lon,
        kabupaten=_index(kabupaten, code // np.uint64(1_000_000)),
        kecamatan=_index(kecamatan, code // np.uint64(10_000)),
        touching=touching,
        touching_ends=ends,
    )


def _index(areas: tuple[Area, ...], codes: NDArray[np.uint64]) -> NDArray[np.int32]:
    known = np.array([int(area.code) for area in areas], dtype=np.uint64)
    return np.searchsorted(known, codes).astype(np.int32)
