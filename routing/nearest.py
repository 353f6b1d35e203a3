"""The nearest village of a point, and the nearest one of another kabupaten: exact, in microseconds.

The villages' Delaunay triangulation, made when the tables were, answers both. A village that is
not the nearest to a point has a neighbour that is nearer; so walking from neighbour to nearer
neighbour ends at the nearest of all. And on the way from a point to its nearest foreign village,
the nearest village of all changes just once from the own kabupaten to that foreign one, so the two
are neighbours: only the foreign villages that touch the kabupaten, its rim, need be compared.
"""

from math import floor, sqrt

import numpy as np
from numpy.typing import NDArray

from routing.geo import Point
from routing.nation import Villages
from routing.sphere import arc_km, unit_vector, unit_vectors

# The walk begins at some village of the point's cell: small cells ashore, large ones at sea.
CELLS_PER_DEGREE = (20, 2)


class NearestVillage:
    """An index over the nation's villages; nothing in it changes after it was built."""

    def __init__(self, villages: Villages) -> None:
        vectors = unit_vectors(villages.lat, villages.lon)
        self._vectors = vectors
        # Views give plain numbers; numpy's own scalars would cost more than the arithmetic.
        self._x, self._y, self._z = (memoryview(np.ascontiguousarray(c).data) for c in vectors.T)
        self._touching = memoryview(villages.touching.data)
        self._ends = memoryview(villages.touching_ends.data)
        self._kabupaten = memoryview(villages.kabupaten.data)
        self._rims = _rims(villages)
        self._rim_vectors = [np.ascontiguousarray(vectors[rim]) for rim in self._rims]
        self._starts = [
            dict(zip(_cells(villages, per_degree), range(len(villages.code)), strict=True))
            for per_degree in CELLS_PER_DEGREE
        ]

    def find(self, point: Point) -> tuple[int, float]:
        """Index of the nearest village, and its great-circle distance in kilometres."""
        px, py, pz = unit_vector(point)
        xs, ys, zs, touching, ends = self._x, self._y, self._z, self._touching, self._ends
        nearest = self._start(point)
        dx, dy, dz = xs[nearest] - px, ys[nearest] - py, zs[nearest] - pz
        shortest = dx * dx + dy * dy + dz * dz
        here = -1
        while here != nearest:
            here = nearest
            for other in touching[ends[here] : ends[here + 1]]:
                dx, dy, dz = xs[other] - px, ys[other] - py, zs[other] - pz
                squared = dx * dx + dy * dy + dz * dz
                if squared < shortest:
                    nearest, shortest = other, squared
        return nearest, arc_km(sqrt(shortest))

    def find_foreign(self, point: Point, kabupaten: int) -> tuple[int, float]:
        """The nearest village outside a kabupaten, for a point whose nearest village is in it."""
        vector = np.array(unit_vector(point))
        second = int(self._rims[kabupaten][(self._rim_vectors[kabupaten] @ vector).argmax()])
        off = self._vectors[second] - vector
        return second, arc_km(sqrt(off @ off))

    def _start(self, point: Point) -> int:
        for starts, per_degree in zip(self._starts, CELLS_PER_DEGREE, strict=True):
            cell = _cell(floor(point.lat * per_degree), floor(point.lon * per_degree))
            if (start := starts.get(cell)) is not None:
                return start
        return 0


def _cell(row: int, column: int) -> int:
    return row * 100_000 + column


def _cells(villages: Villages, per_degree: int) -> list[int]:
    rows = np.floor(villages.lat * per_degree).astype(np.int64)
    columns = np.floor(villages.lon * per_degree).astype(np.int64)
    cells: list[int] = (rows * 100_000 + columns).tolist()
    return cells


def _rims(villages: Villages) -> list[NDArray[np.int32]]:
    """For each kabupaten the foreign villages that touch it."""
    counts = np.diff(villages.touching_ends)
    inner = np.repeat(villages.kabupaten, counts)
    abroad = inner != villages.kabupaten[villages.touching]
    pairs = np.unique(np.stack([inner[abroad], villages.touching[abroad]]), axis=1)
    kabupaten = np.arange(villages.kabupaten.max() + 1)
    return np.split(pairs[1], np.searchsorted(pairs[0], kabupaten[1:]))
