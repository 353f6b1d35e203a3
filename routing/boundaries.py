"""Official boundaries of kabupaten, from a GeoJSON file: where one covers the point, it decides."""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import cos, radians
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry
from shapely.validation import explain_validity

from routing.geo import Point
from routing.sphere import KM_PER_DEGREE

CODE_PROPERTIES = ("code", "kode", "kdpkab", "kemendagri", "KDPKAB", "KODE_KAB")


_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    BadZipFile,
    zlib.error,
    shapely.errors.ShapelyError,
)


class BoundariesError(ValueError):
    """The boundaries cannot be used; the message names each feature and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Boundary:
    """The area of one kabupaten (or a part of it); coordinates are lon, lat in degrees."""

    kabupaten: str
    area: BaseGeometry


class Boundaries:
    """An index of boundaries; never changes."""

    def __init__(self, boundaries: Iterable[Boundary]) -> None:
        every = tuple(boundaries)
        self._codes = [boundary.kabupaten for boundary in every]
        self._areas = np.array([boundary.area for boundary in every], dtype=object)
        shapely.prepare(self._areas)  # a tree's own predicates would not use what is prepared here
        self._tree = shapely.STRtree(self._areas)

    def __len__(self) -> int:
        return len(self._codes)

    def kabupaten_at(self, point: Point) -> str | None:
        """The kabupaten whose boundary covers the point; where several do, the smallest code."""
        near = self._tree.query(shapely.Point(point.lon, point.lat))
        covering = shapely.intersects_xy(self._areas[near], point.lon, point.lat)
        return min((self._codes[index] for index in near[covering].tolist()), default=None)

    def kabupaten_within(self, point: Point, metres: float) -> frozenset[str]:
        """All kabupaten that reach within so many metres of the point (as on a flat map of
        degrees, wider rather than narrower: within 2% in Indonesia's latitudes).
        """
        degrees = metres / 1000 / KM_PER_DEGREE / cos(radians(point.lat))
        place = shapely.Point(point.lon, point.lat)
        west, south, east, north = (
            point.lon - degrees,
            point.lat - degrees,
            point.lon + degrees,
            point.lat + degrees,
        )
        near = self._tree.query(shapely.box(west, south, east, north))
        reached = shapely.dwithin(self._areas[near], place, degrees)
        return frozenset(self._codes[index] for index in near[reached].tolist())


def read_boundaries(
    path: Path, known: Iterable[str], code_property: str | None = None
) -> tuple[Boundary, ...]:
    """The features of a GeoJSON FeatureCollection (RFC 7946) of Polygons and MultiPolygons.

    known are the kabupaten codes that may occur. The code stands in the given property, or in the
    first of CODE_PROPERTIES that a feature has; "12.71" and 1271 are the same. Raises
    BoundariesError naming every bad feature, and then none is taken; OSError.
    """
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        features = document["features"]
        if document["type"] != "FeatureCollection" or not isinstance(features, list):
            raise TypeError
    except (ValueError, RecursionError) as error:
        raise BoundariesError(f"{path.name}: no JSON: {error}") from error
    except (KeyError, TypeError) as error:
        raise BoundariesError(f"{path.name}: no GeoJSON FeatureCollection") from error
    codes = frozenset(known)
    boundaries: list[Boundary] = []
    faults: list[str] = []
    for number, feature in enumerate(features, 1):
        try:
            boundaries.append(_boundary(feature, codes, code_property))
        except BoundariesError as error:
            faults.append(f"{path.name}, feature {number}: {error}")
    if faults:
        raise BoundariesError("\n".join([*faults[:20], "Nothing of the file was taken."]))
    return tuple(boundaries)


def save_boundaries(boundaries: Iterable[Boundary], path: Path) -> None:
    """Write boundaries in the form that a node loads fast; replaces the file at once."""
    every = list(boundaries)
    shapes = [shapely.to_wkb(boundary.area) for boundary in every]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.new")
    with unfinished.open("wb") as file:
        np.savez_compressed(
            file,
            code=np.array([boundary.kabupaten for boundary in every]),
            wkb=np.frombuffer(b"".join(shapes), dtype=np.uint8),
            ends=np.cumsum([len(wkb) for wkb in shapes]),
        )
    unfinished.replace(path)


def load_boundaries(path: Path) -> Boundaries | None:
    """The boundaries of this node, None where none were imported; raises BoundariesError."""
    try:
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            wkb, ends = file["wkb"].tobytes(), file["ends"].tolist()
            codes = file["code"].tolist()
        starts = [0, *ends[:-1]]
        shapes = (wkb[start:end] for start, end in zip(starts, ends, strict=True))
        return Boundaries(
            Boundary(code, shapely.from_wkb(one)) for code, one in zip(codes, shapes, strict=True)
        )
    except FileNotFoundError:
        return None
    except _UNREADABLE as error:
        raise BoundariesError(f"{path}: cannot be read: {error}") from error


def _boundary(feature: Any, known: frozenset[str], code_property: str | None) -> Boundary:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        raise BoundariesError("no feature with properties")
    code = _code(feature["properties"], code_property)
    if code not in known:
        raise BoundariesError(f"{code} is no kabupaten")
    geometry = feature.get("geometry")
    kind = geometry.get("type") if isinstance(geometry, dict) else None
    if kind not in {"Polygon", "MultiPolygon"}:
        raise BoundariesError(f"{code}: {kind or 'nothing'} is no Polygon or MultiPolygon")
    try:
        area = shapely.from_geojson(json.dumps(geometry))
    except shapely.errors.ShapelyError as error:
        raise BoundariesError(f"{code}: coordinates cannot be read: {error}") from error
    if area.is_empty:
        raise BoundariesError(f"{code}: empty")
    if not area.is_valid:
        raise BoundariesError(f"{code}: {explain_validity(area)}")
    west, south, east, north = area.bounds
    if west < 92 or east > 143 or south < -13 or north > 9:
        raise BoundariesError(f"{code}: not in Indonesia; coordinates are lon, lat in degrees")
    return Boundary(code, area)


def _code(properties: Mapping[str, Any], code_property: str | None) -> str:
    names: Iterator[str] = iter((code_property,) if code_property else CODE_PROPERTIES)
    value = next((properties[name] for name in names if properties.get(name) is not None), None)
    if not isinstance(value, str | int):
        raise BoundariesError("no code property")
    return str(value).replace(".", "").strip()
