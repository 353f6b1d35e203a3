"""Official boundaries: they decide where they cover, villages elsewhere; bad features are named."""

import contextlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.boundaries import (
    Boundaries,
    BoundariesError,
    load_boundaries,
    read_boundaries,
    save_boundaries,
)
from routing.geo import Point
from routing.jurisdiction import Jurisdiction
from routing.nation import load_nation
from routing.units import national_directory

NATION = load_nation()
DIRECTORY = national_directory(NATION)
KNOWN = [area.code for area in NATION.kabupaten]
VILLAGES_ONLY = Jurisdiction(NATION, DIRECTORY)


def square(west: float, south: float, size: float) -> list[list[float]]:
    east, north = west + size, south + size
    return [[west, south], [east, south], [east, north], [west, north], [west, south]]


def feature(code: object, *rings: list[list[float]], kind: str = "Polygon") -> dict[str, Any]:
    coordinates: Any = list(rings) if kind == "Polygon" else [[ring] for ring in rings]
    return {
        "type": "Feature",
        "properties": {"code": code},
        "geometry": {"type": kind, "coordinates": coordinates},
    }


def file_of(tmp_path: Path, *features: object) -> Path:
    path = tmp_path / "boundaries.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    return path


# Binjai's boundary drawn over the west of Medan, and an island of it farther east.
BINJAI = feature("12.75", square(98.60, 3.55, 0.05), square(98.70, 3.60, 0.02), kind="MultiPolygon")
MEDAN = feature(1271, square(98.65, 3.55, 0.05))


@pytest.fixture
def jurisdiction(tmp_path: Path) -> Jurisdiction:
    boundaries = Boundaries(read_boundaries(file_of(tmp_path, BINJAI, MEDAN), KNOWN))
    return Jurisdiction(NATION, DIRECTORY, boundaries)


def test_a_boundary_decides_over_the_nearest_village(jurisdiction: Jurisdiction) -> None:
    inside = Point(3.58, 98.62)
    assert VILLAGES_ONLY.locate(inside).kabupaten != "1275"
    verdict = jurisdiction.locate(inside, 100)
    assert (verdict.kabupaten, verdict.polres) == ("1275", "polres-1275")
    assert verdict.kecamatan.startswith("1275")
    assert verdict.second_kabupaten == VILLAGES_ONLY.locate(inside).kabupaten
    assert not verdict.ambiguous
    assert jurisdiction.locate(Point(3.61, 98.71)).kabupaten == "1275"


def test_villages_fill_the_gaps(jurisdiction: Jurisdiction) -> None:
    outside = Point(-10.1718, 123.6075)
    assert jurisdiction.locate(outside, 50) == VILLAGES_ONLY.locate(outside, 50)


def test_near_a_boundary_the_uncertainty_makes_it_ambiguous(jurisdiction: Jurisdiction) -> None:
    near = Point(3.575, 98.649)  # 110 m west of the line between the two
    assert not jurisdiction.locate(near, 50).ambiguous
    assert jurisdiction.locate(near, 200).ambiguous


def test_a_point_on_the_line_belongs_to_one(jurisdiction: Jurisdiction) -> None:
    assert jurisdiction.locate(Point(3.575, 98.65)).kabupaten == "1271"


def test_boundaries_survive_the_disk(tmp_path: Path) -> None:
    path = tmp_path / "node" / "boundaries.npz"
    assert load_boundaries(path) is None
    save_boundaries(read_boundaries(file_of(tmp_path, BINJAI, MEDAN), KNOWN), path)
    loaded = load_boundaries(path)
    assert loaded is not None
    assert len(loaded) == 2
    assert loaded.kabupaten_at(Point(3.58, 98.62)) == "1275"
    assert loaded.kabupaten_at(Point(3.58, 98.50)) is None
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(BoundariesError):
        load_boundaries(path)


BOW_TIE = [[98.0, 3.0], [98.1, 3.1], [98.1, 3.0], [98.0, 3.1], [98.0, 3.0]]


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (feature("1271", BOW_TIE), "Self-intersection"),
        (feature("9999", square(98, 3, 0.1)), "9999 is no kabupaten"),
        (feature("1271", square(3, 98, 0.1)), "lon, lat"),
        (feature("1271", square(0, 0, 0.1)), "not in Indonesia"),
        (feature("1271", [[98.0, 3.0], [98.1, 3.0]]), "coordinates cannot be read"),
        (feature("1271", kind="Polygon"), "empty"),
        (feature(None, square(98, 3, 0.1)), "no code property"),
        ({"type": "Feature", "properties": {"code": "1271"}, "geometry": None}, "nothing is no"),
        (
            {
                "type": "Feature",
                "properties": {"code": "1271"},
                "geometry": {"type": "Point", "coordinates": [98, 3]},
            },
            "Point is no Polygon",
        ),
        ({"type": "Feature"}, "no feature with properties"),
        (7, "no feature with properties"),
    ],
)
def test_a_bad_feature_is_named_and_none_is_taken(tmp_path: Path, bad: object, says: str) -> None:
    with pytest.raises(BoundariesError) as caught:
        read_boundaries(file_of(tmp_path, MEDAN, bad), KNOWN)
    assert "feature 2" in str(caught.value)
    assert says in str(caught.value)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"type": "FeatureCollection"}', "[" * 99_999])
def test_what_is_no_geojson_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "x.geojson"
    path.write_text(text)
    with pytest.raises(BoundariesError, match=r"x\.geojson"):
        read_boundaries(path, KNOWN)


def test_the_code_may_stand_in_a_named_property(tmp_path: Path) -> None:
    named = feature("x", square(98.65, 3.55, 0.05))
    named["properties"] = {"code": "x", "KAB_ID": 1271}
    (boundary,) = read_boundaries(file_of(tmp_path, named), KNOWN, "KAB_ID")
    assert boundary.kabupaten == "1271"


json_values = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=12,
)


@given(
    st.lists(
        st.builds(
            lambda kind, coordinates: {
                "type": "Feature",
                "properties": {"code": "1271"},
                "geometry": {"type": kind, "coordinates": coordinates},
            },
            st.sampled_from(["Polygon", "MultiPolygon"]),
            json_values,
        )
        | json_values,
        max_size=3,
    )
)
@settings(deadline=None)
def test_no_features_whatever_raise_anything_else(
    tmp_path_factory: pytest.TempPathFactory, features: list[object]
) -> None:
    path = tmp_path_factory.getbasetemp() / "fuzzed.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    with contextlib.suppress(BoundariesError):
        Boundaries(read_boundaries(path, KNOWN))
