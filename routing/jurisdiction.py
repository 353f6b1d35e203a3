"""Whose territory a point lies in: an official boundary decides where there is one, else the
nearest village, by exact great-circle distance.

Villages are points, not areas, so a fix near a border may fall to the neighbour: the verdict says
how sure it is (`ambiguous`) and names the second candidate, which is the nearest village of any
other kabupaten.
"""

from dataclasses import dataclass

from routing.boundaries import Boundaries
from routing.directory import Directory, Level
from routing.geo import Point
from routing.nation import Nation
from routing.nearest import NearestVillage
from routing.sphere import haversine_km

AMBIGUOUS_RATIO = 1.5
ENCLAVE_DEGREES = 0.1  # no enclave reaches farther than this from its centre, about 11 km


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


class Jurisdiction:
    """Looks points up in the national table of villages.

    The index is built once from the nation; `under` gives the same index for a changed directory
    without building it again.
    """

    def __init__(
        self, nation: Nation, directory: Directory, boundaries: Boundaries | None = None
    ) -> None:
        self._nation = nation
        self._boundaries = boundaries
        self._index = {area.code: index for index, area in enumerate(nation.kabupaten)}
        self._nearest = NearestVillage(nation.villages)
        self._kabupaten_at = memoryview(nation.villages.kabupaten.data)
        self._kecamatan_at = memoryview(nation.villages.kecamatan.data)
        self._polres = _territories(directory)
        self._enclaves = _enclaves(directory)

    def under(self, directory: Directory) -> "Jurisdiction":
        """This index with the territories of another directory."""
        other = object.__new__(Jurisdiction)
        other.__dict__.update(self.__dict__)
        other._polres = _territories(directory)
        other._enclaves = _enclaves(directory)
        return other

    def within(self, boundaries: Boundaries | None) -> "Jurisdiction":
        """This index with other boundaries, or with none."""
        other = object.__new__(Jurisdiction)
        other.__dict__.update(self.__dict__)
        other._boundaries = boundaries
        return other

    def polres_of(self, kecamatan: str) -> str | None:
        """The Polres of a kecamatan: the one that claims it, else that of its kabupaten."""
        return self._polres.get(kecamatan) or self._polres.get(kecamatan[:4])

    def locate(self, point: Point, uncertainty_m: float = 0.0) -> Verdict:
        """The jurisdiction of a point whose true place is within uncertainty_m metres of it."""
        nearest, distance_km = self._nearest.find(point)
        owner = self._kabupaten_at[nearest]
        second, second_km = self._nearest.find_foreign(point, owner)
        ambiguous = is_ambiguous(distance_km, second_km, uncertainty_m)
        covering = None if self._boundaries is None else self._boundaries.kabupaten_at(point)
        if self._boundaries is not None and covering is not None:
            if self._index[covering] != owner:
                second, second_km = nearest, distance_km
                owner = self._index[covering]
                nearest, distance_km = self._nearest.find_within(point, owner)
            ambiguous = len(self._boundaries.kabupaten_within(point, uncertainty_m)) > 1

        kabupaten = self._nation.kabupaten[owner]
        kecamatan = self._nation.kecamatan[self._kecamatan_at[nearest]]
        second_kabupaten = self._nation.kabupaten[self._kabupaten_at[second]]
        polres = self._enclave_at(point) or self.polres_of(kecamatan.code)
        second_polres = self.polres_of(self._nation.kecamatan[self._kecamatan_at[second]].code)
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
            ambiguous=ambiguous,
            distance_km=distance_km,
            second_distance_km=second_km,
        )

    def _enclave_at(self, point: Point) -> str | None:
        for unit, centre, radius_km in self._enclaves:
            if abs(point.lat - centre.lat) < ENCLAVE_DEGREES and (
                haversine_km(point, centre) <= radius_km
            ):
                return unit
        return None


def is_ambiguous(distance_km: float, second_km: float, uncertainty_m: float) -> bool:
    """Whether the second candidate is too close to the first to be sure.

    Either it is less than AMBIGUOUS_RATIO times as far, or half the difference of the two
    distances is within the uncertainty: moving a point by so much can make the second the nearest.
    """
    half_km = (second_km - distance_km) / 2
    return second_km < AMBIGUOUS_RATIO * distance_km or half_km * 1000 < uncertainty_m


def _territories(directory: Directory) -> dict[str, str]:
    """Polres by kabupaten code (four digits) and by kecamatan code (six)."""
    polres = directory.at(Level.POLRES)
    return {code: unit.code for unit in polres for code in (*unit.kabupaten, *unit.kecamatan)}


def _enclaves(directory: Directory) -> tuple[tuple[str, Point, float], ...]:
    """Code, centre and radius in kilometres of each Polres that serves a circle."""
    return tuple(
        (unit.code, unit.point, unit.radius_m / 1000)
        for unit in directory.at(Level.POLRES)
        if unit.radius_m is not None and unit.point is not None
    )
