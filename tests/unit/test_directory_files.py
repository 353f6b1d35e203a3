"""Directory files: what is exported is read back; what is wrong is named, and nothing is taken."""

import contextlib
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from routing.directory import Desk, Directory, DirectoryError, Level, Unit
from routing.directory_files import (
    DirectoryFileError,
    desks_csv,
    directory_json,
    read_rows,
    units_csv,
)
from routing.directory_rows import with_rows
from routing.geo import Point
from routing.nation import DATA
from routing.snapshot import SnapshotError, load_snapshot, local_directory, save_snapshot
from routing.validation import problems
from tests.unit.test_routing_units import DIRECTORY, NATION

SMALL = Directory.of(
    [
        Unit("mabes", "Mabes Polri", Level.MABES, None, point=Point(-6.2379, 106.799)),
        Unit("polda-12", "Polda Sumatera Utara", Level.POLDA, "mabes", ring_seconds=12.5),
        Unit(
            "polres-1271",
            'Polrestabes "Medan", kota',
            Level.POLRES,
            "polda-12",
            connected=False,
            point=Point(3.58, 98.67),
            kabupaten=("1271",),
            kecamatan=("120726", "120721"),
        ),
    ],
    [
        Desk("mabes-desk1", "mabes", contact="sip:mabes@10.0.0.1:5060"),
        Desk("polres-1271-desk1", "polres-1271", password="correct-horse", enabled=False),
    ],
)


def written(tmp_path: Path, name: str, text: str) -> Path:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    return path


def test_units_and_desks_survive_csv(tmp_path: Path) -> None:
    units = read_rows(written(tmp_path, "u.csv", units_csv(SMALL.units.values()))).units
    every = [desk for group in SMALL.desks_by_unit.values() for desk in group]
    desks = read_rows(written(tmp_path, "d.csv", desks_csv(every, passwords=True))).desks
    assert with_rows(None, units, desks) == SMALL


@pytest.mark.parametrize("directory", [SMALL, DIRECTORY], ids=["small", "national"])
def test_a_directory_survives_json(tmp_path: Path, directory: Directory) -> None:
    rows = read_rows(written(tmp_path, "d.json", directory_json(directory, passwords=True)))
    assert with_rows(None, rows.units, rows.desks) == directory


def test_an_export_without_passwords_leaves_those_that_are_there(tmp_path: Path) -> None:
    text = directory_json(SMALL, passwords=False)
    assert "correct-horse" not in text
    rows = read_rows(written(tmp_path, "d.json", text))
    assert with_rows(SMALL, rows.units, rows.desks) == SMALL
    every = [desk for group in SMALL.desks_by_unit.values() for desk in group]
    assert "password" not in desks_csv(every, passwords=False)


def test_a_row_changes_only_what_its_columns_say(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path, "c.csv", "code,connected\npolres-1271,yes\n"))
    after = with_rows(SMALL, rows.units, rows.desks)
    assert after.unit("polres-1271") == replace(SMALL.unit("polres-1271"), connected=True)
    assert after.desks_by_unit == SMALL.desks_by_unit


def test_an_empty_cell_takes_away_what_may_be_missing(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path, "c.csv", "code,ring_seconds\npolda-12,\n"))
    assert with_rows(SMALL, rows.units, ()).unit("polda-12").ring_seconds is None


def test_the_unconnected_polres_of_ntt_in_2021_can_be_imported() -> None:
    rows = read_rows(DATA / "ntt-2021.csv")
    after = with_rows(DIRECTORY, rows.units, rows.desks)
    missing = {unit.name for unit in after.at(Level.POLRES) if not unit.connected}
    assert missing == {
        "Polres Malaka",
        "Polres Sabu Raijua",
        "Polres Nagekeo",
        "Polres Manggarai Timur",
        "Polres Sumba Barat Daya",
    }
    assert list(problems(after, NATION)) == []


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("u.csv", "code,lat,lon\npolres-1271,3.5,98.6\npolres-1207,x,98.6\n", "line 3, column lat"),
        ("u.csv", "code,name\npolres-1271,\n", "line 2, column name"),
        ("u.csv", "code,connected\npolres-1271,perhaps\n", "line 2, column connected"),
        ("u.csv", 'code,name\npolres-1271,"two\nlines"\npolres-xx,B\n', "line 4, column code"),
        ("u.csv", "code,name\npolres-1271,A\npolres-1271,B\n", "line 3, column code: polres-1271"),
        ("u.csv", "code,name\npolres-1271,A,B\n", "line 2: 3 cells for 2 columns"),
        ("u.csv", 'code,name\npolres-1271,"A"B\n', "line 2"),
        ("u.csv", "code,ring_seconds\npolda-12,nan\n", "line 2, column ring_seconds"),
        ("u.csv", "code,ring_seconds\npolda-12,0\n", "line 2, column ring_seconds"),
        ("u.csv", "code,lat,lon\npolda-12,3.5,\n", "line 2, column row"),
        ("u.csv", "code,lat,lon\npolda-12,98.6,3.5\n", "line 2, column lat"),
        ("u.csv", "code,lat,lon\npolda-12,1.35,103.82\n", "not in Indonesia"),
        ("u.csv", "code,kabupaten\npolres-1271,12.71\n", "line 2, column kabupaten"),
        ("u.csv", "code,colour\npolres-1271,blue\n", "line 1: unknown column 'colour'"),
        ("u.csv", "name\nX\n", "line 1: there is no column code"),
        ("u.csv", "code,lat,contact\n", "units and of desks in one file"),
        ("u.csv", "", "line 1: there is no column code"),
        ("d.csv", "code,contact\ndesk-1,tel:110\n", "line 2, column contact"),
        ("d.csv", "code,contact\ndesk-1,sip:a@b;evil\n", "line 2, column contact"),
        ("d.csv", "code,password\ndesk-1,short\n", "line 2, column password"),
        ("d.csv", "code,password\ndesk-1,semi;colon\n", "line 2, column password"),
        ("x.json", '{"units": [{"code": "polda-12"}\n, ]}', "line 2, column 3"),
        ("x.json", '{"units": [{"code": "polda-12", "lat": "x"}]}', "units.0.lat"),
        ("x.json", '{"units": [{"code": "mabes"}, {"code": "mabes"}]}', "mabes stands there twice"),
        ("x.json", '{"unit": []}', "unit"),
        ("x.json", "[" * 100_000, "x.json"),
        ("x.json", "9" * 5_000, "x.json"),
        ("x.txt", "", "must end in .csv or .json"),
    ],
)
def test_a_bad_row_is_named_by_line_and_column(
    tmp_path: Path, name: str, text: str, says: str
) -> None:
    with pytest.raises(DirectoryFileError) as caught:
        read_rows(written(tmp_path, name, text))
    assert says in str(caught.value)
    assert "semi;colon" not in str(caught.value)


