"""Places by name: which kabupaten a civic address or a town's name means, and where that is."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Final

import numpy as np

from routing.geo import Point
from routing.nation import Area, Nation
from routing.sphere import arc_km, unit_vector, unit_vectors

# A named area is certain as a name and wide as a circle. Its fix states no more than this, so that
# it is routed on: it is not coarser than a kabupaten, it is one.
WIDEST_NAMED_M: Final = 20_000.0

# "Kota Medan", "Kab. Bandung", "Medan City"; but "Lima Puluh Kota" is a name.
_KABUPATEN = re.compile(r"^\s*kab(upaten)?\b\.?|\bregency\s*$")
_KOTA = re.compile(r"^\s*kota\b|\bcity\s*$")
_KIND = re.compile(
    r"^\s*(kab(upaten)?|kota|prov(insi)?)\b\.?(\s*adm(inistrasi)?\b\.?)?|\b(city|regency|province)\s*$"
)
_NOT_LETTERS = re.compile(r"[^a-z0-9]+")
_PROVINCES: Final = {
    "dkijakarta": "31",
    "jakarta": "31",
    "diyogyakarta": "34",
    "yogyakarta": "34",
    "kepulauanbangkabelitung": "19",
    "bangkabelitung": "19",
}


class Gazetteer:
    """Names of provinces, kabupaten, their capitals and kecamatan; never changes."""

    def __init__(self, nation: Nation) -> None:
        self._nation = nation
        self._provinces = {_plain(area.name): area.code for area in nation.provinces} | _PROVINCES
        self._kabupaten = _by_name(nation.kabupaten, lambda area: area.name)
        self._capitals = _by_name(nation.kabupaten, lambda area: area.capital)
        self._kecamatan = _by_name(nation.kecamatan, lambda area: area.name)

    def province(self, name: str) -> str | None:
        """Province code of a name."""
        return self._provinces.get(_plain(name))

    def kabupaten(self, name: str, provinces: Iterable[str] | None = None) -> tuple[str, ...]:
        """Codes of the kabupaten that a name may mean, within some provinces or anywhere.

        Its own name first (both, where a kabupaten and a kota share it, unless the name says
        which); else the kabupaten whose capital, else those one of whose kecamatan, is so named.
        """
        plain, within = _plain(name), None if provinces is None else frozenset(provinces)
        for table in (self._kabupaten, self._capitals, self._kecamatan):
            found = {
                area.code[:4]
                for area in table.get(plain, ())
                if within is None or area.code[:2] in within
            }
            if table is self._kabupaten:
                found = _of_kind(found, name.lower())
            if found:
                return tuple(sorted(found))
        return ()

    def civic(self, civic: Mapping[str, str]) -> tuple[Point, float] | None:
        """Place and uncertainty in metres of a civic address (RFC 5139): A1 province, A2 kabupaten
        or kota, A3 kecamatan; None where its names do not lead to one kabupaten.
        """
        address = {key.upper(): value for key, value in civic.items()}
        if address.get("COUNTRY", "ID").strip().upper() != "ID":
            return None
        province = self.province(address.get("A1", ""))
        within = None if province is None else (province,)
        codes: tuple[str, ...] = ()
        for key in ("A2", "A3"):
            if not codes and address.get(key, "").strip():
                codes = self.kabupaten(address[key], within)
        if len(codes) > 1:  # a bare name that a city and its surroundings share: the city
            codes = tuple(code for code in codes if code[2] == "7")
        if len(codes) != 1:
            return None
        wanted = _plain(address.get("A3", ""))
        for area in self._kecamatan.get(wanted, ()):
            if area.code[:4] == codes[0]:
                return self._extent([self._villages_of(kecamatan=area.code)])
        return self.place(codes)

    def place(self, kabupaten: Iterable[str]) -> tuple[Point, float] | None:
        """The middle of some kabupaten and how far they reach from it, in metres; None for none."""
        codes = list(kabupaten)
        if not codes:
            return None
        middle, reach_m = self._extent([self._villages_of(kabupaten=code) for code in codes])
        return middle, reach_m if len(codes) > 1 else min(WIDEST_NAMED_M, reach_m)

    def _villages_of(self, kabupaten: str = "", kecamatan: str = "") -> tuple[int, int]:
        code = int(kabupaten or kecamatan)
        unit = 1_000_000 if kabupaten else 10_000
        codes = self._nation.villages.code
        first, last = np.searchsorted(codes, [code * unit, (code + 1) * unit])
        return int(first), int(last)

    def _extent(self, ranges: list[tuple[int, int]]) -> tuple[Point, float]:
        """The village nearest to the mean of all, and how far nine tenths of them reach."""
        villages = self._nation.villages
        lat = np.concatenate([villages.lat[first:last] for first, last in ranges])
        lon = np.concatenate([villages.lon[first:last] for first, last in ranges])
        middle = int(np.argmin((lat - lat.mean()) ** 2 + (lon - lon.mean()) ** 2))
        centre = Point(float(lat[middle]), float(lon[middle]))
        chords = np.linalg.norm(unit_vectors(lat, lon) - unit_vector(centre), axis=1)
        return centre, max(500.0, 1000 * arc_km(float(np.quantile(chords, 0.9))))


def _of_kind(codes: set[str], name: str) -> set[str]:
    """Those of the kind that the name says, kota (third digit 7) or kabupaten."""
    if _KABUPATEN.search(name):
        return {code for code in codes if code[2] != "7"}
    if _KOTA.search(name):
        return {code for code in codes if code[2] == "7"}
    return codes


def _by_name(areas: Iterable[Area], name_of: Callable[[Area], str]) -> dict[str, list[Area]]:
    table: dict[str, list[Area]] = defaultdict(list)
    for area in areas:
        if plain := _plain(name_of(area)):
            table[plain].append(area)
    return dict(table)


def _plain(name: str) -> str:
    return _NOT_LETTERS.sub("", _KIND.sub(" ", name.lower()))
