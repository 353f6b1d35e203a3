"""Names and area codes: which kabupaten they may mean."""

import csv

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.gazetteer import Gazetteer
from routing.geo import Fix, Source
from routing.jurisdiction import Jurisdiction
from routing.nation import DATA, load_nation
from routing.sources.area_code import AreaCodes
from routing.sources.pidf import parse
from routing.units import national_directory

NATION = load_nation()
GAZETTEER = Gazetteer(NATION)
CODES = AreaCodes(GAZETTEER)
JURISDICTION = Jurisdiction(NATION, national_directory(NATION))


@pytest.mark.parametrize(
    ("name", "codes"),
    [
        ("Kota Medan", ("1271",)),
        ("medan", ("1271",)),
        ("Medan City", ("1271",)),
        ("KAB. BANDUNG", ("3204",)),
        ("Kota Bandung", ("3273",)),
        ("Bandung", ("3204", "3273")),
        ("Bandung Regency", ("3204",)),
        ("Tarutung", ("1202",)),
        ("Lima Puluh Kota", ("1307",)),
        ("Atlantis", ()),
        ("", ()),
    ],
)
def test_a_name_means_its_kabupaten(name: str, codes: tuple[str, ...]) -> None:
    assert GAZETTEER.kabupaten(name) == codes


def test_a_civic_address_leads_to_its_kabupaten() -> None:
    for area in NATION.kabupaten:
        province = next(p.name for p in NATION.provinces if p.code == area.code[:2])
        found = parse(
            "civicAddress",
            f'country="ID",A1="{province}",A2="{area.name}"',
            civic=GAZETTEER.civic,
        )
        assert isinstance(found, Fix), area
        assert JURISDICTION.locate(found.point).kabupaten == area.code
        assert 0 < found.uncertainty_m <= 20_000


def test_a_kecamatan_narrows_a_civic_address() -> None:
    wide = GAZETTEER.civic({"A1": "Sumatera Utara", "A2": "Kabupaten Langkat"})
    narrow = GAZETTEER.civic({"A1": "Sumatera Utara", "A2": "Kabupaten Langkat", "A3": "Stabat"})
    assert wide is not None
    assert narrow is not None
    assert narrow[1] < wide[1]
    assert JURISDICTION.locate(narrow[0]).kecamatan_name == "Stabat"


@pytest.mark.parametrize(
    "civic",
    [
        {},
        {"A1": "Sumatera Utara"},
        {"country": "MY", "A2": "Kota Medan"},
        {"A1": "Jawa Barat", "A2": "Kota Medan"},
        {"A2": "Nowhere"},
    ],
)
def test_an_address_that_leads_nowhere_is_none(civic: dict[str, str]) -> None:
    assert GAZETTEER.civic(civic) is None


@given(st.dictionaries(st.sampled_from(["country", "A1", "A2", "A3", "a2"]), st.text(max_size=30)))
@settings(deadline=None)
def test_no_address_whatever_raises(civic: dict[str, str]) -> None:
    GAZETTEER.civic(civic)


@pytest.mark.parametrize(
    ("number", "candidates"),
    [
        ("+62614567890", ("1271",)),
        ("+62380831234", ("5301", "5371")),
        ("+62627421234", ("1175", "1211", "1215")),
        ("+6281234567890", ()),
        ("+6565551234", ()),
        ("", ()),
        ("110", ()),
    ],
)
def test_a_fixed_number_has_candidates(number: str, candidates: tuple[str, ...]) -> None:
    assert CODES.candidates(number) == candidates


def test_a_city_of_its_own_code_is_a_place_and_a_wide_region_is_too_coarse() -> None:
    city = CODES.fix("+62542123456")
    assert isinstance(city, Fix)
    assert city.source is Source.AREA_CODE
    assert JURISDICTION.locate(city.point).kabupaten == "6471"
    region = CODES.fix("+62215550123")
    assert isinstance(region, Fix)
    assert region.uncertainty_m > 20_000
    assert CODES.fix("+6281234567890") is None


def test_every_prefix_of_the_table_has_candidates_that_exist() -> None:
    known = {area.code for area in NATION.kabupaten}
    with (DATA / "area_codes.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 296
    named = set()
    for row in rows:
        candidates = row["kabupaten"].split()
        assert candidates, row
        assert set(candidates) <= known
        named.update(candidates)
    assert len(named) > 350
