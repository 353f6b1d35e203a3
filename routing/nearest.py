"""The nearest village of a point, and the nearest one of another kabupaten: exact, in microseconds.

The villages' Delaunay triangulation, made when the tables were, answers both. A village that is
not the nearest to a point has a neighbour that is nearer; so walking from neighbour to nearer
neighbour ends at the nearest of all. And on the way from a point to its nearest foreign village,
the nearest village of all changes just once from the own kabupaten to that foreign one, so the two
are neighbours: only the foreign villages that touch the kabupaten, its rim, need be compared.
"""

from math import floor, sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray

from routing.geo import Point
from routing.nation import Villages
from routing.sphere import arc_km, unit_vector, unit_vectors

# The walk begins at a village of the point's cell, where it has any; else, at sea and in forests,
# at the village nearest to the middle of its large cell.
CELLS_PER_DEGREE = 20
LARGE_PER_DEGREE = 2
SOUTH, NORTH, WEST, EAST = -13, 9, 92, 143  # the large cells cover this; beyond it, the last one


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
        self._rims = [(rim, np.ascontiguousarray(vectors[rim])) for rim in _rims(villages)]
        # Villages are sorted by code, so those of one kabupaten stand together.
        self._own = np.searchsorted(villages.kabupaten, np.arange(len(self._rims) + 1))
        rows = np.floor(villages.lat * CELLS_PER_DEGREE).astype(np.int64)
        columns = np.floor(villages.lon * CELLS_PER_DEGREE).astype(np.int64)
        self._starts: dict[tuple[int, int], int] = {
            cell: index
            for index, cell in enumerate(zip(rows.tolist(), columns.tolist(), strict=True))
        }
        self._large_starts: dict[tuple[int, int], int] = {}
        here = 0
        for row in range(SOUTH * LARGE_PER_DEGREE, NORTH * LARGE_PER_DEGREE):
            for column in range(WEST * LARGE_PER_DEGREE, EAST * LARGE_PER_DEGREE):
                middle = Point((row + 0.5) / LARGE_PER_DEGREE, (column + 0.5) / LARGE_PER_DEGREE)
                here, _ = self._walk(middle, here)
                self._large_starts[row, column] = here

    def find(self, point: Point) -> tuple[int, float]:
        """Index of the nearest village, and its great-circle distance in kilometres."""
        return self._walk(point, self._start(point))

    def _walk(self, point: Point, nearest: int) -> tuple[int, float]:
        px, py, pz = unit_vector(point)
        xs, ys, zs, touching, ends = self._x, self._y, self._z, self._touching, self._ends
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
        return self._among(point, *self._rims[kabupaten])

    def find_within(self, point: Point, kabupaten: int) -> tuple[int, float]:
        """The nearest village of one kabupaten."""
        first, last = self._own[kabupaten], self._own[kabupaten + 1]
        return self._among(point, np.arange(first, last), self._vectors[first:last])

    def _among(
        self, point: Point, indices: NDArray[np.integer[Any]], vectors: NDArray[np.float64]
    ) -> tuple[int, float]:
        vector = np.array(unit_vector(point))
        index = int(indices[(vectors @ vector).argmax()])
        off = self._vectors[index] - vector
        return index, arc_km(sqrt(off @ off))

    def _start(self, point: Point) -> int:
        cell = (floor(point.lat * CELLS_PER_DEGREE), floor(point.lon * CELLS_PER_DEGREE))
        start = self._starts.get(cell)
        if start is None:
            row = floor(min(max(point.lat, SOUTH), NORTH - 0.01) * LARGE_PER_DEGREE)
            column = floor(min(max(point.lon, WEST), EAST - 0.01) * LARGE_PER_DEGREE)
            start = self._large_starts[row, column]
        return start


def _rims(villages: Villages) -> list[NDArray[np.int32]]:
    """For each kabupaten the foreign villages that touch it."""
    counts = np.diff(villages.touching_ends)
    inner = np.repeat(villages.kabupaten, counts)
    abroad = inner != villages.kabupaten[villages.touching]
    pairs = np.unique(np.stack([inner[abroad], villages.touching[abroad]]), axis=1)
    kabupaten = np.arange(villages.kabupaten.max() + 1)
    return np.split(pairs[1], np.searchsorted(pairs[0], kabupaten[1:]))
