"""Whose territory a point lies in: known places, borders, enclaves, changed directories."""

from dataclasses import replace
from math import cos, radians, sin

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.directory import Directory
from routing.geo import Point
from routing.jurisdiction import Jurisdiction, is_ambiguous
from routing.nation import load_nation
from routing.units import national_directory

NATION = load_nation()
DIRECTORY = national_directory(NATION)
JURISDICTION = Jurisdiction(NATION, DIRECTORY)

PLACES = {
    "Istana Maimun, Medan": (3.5752, 98.6837, "1271", "polres-1271"),
    "Lapangan Merdeka, Binjai": (3.6001, 98.4854, "1275", "polres-1275"),
    "Pematang Raya": (2.9790, 98.9000, "1208", "polres-1208"),
    "Gunungsitoli": (1.2888, 97.6143, "1278", "polres-1204"),
    "Rantau Prapat": (2.1004, 99.8328, "1210", "polres-1210"),
    "Belawan": (3.7755, 98.6832, "1271", "polres-1271b"),
    "Percut, Deli Serdang": (3.6900, 98.7800, "1207", "polres-1271"),
    "Kupang, Jalan El Tari": (-10.1718, 123.6075, "5371", "polres-5371"),
    "Waibakul, Sumba Tengah": (-9.5880, 119.7300, "5317", "polres-5312"),
    "Betun, Malaka": (-9.5690, 124.9060, "5321", "polres-5321"),
    "Labuan Bajo": (-8.4900, 119.8800, "5315", "polres-5315"),
    "Monas, Jakarta": (-6.1754, 106.8272, "3171", "polres-3171"),
    "Margonda, Depok": (-6.3728, 106.8340, "3276", "polres-3276"),
    "Tigaraksa": (-6.2630, 106.4780, "3603", "polres-3603"),
    "Soekarno-Hatta airport": (-6.1256, 106.6558, "3671", "polres-3671b"),
    "Tanjung Priok harbour": (-6.1040, 106.8860, "3172", "polres-3172b"),
    "Ngurah Rai airport": (-8.7467, 115.1667, "5103", "polres-5103b"),
    "Lembang": (-6.8117, 107.6170, "3217", "polres-3277"),
    "Saparua": (-3.5680, 128.6550, "8101", "polres-8171"),
    "Merauke": (-8.4930, 140.4010, "9301", "polres-9301"),
}


@pytest.mark.parametrize("place", PLACES)
def test_a_known_place_is_under_its_polres(place: str) -> None:
    lat, lon, kabupaten, polres = PLACES[place]
    verdict = JURISDICTION.locate(Point(lat, lon), 30)
    assert (verdict.kabupaten, verdict.polres) == (kabupaten, polres)
    assert verdict.distance_km < verdict.second_distance_km


@pytest.mark.parametrize(
    ("polres", "polda"),
    [
        ("polres-3275", "polda-31"),
        ("polres-3674", "polda-31"),
        ("polres-3603", "polda-36"),
        ("polres-9301", "polda-91"),
        ("polres-9501", "polda-91"),
        ("polres-9401", "polda-94"),
        ("polres-3671b", "polda-31"),
    ],
)
def test_poldas_reach_beyond_and_within_provinces(polres: str, polda: str) -> None:
    assert DIRECTORY.unit(polres).parent == polda


def test_near_a_border_the_other_kabupaten_is_the_second_candidate() -> None:
    # Jalan Letda Sujono, where Medan ends and Percut Sei Tuan begins.
    verdict = JURISDICTION.locate(Point(3.5985, 98.7300), 200)
    assert {verdict.kabupaten, verdict.second_kabupaten} == {"1271", "1207"}
    # Percut Sei Tuan is served by the same Polrestabes: nothing to be transferred to.
    assert verdict.second_polres is None


def test_a_far_fix_without_uncertainty_is_not_ambiguous_and_a_coarse_one_is() -> None:
    middle_of_medan = Point(3.5800, 98.6700)
    assert not JURISDICTION.locate(middle_of_medan, 50).ambiguous
    assert JURISDICTION.locate(middle_of_medan, 15_000).ambiguous


@given(
    st.integers(0, len(NATION.villages.code) - 1),
    st.floats(0, 2_000),
    st.floats(0, 360),
)
@settings(max_examples=300, deadline=None)
def test_moving_a_point_within_its_uncertainty_never_changes_an_unambiguous_verdict(
    village: int, metres: float, bearing: float
) -> None:
    here = Point(float(NATION.villages.lat[village]), float(NATION.villages.lon[village]))
    verdict = JURISDICTION.locate(here, metres)
    degrees = metres / 111_300
    there = Point(
        here.lat + degrees * cos(radians(bearing)),
        here.lon + degrees * sin(radians(bearing)) / cos(radians(here.lat)),
    )
    if not verdict.ambiguous:
        assert JURISDICTION.locate(there).kabupaten == verdict.kabupaten


def test_ambiguity_is_a_ratio_or_an_uncertainty() -> None:
    assert is_ambiguous(1.0, 1.4, 0)
    assert not is_ambiguous(1.0, 1.6, 0)
    assert not is_ambiguous(1.0, 3.0, 900)
    assert is_ambiguous(1.0, 3.0, 1_100)


def test_a_kabupaten_that_changes_its_polres_is_found_without_a_new_index() -> None:
    units = dict(DIRECTORY.units)
    units["polres-1271"] = replace(units["polres-1271"], kabupaten=("1271", "1275"))
    units["polres-1275"] = replace(units["polres-1275"], kabupaten=(), kecamatan=())
    changed = Directory.of(
        units.values(), (desk for desks in DIRECTORY.desks_by_unit.values() for desk in desks)
    )
    point = Point(3.6001, 98.4854)
    assert JURISDICTION.under(changed).locate(point).polres == "polres-1271"
    assert JURISDICTION.locate(point).polres == "polres-1275"


def test_an_enclave_ends_at_its_radius() -> None:
    inside, outside = Point(-6.1256, 106.6558), Point(-6.1256, 106.6858)
    assert JURISDICTION.locate(inside).polres == "polres-3671b"
    assert JURISDICTION.locate(outside).polres == "polres-3671"
    assert JURISDICTION.locate(outside).kecamatan_name in {"Benda", "Batuceper", "Cengkareng"}
