"""Is a point in Indonesia? A coarse outline, drawn by hand around land and waters.

It follows the land borders on Kalimantan, Timor and Papua and the straits towards Singapore,
Malaysia and Timor-Leste to within some kilometres, always a little outside, so that no village
falls out of it; at sea it is generous, for boats call 110 too.
"""

from routing.geo import Point

# (lat, lon), clockwise from the Andaman Sea.
OUTLINE: tuple[tuple[float, float], ...] = (
    (7.0, 94.0),
    (6.5, 98.0),
    (4.7, 98.9),  # Malacca Strait
    (3.0, 100.6),
    (2.4, 101.4),
    (1.75, 102.4),
    (1.25, 103.2),
    (1.13, 103.56),
    (1.19, 103.75),  # Singapore Strait
    (1.22, 104.05),
    (1.32, 104.5),
    (2.3, 104.9),
    (3.5, 105.0),
    (5.5, 107.0),  # north of Natuna
    (5.5, 109.3),
    (2.6, 109.2),
    (2.09, 109.5),  # Tanjung Datu; Kalimantan's border
    (2.09, 109.68),
    (1.75, 109.72),
    (1.45, 109.98),
    (1.03, 110.3),
    (1.0, 110.6),
    (1.02, 111.0),
    (1.05, 111.3),
    (1.1, 111.6),
    (1.2, 111.95),
    (1.58, 112.2),
    (1.58, 112.5),
    (1.5, 113.0),
    (1.4, 113.6),
    (1.55, 114.2),
    (1.65, 114.6),
    (2.4, 115.0),
    (2.77, 115.05),
    (3.1, 115.4),
    (3.6, 115.48),
    (4.0, 115.53),
    (4.17, 115.63),
    (4.45, 115.85),
    (4.42, 117.0),
    (4.2, 117.5),
    (4.18, 118.2),
    (4.1, 119.5),
    (4.5, 122.0),
    (5.6, 125.5),  # Miangas
    (6.0, 127.5),
    (3.5, 131.0),
    (1.5, 136.0),
    (0.5, 141.02),
    (-2.55, 141.02),  # Papua's border
    (-6.3, 141.02),
    (-6.35, 140.85),
    (-6.9, 140.85),
    (-6.95, 141.03),
    (-9.3, 141.03),
    (-9.8, 139.5),
    (-9.0, 135.0),
    (-9.2, 131.5),
    (-8.6, 128.3),
    (-8.25, 127.2),
    (-8.15, 126.3),  # Wetar Strait
    (-8.2, 125.7),
    (-8.45, 125.25),
    (-8.75, 125.0),
    (-8.95, 124.93),  # Timor's border
    (-8.99, 125.1),
    (-9.0, 125.19),
    (-9.1, 125.21),
    (-9.2, 125.2),
    (-9.45, 125.12),
    (-9.6, 125.1),
    (-10.4, 125.0),
    (-11.5, 123.5),
    (-11.8, 121.5),
    (-11.0, 116.0),
    (-10.5, 110.0),
    (-9.5, 104.0),
    (-5.0, 98.5),
    (2.0, 93.5),
)


def is_in_indonesia(point: Point) -> bool:
    """Whether the point lies within the outline (even-odd rule on the plate carrée)."""
    inside = False
    lat_a, lon_a = OUTLINE[-1]
    for lat_b, lon_b in OUTLINE:
        if (lat_a > point.lat) != (lat_b > point.lat):
            crossing = lon_a + (point.lat - lat_a) * (lon_b - lon_a) / (lat_b - lat_a)
            if point.lon < crossing:
                inside = not inside
        lat_a, lon_a = lat_b, lon_b
    return inside
