"""Landline area codes: which kabupaten a fixed number may stand in.

data/area_codes.csv has the 296 Indonesian prefixes. An area code names towns, so the answer is a
set of candidates; only where they lie close together is it also a place to route on.
"""

import csv
from pathlib import Path
from typing import Final

from routing.gazetteer import Gazetteer
from routing.geo import Fix, RejectedFix, Source
from routing.nation import DATA
from routing.sources.check import checked

_LONGEST_PREFIX: Final = 5  # 62 and at most three digits
_SHORTEST_PREFIX: Final = 4


class AreaCodes:
    """Candidate kabupaten of a fixed number; reads its table once and never changes."""

    def __init__(self, gazetteer: Gazetteer, table: Path = DATA / "area_codes.csv") -> None:
        self._gazetteer = gazetteer
        with table.open(encoding="utf-8", newline="") as file:
            self._candidates = {
                row["prefix"]: tuple(row["kabupaten"].split()) for row in csv.DictReader(file)
            }

    def candidates(self, e164: str) -> tuple[str, ...]:
        """Kabupaten codes of a number like +62614567890; none for mobile and foreign numbers."""
        digits = e164.removeprefix("+")
        for length in range(_LONGEST_PREFIX, _SHORTEST_PREFIX - 1, -1):
            if (found := self._candidates.get(digits[:length])) is not None:
                return found
        return ()

    def fix(self, e164: str) -> Fix | RejectedFix | None:
        """The middle of the candidates and their reach, None where there are none."""
        place = self._gazetteer.place(self.candidates(e164))
        if place is None:
            return None
        point, uncertainty_m = place
        return checked(Fix(point, uncertainty_m, Source.AREA_CODE), f"area code of {e164}")
