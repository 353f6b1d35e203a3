"""Where radio cells are: a table in the OpenCelliD layout, as an index in memory.

Columns: radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal
(lon before lat; range in metres; a header line or none).
"""

import csv
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from routing.geo import Fix, Point, RejectedFix, Source
from routing.nation import MICRODEGREES
from routing.sources.check import checked, number
from routing.sources.pani import Cell, Radio

COLUMNS = ("radio", "mcc", "net", "area", "cell", "unit", "lon", "lat", "range")
_RADIOS = {"GSM": Radio.GSM, "UMTS": Radio.UMTS, "LTE": Radio.LTE, "NR": Radio.NR}
_UNREADABLE = (OSError, EOFError, ValueError, KeyError, BadZipFile, zlib.error)
_LARGEST_RANGE_M = 200_000.0


class CellTableError(ValueError):
    """The cell table cannot be read; the message names line and column, or the file."""


@dataclass(frozen=True, slots=True)
class CellPlace:
    """One row: a cell, the middle of where it was heard, and how far from there, in metres."""

    cell: Cell
    point: Point
    range_m: float


def read_cells(lines: Iterable[str]) -> Iterator[CellPlace]:
    """The rows of a table, those of radios that we do not route by left out.

    Raises CellTableError at the first row that cannot be read.
    """
    rows = csv.reader(lines)
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            raise CellTableError(f"line {rows.line_num}: {error}") from error
        if not row or (rows.line_num == 1 and row[0].strip().lower() == "radio"):
            continue
        if len(row) < len(COLUMNS):
            raise CellTableError(f"line {rows.line_num}: {len(row)} columns, at least 9 are needed")
        radio = _RADIOS.get(row[0].strip().upper())
        if radio is None:
            continue
        mcc, mnc, area, cell = (
            _whole(row[column], rows.line_num, COLUMNS[column], most)
            for column, most in ((1, 999), (2, 999), (3, 2**24), (4, 2**36))
        )
        lon, lat, reach = (
            _decimal(row[column], rows.line_num, COLUMNS[column], most)
            for column, most in ((6, 180.0), (7, 90.0), (8, 1e7))
        )
        yield CellPlace(
            Cell(radio, mcc, mnc, area, cell), Point(lat, lon), min(abs(reach), _LARGEST_RANGE_M)
        )


def _whole(text: str, line: int, column: str, most: int) -> int:
    text = text.strip()
    if not (text.isascii() and text.isdecimal() and len(text) < 12 and int(text) < most):
        raise CellTableError(
            f"line {line}, column {column}: {text[:40]!r} is no number of its kind"
        )
    return int(text)


def _decimal(text: str, line: int, column: str, most: float) -> float:
    value = number(text)
    if value is None or abs(value) > most:
        raise CellTableError(
            f"line {line}, column {column}: {text[:40]!r} is no number of its kind"
        )
    return value


class CellTable:
    """An index of cells: about 20 bytes a cell, microseconds a lookup; never changes.

    Keys in ascending order; lat and lon in microdegrees. version is the database's, 0 for a table
    that came from no database.
    """

    def __init__(
        self,
        keys: NDArray[np.uint64],
        lat: NDArray[np.int32],
        lon: NDArray[np.int32],
        range_m: NDArray[np.uint32],
        version: int = 0,
    ) -> None:
        self._keys, self._lat, self._lon, self._range_m = keys, lat, lon, range_m
        self.version = version

    @property
    def columns(
        self,
    ) -> tuple[NDArray[np.uint64], NDArray[np.int32], NDArray[np.int32], NDArray[np.uint32]]:
        """Keys, latitudes, longitudes, ranges."""
        return self._keys, self._lat, self._lon, self._range_m

    @classmethod
    def of(cls, places: Iterable[CellPlace]) -> "CellTable":
        """Index places; of a cell that is listed twice the later row holds."""
        kind = np.dtype([("key", "u8"), ("lat", "i4"), ("lon", "i4"), ("range", "u4")])
        rows = np.fromiter((_record(place) for place in places), dtype=kind)
        order = np.argsort(rows["key"], kind="stable")
        rows = rows[order]
        last = np.append(rows["key"][1:] != rows["key"][:-1], True)[: len(rows)]
        rows = rows[last]
        key, lat, lon, reach = (
            np.ascontiguousarray(rows[name]) for name in ("key", "lat", "lon", "range")
        )
        return cls(key, lat, lon, reach)

    def __len__(self) -> int:
        return len(self._keys)

    def find(self, cell: Cell) -> Fix | RejectedFix | None:
        """The cell as a fix: the middle of its reach, uncertain by its reach; None if unknown."""
        key = np.uint64(_key(cell))
        at = int(np.searchsorted(self._keys, key))
        if at == len(self._keys) or self._keys[at] != key:
            return None
        point = Point(int(self._lat[at]) / MICRODEGREES, int(self._lon[at]) / MICRODEGREES)
        return checked(Fix(point, float(self._range_m[at]), Source.CELL), str(cell))

    def save(self, path: Path) -> None:
        """Write the index to a .npz file, wholly or not at all."""
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_name(f".{os.getpid()}-{path.name}")
        try:
            with unfinished.open("wb") as file:
                np.savez(
                    file,
                    key=self._keys,
                    lat=self._lat,
                    lon=self._lon,
                    range=self._range_m,
                    version=np.int64(self.version),
                )
            unfinished.replace(path)
        finally:
            unfinished.unlink(missing_ok=True)

    @classmethod
    def load(cls, path: Path) -> "CellTable":
        """Read what `save` wrote; raises CellTableError, or FileNotFoundError."""
        try:
            with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
                version = int(file["version"])
                return cls(file["key"], file["lat"], file["lon"], file["range"], version)
        except FileNotFoundError:
            raise
        except _UNREADABLE as error:
            raise CellTableError(f"{path}: cannot be read: {error}") from error

    def stamped(self, version: int) -> "CellTable":
        """This table as that version of the database's."""
        return CellTable(*self.columns, version)


def table_version(path: Path) -> int | None:
    """The version of the table in a file, None where there is none that can be read."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return int(file["version"])
    except _UNREADABLE:
        return None


def _record(place: CellPlace) -> tuple[int, int, int, int]:
    return (
        _key(place.cell),
        round(place.point.lat * MICRODEGREES),
        round(place.point.lon * MICRODEGREES),
        round(place.range_m),
    )


def _key(cell: Cell) -> int:
    """Radio (2 bits), MCC (10), MNC (10), identity (36): unique, in 64 bits.

    A GSM cell is unique with its area; the others are within their network, so a changed area code
    does not lose them.
    """
    identity = cell.area << 16 | cell.cell if cell.radio is Radio.GSM else cell.cell
    network = list(Radio).index(cell.radio) << 20 | cell.mcc << 10 | cell.mnc
    return network << 36 | identity & (1 << 36) - 1
