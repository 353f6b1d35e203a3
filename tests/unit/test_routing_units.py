"""The units of the nation: one rule and its exceptions."""

from collections import Counter
from pathlib import Path

import pytest

from routing.directory import DirectoryError, Level
from routing.nation import load_nation
from routing.units import UnitException, national_directory, read_exceptions, with_demo_desks

NATION = load_nation()
DIRECTORY = national_directory(NATION)


def test_the_nation_has_36_poldas_508_polres_and_a_polsek_for_each_kecamatan() -> None:
    counts = Counter(unit.level for unit in DIRECTORY.units.values())
    assert counts == {Level.MABES: 1, Level.POLDA: 36, Level.POLRES: 508, Level.POLSEK: 7285}


def test_every_kabupaten_has_one_territorial_polres_of_a_polda() -> None:
    served = [area for unit in DIRECTORY.at(Level.POLRES) for area in unit.kabupaten]
    assert sorted(served) == [area.code for area in NATION.kabupaten]


def test_sumut_and_ntt_are_complete() -> None:
    under = Counter(unit.parent for unit in DIRECTORY.at(Level.POLRES))
    assert under["polda-12"] == 29
    assert under["polda-53"] == 21
    assert all(unit.connected for unit in DIRECTORY.at(Level.POLRES))


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("polres-1271", "Polrestabes Medan"),
        ("polres-1206", "Polres Tanah Karo"),
        ("polres-2171", "Polresta Barelang"),
        ("polres-3204", "Polresta Bandung"),
        ("polres-3273", "Polrestabes Bandung"),
        ("polres-3272", "Polres Sukabumi Kota"),
        ("polres-3202", "Polres Sukabumi"),
        ("polres-1275", "Polres Binjai"),
        ("polres-3279", "Polres Banjar"),
        ("polres-6303", "Polres Banjar"),
        ("polres-5371", "Polresta Kupang Kota"),
        ("polda-31", "Polda Metro Jaya"),
        ("polda-12", "Polda Sumatera Utara"),
        ("polsek-127105", "Polsek Medan Barat"),
    ],
)
def test_a_unit_has_its_own_name(code: str, name: str) -> None:
    assert DIRECTORY.unit(code).name == name


def test_a_polsek_stands_under_the_polres_that_serves_its_kecamatan() -> None:
    assert DIRECTORY.unit("polsek-120726").parent == "polres-1271"  # Percut Sei Tuan
    assert DIRECTORY.unit("polsek-127108").parent == "polres-1271b"  # Medan Belawan
    assert DIRECTORY.unit("polsek-122401").parent == "polres-1204"  # Nias Utara
    assert DIRECTORY.desks("polsek-127105") == ()


def test_desks_are_as_many_as_their_level_has_and_register_themselves() -> None:
    assert [desk.code for desk in DIRECTORY.desks("polda-12")] == [
        "polda-12-desk1",
        "polda-12-desk2",
    ]
    assert len(DIRECTORY.desks("polres-1271b")) == 1
    assert len(DIRECTORY.desks("mabes")) == 2
    assert all(d.contact is None for desks in DIRECTORY.desks_by_unit.values() for d in desks)


def test_demonstration_desks_have_a_fixed_contact() -> None:
    demo = with_demo_desks(DIRECTORY, lambda code: f"sip:{code}@127.0.0.1:5080")
    (desk,) = demo.desks("polres-1271")
    assert desk.contact == "sip:polres-1271-desk1@127.0.0.1:5080"


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([UnitException("polres-9999", "Polres Atlantis")], "polres-9999"),
        ([UnitException("polres-1271", takes=("999999",))], "999999"),
        (
            [
                UnitException("polres-1271", takes=("1275",)),
                UnitException("polres-1205", takes=("1275",)),
            ],
            "both polres-1271 and polres-1205",
        ),
    ],
)
def test_exceptions_that_cannot_be_meant_are_refused(rows: list[UnitException], says: str) -> None:
    with pytest.raises(DirectoryError, match=says):
        national_directory(NATION, rows)


def test_a_bad_row_of_the_table_names_its_line(tmp_path: Path) -> None:
    table = tmp_path / "units.csv"
    table.write_text("code,name,takes,enclave,note\npolres-1271b,X,,somewhere,\n")
    with pytest.raises(DirectoryError, match=r"units.csv, line 2"):
        read_exceptions(table)
