"""Generates area_codes.csv from the geocoding data of `phonenumbers` (Apache-2.0), 296 prefixes.

    python -m routing.data.area_codes

The data names towns; the towns' kabupaten are found in the national tables. It is done here and not
at run time because the world's geocoding data takes 100 MB of memory to load.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

from phonenumbers.geodata import GEOCODE_DATA

from routing.gazetteer import Gazetteer
from routing.nation import DATA, load_nation

_ISLANDS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    # By the first digit of the area code, the provinces in which its towns are looked for.
    {
        "2": ("31", "32", "33", "34", "36"),
        "3": ("33", "35", "51", "52", "53"),
        "4": ("71", "72", "73", "74", "75", "76"),
        "5": ("61", "62", "63", "64", "65"),
        "6": ("11", "12", "14"),
        "7": ("13", "14", "15", "16", "17", "18", "19", "21"),
        "9": ("81", "82", "91", "92", "93", "94", "95", "96"),
    }
)
_JABODETABEK: Final = (
    *("3101", "3171", "3172", "3173", "3174", "3175"),
    *("3201", "3216", "3271", "3275", "3276", "3603", "3671", "3674"),
)

# Towns of the geocoding data that are neither a kabupaten, nor a capital, nor a kecamatan's name.
_TOWNS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Air Molek": "1402",
        "Ampah": "6213",
        "Bagan Batu": "1407",
        "Balai Selasa": "1301",
        "Bandanaira": "8101",
        "Cilacap Barat": "3301",
        "Cilacap Timur": "3301",
        "Dabosingkep": "2104",
        "Duri": "1403",
        "Gilimanuk": "5101",
        "Idi": "1103",
        "Kangean": "3529",
        "Kolonedale": "7212",
        "Kuala Kuayan": "6202",
        "Labuhanbajo": "5315",
        "Lamno": "1114",
        "Malino": "7306",
        "Masalembu Islands": "3529",
        "Merak": "3672",
        "Morotai": "8207",
        "Padang Sidempuan": "1277",
        "Pangkalan Brandan": "1205",
        "Pangkep": "7310",
        "Panipahan": "1407",
        "Parapat": "1208",
        "Pematang Raya": "1208",
        "Saumlaku": "8103",
        "Soasiu": "8272",
        "Teluk Kuantan": "1409",
        "Tentena": "7202",
        "Ujung Tanjung": "1407",
        "Wanci": "7407",
    }
)


def main(out: Path = DATA / "area_codes.csv") -> None:
    """Write the table: prefix (with the country's 62), towns, kabupaten codes."""
    gazetteer = Gazetteer(load_nation())
    prefixes = {p: n["id"] for p, n in GEOCODE_DATA.items() if p.startswith("62") and "id" in n}
    with out.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["prefix", "towns", "kabupaten"])
        for prefix, towns in sorted(prefixes.items()):
            writer.writerow([prefix, towns, " ".join(_candidates(gazetteer, prefix, towns))])


def _candidates(gazetteer: Gazetteer, prefix: str, names: str) -> tuple[str, ...]:
    if names == "Jabodetabek":
        return _JABODETABEK
    within = _ISLANDS.get(prefix[2], ())
    found: set[str] = set()
    for name in names.split("/"):
        town = _TOWNS.get(name)
        found.update((town,) if town else gazetteer.kabupaten(name, within))
    return tuple(sorted(found))


if __name__ == "__main__":
    main()
