"""`polri110 directory` and `polri110 route`, as they are typed."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cyclopts import App

from routing.cells_commands import cells_app
from routing.commands import directory_app
from routing.nation import DATA
from routing.route_commands import route_app
from routing.route_csv import COLUMNS

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Types a command on a node of its own; exit status, standard output, standard error."""
    monkeypatch.setenv("POLRI110_DATA_DIR", str(tmp_path / "var"))

    def typed(*words: str) -> tuple[int, str, str]:
        app = App(name="polri110")
        app.command(directory_app)
        app.command(route_app)
        app.command(cells_app)
        try:
            app(list(words))
            status = 0
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 0
        out, err = capsys.readouterr()
        return status, out, err

    return typed


def test_the_national_directory_is_sound(run: Run) -> None:
    status, out, _ = run("directory", "validate")
    assert (status, out.split(",")[0]) == (0, "sound: 1 mabes")
    assert "514 kabupaten and kota served" in out


def test_an_import_is_taken_over_and_shown(run: Run) -> None:
    status, out, _ = run("directory", "import", str(DATA / "ntt-2021.csv"))
    assert (status, out.startswith("changed 5: polres-5316")) == (0, True)
    shown = json.loads(run("directory", "show", "polres-5321", "--json")[1])
    assert (shown["name"], shown["connected"]) == ("Polres Malaka", False)
    listed = run("directory", "show")[1]
    assert "Polda Nusa Tenggara Timur: 21 Polres, 5 not connected" in listed
    routed = json.loads(run("route", "--lat", "-9.569", "--lon", "124.906", "--json")[1])
    assert routed["polres_code"] == "polres-5321"
    assert routed["rungs"] == ["polres-5303", "polda-53", "mabes"]


def test_a_dry_run_changes_nothing(run: Run) -> None:
    assert run("directory", "import", "--dry-run", str(DATA / "ntt-2021.csv"))[0] == 0
    assert json.loads(run("directory", "show", "polres-5321", "--json")[1])["connected"] is True


