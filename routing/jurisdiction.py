"""Whose territory a point lies in: the nearest village decides, by exact great-circle distance.

Villages are points, not areas, so a fix near a border may fall to the neighbour: the verdict says
how sure it is (`ambiguous`) and names the second candidate, which is the nearest village of any
other kabupaten.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from routing.directory import Directory, Level
from routing.geo import Point
from routing.nation import Nation
from routing.sphere import EARTH_RADIUS_KM, arc_km, arcs_km, unit_vector, unit_vectors

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

AMBIGUOUS_RATIO = 1.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """The jurisdiction of one point.

    kabupaten and kecamatan are Kemendagri codes ("1271", "127121"); polres a unit code, None only
    when the directory has no Polres for the place. second_polres is None where the second
    kabupaten belongs to the same Polres. distance_km is to the nearest village.
    """

    point: Point
    kabupaten: str
    kabupaten_name: str
    kecamatan: str
    kecamatan_name: str
    polres: str | None
    second_kabupaten: str
    second_kabupaten_name: str
    second_polres: str | None
    ambiguous: bool
    distance_km: float
    second_distance_km: float


@dataclass(frozen=True, slots=True)
class Verdicts:
    """The same for many points at once: one array each, in the order of the points.

    village and second_village index the nation's villages.
    """

    village: Indices
    second_village: Indices
    ambiguous: NDArray[np.bool_]
    distance_km: Floats
    second_distance_km: Floats


class Jurisdiction:
    """Looks points up in the national table of villages.

    The index is built once from the nation; `under` gives the same index for a changed directory
    without building it again.
    """

    def __init__(self, nation: Nation, directory: Directory) -> None:
        self._nation = nation
        villages = nation.villages
        self._vectors = unit_vectors(villages.lat, villages.lon)
        self._tree = cKDTree(self._vectors)
        self._rims = [
            (rim, np.ascontiguousarray(self._vectors[rim])) for rim in nation.villages.rims
        ]
        self._polres = _territories(directory)
        self._enclaves = _enclaves(directory)

    def under(self, directory: Directory) -> "Jurisdiction":
        """This index with the territories of another directory."""
        other = object.__new__(Jurisdiction)
        other.__dict__.update(self.__dict__)
        other._polres = _territories(directory)
        other._enclaves = _enclaves(directory)
        return other

    def polres_of(self, kecamatan: str) -> str | None:
        """The Polres of a kecamatan: the one that claims it, else that of its kabupaten."""
        return self._polres.get(kecamatan) or self._polres.get(kecamatan[:4])

    def _enclave_at(self, vector: Floats) -> str | None:
        for code, centre, chord_squared in self._enclaves:
            off = vector - centre
            if off @ off <= chord_squared:
                return code
        return None

    def locate(self, point: Point, uncertainty_m: float = 0.0) -> Verdict:
        """The jurisdiction of a point whose true place is within uncertainty_m metres of it."""
        villages = self._nation.villages
        vector = unit_vector(point)
        chord, nearest = self._tree.query(vector)
        rim, rim_vectors = self._rims[villages.kabupaten[nearest]]
        second = rim[(rim_vectors @ vector).argmax()]
        distance_km = arc_km(float(chord))
        second_km = arc_km(float(np.linalg.norm(self._vectors[second] - vector)))

        kecamatan = self._nation.kecamatan[villages.kecamatan[nearest]]
        kabupaten = self._nation.kabupaten[villages.kabupaten[nearest]]
        second_kabupaten = self._nation.kabupaten[villages.kabupaten[second]]
        polres = self._enclave_at(vector) or self.polres_of(kecamatan.code)
        second_polres = self.polres_of(self._nation.kecamatan[villages.kecamatan[second]].code)
        return Verdict(
            point=point,
            kabupaten=kabupaten.code,
            kabupaten_name=kabupaten.name,
            kecamatan=kecamatan.code,
            kecamatan_name=kecamatan.name,
            polres=polres,
            second_kabupaten=second_kabupaten.code,
            second_kabupaten_name=second_kabupaten.name,
            second_polres=None if second_polres == polres else second_polres,
            ambiguous=bool(is_ambiguous(distance_km, second_km, uncertainty_m)),
            distance_km=distance_km,
            second_distance_km=second_km,
        )

    def locate_many(self, lat: Floats, lon: Floats, uncertainty_m: float = 0.0) -> Verdicts:
        """The same for arrays of degrees, shape (n,)."""
        vectors = unit_vectors(lat, lon)
        chords, nearest = map(np.asarray, self._tree.query(vectors))
        owners = self._nation.villages.kabupaten[nearest]
        second = np.empty_like(nearest)
        for owner in np.unique(owners):
            inside = np.flatnonzero(owners == owner)
            rim, rim_vectors = self._rims[owner]
            second[inside] = rim[(vectors[inside] @ rim_vectors.T).argmax(axis=1)]
        distance_km = arcs_km(chords)
        second_km = arcs_km(np.linalg.norm(self._vectors[second] - vectors, axis=1))
        return Verdicts(
            village=nearest,
            second_village=second,
            ambiguous=np.asarray(is_ambiguous(distance_km, second_km, uncertainty_m)),
            distance_km=distance_km,
            second_distance_km=second_km,
        )


def is_ambiguous(distance_km: Any, second_km: Any, uncertainty_m: float) -> Any:
    """Whether the second candidate is too close to the first to be sure; floats or arrays.

    Either it is less than AMBIGUOUS_RATIO times as far, or the border, which lies about half-way
    between the two villages, is within the uncertainty of the fix.
    """
    to_border_km = (second_km - distance_km) / 2
    return (second_km < AMBIGUOUS_RATIO * distance_km) | (to_border_km * 1000 < uncertainty_m)


def _territories(directory: Directory) -> dict[str, str]:
    """Polres by kabupaten code (four digits) and by kecamatan code (six)."""
    polres = directory.at(Level.POLRES)
    return {code: unit.code for unit in polres for code in (*unit.kabupaten, *unit.kecamatan)}


def _enclaves(directory: Directory) -> tuple[tuple[str, Floats, float], ...]:
    """Code, centre and squared chord of each Polres that serves a circle."""
    return tuple(
        (unit.code, unit_vector(unit.point), (unit.radius_m / 1000 / EARTH_RADIUS_KM) ** 2)
        for unit in directory.at(Level.POLRES)
        if unit.radius_m is not None and unit.point is not None
    )
