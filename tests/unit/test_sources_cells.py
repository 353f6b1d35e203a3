"""The cell table: OpenCelliD's layout in, fixes out."""

import contextlib
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.geo import Fix, FixFault, Point, RejectedFix, Source
from routing.sources.cells import CellPlace, CellTable, CellTableError, read_cells
from routing.sources.pani import Cell, Radio

# Synthetic rows in the published layout.
SAMPLE = """radio,mcc,net,area,cell,unit,lon,lat,range,samples,changeable,created,updated,signal
LTE,510,10,6699,39104273,0,98.6722,3.5952,1200,7,1,1459692342,1488347104,0
GSM,510,1,171,4813,0,123.6075,-10.1718,5000,3,1,1459692342,1488347104,0
GSM,510,1,172,4813,0,106.8272,-6.1754,900,3,1,1459692342,1488347104,0
UMTS,510,11,4660,11259375,0,115.2167,-8.6500,1000,1,1,1459692342,1488347104,0
NR,510,10,6699,4886718345,0,98.6800,3.5900,300,1,1,1459692342,1488347104,0
CDMA,510,28,1,2,0,106.8,-6.2,1000,1,1,1459692342,1488347104,0
LTE,525,1,1,1,0,103.8198,1.3521,1000,1,1,1459692342,1488347104,0
"""
TABLE = CellTable.of(read_cells(SAMPLE.splitlines()))
LTE = Cell(Radio.LTE, 510, 10, 6699, 39104273)


def test_a_cell_is_a_place_as_uncertain_as_it_reaches() -> None:
    assert TABLE.find(LTE) == Fix(Point(3.5952, 98.6722), 1200.0, Source.CELL)
    assert TABLE.find(Cell(Radio.NR, 510, 10, 0, 4886718345)) == Fix(
        Point(3.59, 98.68), 300.0, Source.CELL
    )
    assert len(TABLE) == 6


def test_gsm_cells_of_two_areas_are_two_cells() -> None:
    here, there = (TABLE.find(Cell(Radio.GSM, 510, 1, area, 4813)) for area in (171, 172))
    assert isinstance(here, Fix)
    assert isinstance(there, Fix)
    assert (here.point.lat, there.point.lat) == (-10.1718, -6.1754)


def test_an_lte_cell_is_found_though_its_tracking_area_was_changed() -> None:
    assert TABLE.find(replace(LTE, area=1)) == TABLE.find(LTE)


def test_an_unknown_cell_is_unknown() -> None:
    assert TABLE.find(replace(LTE, cell=1)) is None
    assert TABLE.find(replace(LTE, mnc=11)) is None
    assert TABLE.find(replace(LTE, radio=Radio.NR)) is None
    assert CellTable.of([]).find(LTE) is None


def test_a_cell_abroad_is_kept_and_not_routed_on() -> None:
    found = TABLE.find(Cell(Radio.LTE, 525, 1, 1, 1))
    assert isinstance(found, RejectedFix)
    assert found.fault is FixFault.OUTSIDE_INDONESIA


def test_the_later_of_two_rows_holds() -> None:
    early, late = CellPlace(LTE, Point(3.5, 98.6), 10), CellPlace(LTE, Point(3.6, 98.7), 20)
    table = CellTable.of([early, late])
    assert len(table) == 1
    assert table.find(LTE) == Fix(Point(3.6, 98.7), 20.0, Source.CELL)


def test_a_table_survives_the_disk(tmp_path: Path) -> None:
    TABLE.save(tmp_path / "cells.npz")
    again = CellTable.load(tmp_path / "cells.npz")
    assert again.find(LTE) == TABLE.find(LTE)
    assert len(again) == len(TABLE)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("LTE,510,10,1,1,0,98.6", "line 2: 7 columns"),
        ("LTE,510,10,1,x,0,98.6,3.5,10", "line 2, column cell: 'x'"),
        ("LTE,510,10,1,-1,0,98.6,3.5,10", "line 2, column cell"),
        ("LTE,5100,10,1,1,0,98.6,3.5,10", "line 2, column mcc"),
        ("LTE,510,10,1,1,0,nan,3.5,10", "line 2, column lon"),
        ("LTE,510,10,1,1,0,3.5,98.6,10", "line 2, column lat"),
        ("LTE,510,10,1,99999999999,0,98.6,3.5,10", "line 2, column cell"),
    ],
)
def test_a_bad_row_is_named(row: str, says: str) -> None:
    with pytest.raises(CellTableError) as caught:
        list(read_cells([SAMPLE.splitlines()[1], row]))
    assert says in str(caught.value)


@given(st.lists(st.text(alphabet='LTEGSM,0123456789.-"\n ') | st.text(), max_size=5))
@settings(deadline=None)
def test_no_rows_whatever_raise_anything_else(rows: list[str]) -> None:
    with contextlib.suppress(CellTableError):
        CellTable.of(read_cells(rows))


cells = st.builds(
    Cell,
    radio=st.sampled_from(Radio),
    mcc=st.just(510),
    mnc=st.integers(0, 999),
    area=st.integers(0, 2**16 - 1),
    cell=st.integers(0, 2**16 - 1),
)


@given(st.dictionaries(cells, st.integers(0, 5000), max_size=30), cells)
@settings(deadline=None)
def test_the_index_answers_as_a_dictionary_would(places: dict[Cell, int], other: Cell) -> None:
    unique = {(c.radio, c.mnc, c.cell, c.area if c.radio is Radio.GSM else 0): c for c in places}
    table = CellTable.of(
        CellPlace(cell, Point(3.5, 98.6), places[cell]) for cell in unique.values()
    )
    assert len(table) == len(unique)
    for cell in unique.values():
        assert table.find(cell) == Fix(Point(3.5, 98.6), float(places[cell]), Source.CELL)
    key = (other.radio, other.mnc, other.cell, other.area if other.radio is Radio.GSM else 0)
    assert (table.find(other) is None) == (key not in unique)