def test_a_bad_row_is_named_and_nothing_of_the_file_is_taken(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "bad.csv"
    file.write_text("code,connected\npolres-1271,no\npolres-1275,maybe\n")
    status, out, err = run("directory", "import", str(file))
    assert (status, out) == (1, "")
    assert "bad.csv, line 3, column connected" in err
    assert "Nothing of the file was taken." in err
    assert json.loads(run("directory", "show", "polres-1271", "--json")[1])["connected"] is True


def test_an_unsound_import_is_refused(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "two.csv"
    file.write_text("code,kabupaten\npolres-1271,1271 1275\n")
    status, _, err = run("directory", "import", str(file))
    assert status == 1
    assert "kabupaten 1275 Kota Binjai has more than one" in err
    assert run("directory", "validate", str(file))[0] == 1


def test_what_is_exported_imports_without_a_change(run: Run, tmp_path: Path) -> None:
    for name, flags in (("u.csv", []), ("d.csv", ["--desks"]), ("all.json", ["--with-passwords"])):
        file = str(tmp_path / name)
        assert run("directory", "export", file, *flags)[0] == 0
        assert run("directory", "import", file)[1] == "changed 0: \n"


def test_an_unknown_unit_is_one_clear_line(run: Run) -> None:
    status, _, err = run("directory", "show", "polres-9999")
    assert (status, err.count("\n")) == (1, 1)
    assert "polres-9999" in err


def test_points_are_routed_by_csv(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "points.csv"
    file.write_text("id,lat,lon\n1,3.5952,98.6722\n2,-10.1718,123.6075\n\n3,-6.1256,106.6558\n")
    status, out, _ = run("route", "--csv", str(file))
    rows = list(csv.DictReader(io.StringIO(out)))
    assert status == 0
    assert tuple(rows[0]) == COLUMNS
    assert [row["polres_code"] for row in rows] == ["polres-1271", "polres-5371", "polres-3671b"]
    assert [row["polda_code"] for row in rows] == ["polda-12", "polda-53", "polda-31"]
    assert [row["kabupaten_code"] for row in rows] == ["1271", "5371", "3671"]
    assert rows[0]["lat"] == "3.5952"
    assert rows[0]["ambiguous"] == "false"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lat\n1\n", "line 1: there is no column lon"),
        ("lat,lon\n1,100\nx,100\n", "line 3, column lat: 'x'"),
        ("lat,lon\n1,nan\n", "line 2, column lon"),
        ("lat,lon\n98.6,3.5\n", "line 2, column lat"),
        ("lat,lon\n1\n", "line 2: too few columns"),
    ],
)
def test_a_bad_point_is_named(run: Run, tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "points.csv"
    file.write_text(text)
    status, out, err = run("route", "--csv", str(file))
    assert (status, out) == (1, "")
    assert says in err


def test_a_point_abroad_is_said_to_be_abroad(run: Run) -> None:
    assert "outside Indonesia" in run("route", "--lat", "1.3521", "--lon", "103.8198")[1]


def test_route_without_a_place_says_what_to_do(run: Run) -> None:
    status, _, err = run("route")
    assert (status, err) == (2, "say --lat and --lon, --number, --pani, or --csv FILE\n")


def test_a_landline_number_is_routed_by_its_area_code(run: Run) -> None:
    routed = json.loads(run("route", "--number", "(0542) 123456", "--json")[1])
    assert routed["polres_name"] == "Polresta Balikpapan"
    assert routed["ambiguous"] is True


def test_a_number_without_a_place_says_where_its_call_goes(run: Run) -> None:
    status, _, err = run("route", "--number", "0812-3456-7890")
    assert (status, "trunk's default unit" in err) == (1, True)


CELLS = (
    "radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,averageSignal\n"
    "LTE,510,10,6699,39104273,0,98.6722,3.5952,1200,7,1,1459692342,1488347104,0\n"
)
PANI = "3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=510101A2B254AF11"


def test_a_cell_is_routed_once_its_table_was_imported(run: Run, tmp_path: Path) -> None:
    status, _, err = run("route", "--pani", PANI)
    assert (status, "polri110 cells import" in err) == (1, True)
    file = tmp_path / "510.csv"
    file.write_text(CELLS)
    assert run("cells", "import", str(file))[:2] == (0, "1 cells\n")
    assert json.loads(run("route", "--pani", PANI, "--json")[1])["polres_code"] == "polres-1271"
    file.write_text(CELLS + "LTE,510,10,1,1,0,98.6,x,10\n")
    status, _, err = run("cells", "import", str(file))
    assert (status, "510.csv, line 3, column lat" in err) == (1, True)
    assert run("route", "--pani", PANI)[0] == 0


def test_imported_boundaries_decide(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "b.geojson"
    ring = [[98.6, 3.55], [98.65, 3.55], [98.65, 3.6], [98.6, 3.6], [98.6, 3.55]]
    geometry = {"type": "Polygon", "coordinates": [ring]}
    feature = {"type": "Feature", "properties": {"kode": "12.75"}, "geometry": geometry}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    point = ("--lat", "3.58", "--lon", "98.62", "--json")
    assert json.loads(run("route", *point)[1])["kabupaten_code"] != "1275"
    status, out, _ = run("directory", "import-boundaries", str(file))
    assert (status, out) == (0, "1 boundaries; 513 kabupaten go on by their villages\n")
    assert json.loads(run("route", *point)[1])["kabupaten_code"] == "1275"
    file.write_text('{"type": "FeatureCollection", "features": [7]}')
    status, _, err = run("directory", "import-boundaries", str(file))
    assert (status, "b.geojson, feature 1" in err) == (1, True)
    assert json.loads(run("route", *point)[1])["kabupaten_code"] == "1275"
