"""Great-circle geometry on the mean sphere."""

from math import asin, cos, radians, sin, sqrt

import numpy as np
from numpy.typing import ArrayLike, NDArray

from routing.geo import Point

EARTH_RADIUS_KM = 6371.0088  # IUGG mean radius
KM_PER_DEGREE = radians(EARTH_RADIUS_KM)


def haversine_km(a: Point, b: Point) -> float:
    """Great-circle distance in kilometres."""
    lat_a, lat_b = radians(a.lat), radians(b.lat)
    half_lat = sin((lat_b - lat_a) / 2)
    half_lon = sin(radians(b.lon - a.lon) / 2)
    h = half_lat * half_lat + cos(lat_a) * cos(lat_b) * half_lon * half_lon
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(h)))


def unit_vectors(lat: ArrayLike, lon: ArrayLike) -> NDArray[np.float64]:
    """Degrees to vectors on the unit sphere: shape (n,) in, (n, 3) out."""
    phi, lam = np.radians(lat), np.radians(lon)
    return np.stack([np.cos(phi) * np.cos(lam), np.cos(phi) * np.sin(lam), np.sin(phi)], axis=-1)


def unit_vector(point: Point) -> tuple[float, float, float]:
    """One point as a vector on the unit sphere."""
    phi, lam = radians(point.lat), radians(point.lon)
    return cos(phi) * cos(lam), cos(phi) * sin(lam), sin(phi)


def arc_km(chord: float) -> float:
    """Great-circle distance in kilometres between two points of the unit sphere a chord apart."""
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, chord / 2))