def test_all_bad_rows_are_named_up_to_twenty(tmp_path: Path) -> None:
    text = "code,connected\n" + "".join(f"polres-{n},maybe\n" for n in range(1101, 1131))
    with pytest.raises(DirectoryFileError) as caught:
        read_rows(written(tmp_path, "u.csv", text))
    lines = str(caught.value).splitlines()
    assert len(lines) == 22
    assert lines[-2:] == ["... and 10 more", "Nothing of the file was taken."]


def test_a_new_unit_must_say_what_it_is(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path, "u.csv", "code,name\npolres-1208,Polres Simalungun\n"))
    with pytest.raises(DirectoryError, match="polres-1208 is new: level, parent must be said"):
        with_rows(SMALL, rows.units, ())
    rows = read_rows(written(tmp_path, "d.csv", "code,enabled\nnew-desk,yes\n"))
    with pytest.raises(DirectoryError, match="new-desk is new"):
        with_rows(SMALL, (), rows.desks)


@given(st.text() | st.text(alphabet='code,name"\n polres-1271{}[]:'))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_file_whatever_raises_anything_else(tmp_path: Path, text: str) -> None:
    for name in ("x.csv", "x.json"):
        path = tmp_path / name
        path.write_bytes(text.encode("utf-8", "surrogatepass"))
        with contextlib.suppress(DirectoryFileError):
            read_rows(path)


def test_a_snapshot_is_read_back_and_is_nobody_elses(tmp_path: Path) -> None:
    path = tmp_path / "node" / "directory.json"
    assert load_snapshot(path) is None
    assert local_directory(path, NATION) == DIRECTORY
    save_snapshot(SMALL, path)
    assert load_snapshot(path) == SMALL
    assert local_directory(path, NATION) == SMALL
    assert path.stat().st_mode & 0o077 == 0
    assert [entry.name for entry in path.parent.iterdir()] == ["directory.json"]


def test_a_snapshot_that_could_not_be_read_back_does_not_replace_the_last(tmp_path: Path) -> None:
    path = tmp_path / "directory.json"
    save_snapshot(SMALL, path)
    every = [desk for group in SMALL.desks_by_unit.values() for desk in group]
    bad = Directory.of(SMALL.units.values(), [replace(every[0], contact="tel:110"), *every[1:]])
    with pytest.raises(SnapshotError):
        save_snapshot(bad, path)
    assert load_snapshot(path) == SMALL
    assert [entry.name for entry in tmp_path.iterdir()] == ["directory.json"]


def test_a_torn_snapshot_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, "directory.json", directory_json(SMALL, passwords=True)[:300])
    with pytest.raises(SnapshotError, match=r"directory\.json"):
        load_snapshot(path)


def _problems(**changes: object) -> list[str]:
    units = dict(DIRECTORY.units)
    units["polres-1271"] = replace(units["polres-1271"], **changes)
    every = (desk for group in DIRECTORY.desks_by_unit.values() for desk in group)
    return list(problems(Directory.of(units.values(), every), NATION))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"kabupaten": ()}, "kabupaten 1271 Kota Medan has no Polres"),
        ({"kabupaten": ("1271", "1275")}, "1275 Kota Binjai has more than one"),
        ({"kabupaten": ("1271", "9999")}, "kabupaten 9999, which does not exist"),
        ({"kecamatan": ("120724",)}, "kecamatan 120724 is taken by more than one"),
        ({"kecamatan": ("999999",)}, "kecamatan 999999, which does not exist"),
        ({"point": None}, "has no place"),
        ({"point": Point(98.67, 3.58)}, "is not in Indonesia"),
        ({"point": None, "radius_m": 100.0}, "has a radius and no place"),
    ],
)
def test_what_a_directory_lacks_is_named(changes: dict[str, object], says: str) -> None:
    found = _problems(**changes)
    assert any(says in line for line in found), found


def test_a_polda_under_which_nobody_can_be_rung_is_named() -> None:
    closed = [
        replace(unit, connected=False) if "polda-34" in (unit.code, unit.parent) else unit
        for unit in DIRECTORY.units.values()
    ]
    every = (desk for group in DIRECTORY.desks_by_unit.values() for desk in group)
    found = list(problems(Directory.of(closed, every), NATION))
    assert len(found) == 1
    assert "polda-34" in found[0]


def test_exported_json_is_json_with_one_unit_a_line() -> None:
    text = directory_json(SMALL, passwords=False)
    assert len(json.loads(text)["units"]) == 3
    assert sum('"level": "polres"' in line for line in text.splitlines()) == 1
