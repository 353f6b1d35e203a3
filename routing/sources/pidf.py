"""PIDF-LO (RFC 4119, RFC 5491), as Asterisk's res_geolocation hands it over.

Asterisk has read the XML; what is left are four channel variables of GEOLOC_PROFILE: format ("GML",
"civicAddress", "URI"), effective_location (`shape="Circle",crs="2d",pos="-6.914744 107.609810",
radius="35"`), method and allow_routing_use. Shapes are those of RFC 5491 section 5.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from math import cos, hypot, radians, sin

from routing.geo import Fix, FixFault, Point, RejectedFix, Source
from routing.sources.check import checked, number, rejected
from routing.sphere import KM_PER_DEGREE

Civic = Mapping[str, str]
# Place and uncertainty of a civic address, or None where its names are not known.
CivicLookup = Callable[[Civic], tuple[Point, float] | None]

_PAIR = re.compile(r'\s*([A-Za-z][\w-]{0,30})\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)', re.ASCII)
_MOST_VERTICES = 100


def parse(
    format_: str,
    effective_location: str,
    method: str = "",
    allow_routing_use: str = "",
    civic: CivicLookup | None = None,
) -> Fix | RejectedFix | None:
    """The fix that the INVITE carried; None where it carried no location. Never raises.

    Uncertainty is the radius in metres of a circle about the centre that holds the whole shape.
    method and allow_routing_use do not change the fix: the 110 service is the recipient of the
    location, not an intermediary (docs/decisions/0012). A civic address needs the lookup.
    """
    raw = effective_location.strip()
    if not raw or format_.strip().lower() in {"", "<none>", "none"}:
        return None
    fault = rejected(Source.PIDF_LO, FixFault.MALFORMED, f"{format_}: {raw}")
    pairs = _pairs(raw)
    if pairs is None:
        return fault
    if format_.strip().lower() == "civicaddress":
        found = civic(dict(pairs)) if civic is not None else None
    elif format_.strip().lower() == "gml":
        found = _shape(pairs)
    else:
        found = None  # a URI: dereferencing it is not done on a call's path
    if found is None:
        return fault
    point, uncertainty_m = found
    return checked(Fix(point, uncertainty_m, Source.PIDF_LO), raw)


def _pairs(text: str) -> list[tuple[str, str]] | None:
    pairs, end = [], 0
    while end < len(text):
        match = _PAIR.match(text, end)
        if match is None:
            return None
        pairs.append((match[1], match[2]))
        end = match.end()
    return pairs


def _shape(pairs: Sequence[tuple[str, str]]) -> tuple[Point, float] | None:
    fields = {key.lower(): value for key, value in pairs}
    positions = _positions(pairs, stride=3 if fields.get("crs") == "3d" else 2)
    if not positions:
        return None

    def length(key: str) -> float | None:
        value = number(fields.get(key, ""))
        return value if value is not None and 0 <= value < 1e8 else None

    first = positions[0]
    found: tuple[Point, float] | None = None
    match fields.get("shape", "").lower():
        case "point":
            found = first, 0.0
        case "circle" | "sphere":
            if (radius := length("radius")) is not None:
                found = first, radius
        case "ellipse" | "ellipsoid":
            major, minor = length("semimajoraxis"), length("semiminoraxis")
            if major is not None and minor is not None:
                found = first, max(major, minor)
        case "polygon" | "prism":
            if len(set(positions)) >= 3:
                found = _around(positions)
        case "arcband":
            inner, outer = length("innerradius"), length("outerradius")
            start = number(fields.get("startangle", ""))
            opening = number(fields.get("openingangle", ""))
            if inner is not None and outer and start is not None and opening is not None:
                found = _arc_band(first, inner, outer, start, opening)
    return found


def _positions(pairs: Sequence[tuple[str, str]], stride: int) -> list[Point]:
    """All positions in the order given; empty where one of them is no position."""
    positions: list[Point] = []
    for key, value in pairs:
        numbers = [number(word) for word in value.split()[: 3 * _MOST_VERTICES]]
        match key.lower():
            case "pos" if len(numbers) in (2, 3):
                chunks = [numbers]
            case "poslist" if numbers and len(numbers) % stride == 0:
                chunks = [numbers[i : i + stride] for i in range(0, len(numbers), stride)]
            case "pos" | "pos3d" | "poslist":
                return []
            case _:
                continue
        for lat, lon, *_ in chunks:
            if lat is None or lon is None:
                return []
            positions.append(Point(lat, lon))
    return positions[:_MOST_VERTICES]


def _around(positions: Sequence[Point]) -> tuple[Point, float]:
    """The middle of the positions' bounding box, and the farthest of them from it in metres."""
    lats, lons = [p.lat for p in positions], [p.lon for p in positions]
    centre = Point((min(lats) + max(lats)) / 2, (min(lons) + max(lons)) / 2)
    return centre, max(_metres(centre, position) for position in positions)


def _arc_band(
    centre: Point, inner: float, outer: float, start: float, opening: float
) -> tuple[Point, float] | None:
    """The band's middle and its reach; angles in degrees clockwise from north (RFC 5491, 5.2.5)."""
    if inner > outer or not 0 <= opening <= 360:
        return None
    if opening >= 180:  # more than half a ring: the mast's own place is the better middle
        return centre, outer
    bearings = [start + opening * part / 8 for part in range(9)]
    rim = [_moved(centre, radius, bearing) for radius in (inner, outer) for bearing in bearings]
    return _around(rim)


def _moved(origin: Point, metres: float, bearing: float) -> Point:
    north = metres * cos(radians(bearing)) / 1000 / KM_PER_DEGREE
    east = metres * sin(radians(bearing)) / 1000 / KM_PER_DEGREE
    return Point(origin.lat + north, origin.lon + east / max(0.1, cos(radians(origin.lat))))


def _metres(a: Point, b: Point) -> float:
    # Flat earth: shapes are small against it, and this bounds an uncertainty, not a border.
    east = (b.lon - a.lon) * cos(radians((a.lat + b.lat) / 2))
    return 1000 * KM_PER_DEGREE * hypot(b.lat - a.lat, east)
