"""The nearest village, held against a search of every village by the haversine formula."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.geo import Point
from routing.nation import Nation, load_nation
from routing.nearest import NearestVillage
from routing.sphere import EARTH_RADIUS_KM, haversine_km

NATION = load_nation()
NEAREST = NearestVillage(NATION.villages)

anywhere = st.builds(Point, lat=st.floats(-12.0, 8.0), lon=st.floats(93.0, 142.0))
near_a_village = st.builds(
    lambda index, north, east: Point(
        float(NATION.villages.lat[index]) + north, float(NATION.villages.lon[index]) + east
    ),
    st.integers(0, len(NATION.villages.code) - 1),
    st.floats(-0.1, 0.1),
    st.floats(-0.1, 0.1),
)


def _distances_km(nation: Nation, point: Point) -> np.ndarray:
    lat, lon = np.radians(nation.villages.lat), np.radians(nation.villages.lon)
    at_lat, at_lon = np.radians(point.lat), np.radians(point.lon)
    h = (
        np.sin((lat - at_lat) / 2) ** 2
        + np.cos(at_lat) * np.cos(lat) * np.sin((lon - at_lon) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_KM * np.arcsin(np.sqrt(h))


@given(st.one_of(anywhere, near_a_village))
@settings(max_examples=400, deadline=None)
def test_nearest_village_and_nearest_foreign_one_are_those_of_a_search_of_all(point: Point) -> None:
    every = _distances_km(NATION, point)
    nearest, distance_km = NEAREST.find(point)
    assert distance_km == pytest.approx(every.min(), abs=1e-6)

    kabupaten = NATION.villages.kabupaten
    foreign = every[kabupaten != kabupaten[nearest]]
    second, second_km = NEAREST.find_foreign(point, int(kabupaten[nearest]))
    assert kabupaten[second] != kabupaten[nearest]
    assert second_km == pytest.approx(foreign.min(), abs=1e-6)


@pytest.mark.parametrize("point", [Point(90, 0), Point(-90, 0), Point(0, 0), Point(51.5, -0.1)])
def test_the_walk_ends_at_the_nearest_village_from_the_other_side_of_the_earth(
    point: Point,
) -> None:
    _, distance_km = NEAREST.find(point)
    assert distance_km == pytest.approx(_distances_km(NATION, point).min(), abs=1e-6)


def test_every_village_finds_itself() -> None:
    villages = NATION.villages
    for index in range(0, len(villages.code), 97):
        point = Point(float(villages.lat[index]), float(villages.lon[index]))
        found, distance_km = NEAREST.find(point)
        assert found == index
        assert distance_km == pytest.approx(0, abs=1e-6)


def test_haversine_is_known_distances() -> None:
    medan, jakarta = Point(3.5952, 98.6722), Point(-6.2088, 106.8456)
    assert haversine_km(medan, jakarta) == pytest.approx(1417, abs=5)
    assert haversine_km(Point(0, 0), Point(0, 1)) == pytest.approx(111.195, abs=0.001)
    assert haversine_km(Point(0, 0), Point(0, 180)) == pytest.approx(20015.1, abs=0.1)
