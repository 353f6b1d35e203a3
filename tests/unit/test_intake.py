"""The dialplan's words -> the facts of a call."""

from urllib.parse import quote

from hypothesis import given
from hypothesis import strategies as st

from ari_app.intake import Lookups, facts, words
from routing.geo import Fix, FixFault, Point, Source

MEDAN = 'shape="Circle",crs="2d",pos="3.5952 98.6722",radius="35"'


def said(**values: str) -> list[str]:
    return [f"{key}={quote(value, safe='')}" for key, value in values.items()]


def test_a_located_call_has_its_number_trunk_and_fix() -> None:
    given_words = words(
        said(trunk="trunk-telkom", dialled="110", num="081234567890", geofmt="GML", geo=MEDAN)
    )
    found = facts("chan-1", given_words)
    assert found.number.e164 == "+6281234567890"
    assert found.trunk == "trunk-telkom"
    (fix,) = found.fixes
    assert (fix.point.lat, fix.point.lon, fix.uncertainty_m) == (3.5952, 98.6722, 35)
    assert fix.source is Source.PIDF_LO


def test_a_location_that_means_nothing_is_kept_beside_the_call() -> None:
    found = facts("c", words(said(geofmt="GML", geo='shape="Point",crs="2d",pos="0 0"')))
    assert found.fixes == ()
    assert [refusal.fault for refusal in found.rejected] == [FixFault.ZERO]


def test_colons_commas_and_quotes_survive_the_way_through_the_dialplan() -> None:
    found = words(said(**{"from": 'a:b,c="d"\'; DROP TABLE calls;--', "num": "😀" * 10}))
    assert found["from"] == 'a:b,c="d"\'; DROP TABLE calls;--'
    assert found["num"] == "😀" * 10


def test_every_source_is_asked_and_what_each_says_is_kept() -> None:
    medan = Point(3.5952, 98.6722)
    lookups = Lookups(
        civic=lambda _civic: (medan, 5000.0),
        cell=lambda cell: Fix(medan, 1500.0, Source.CELL) if cell.radio == "LTE" else None,
        area=lambda _number: (("1271",), Fix(medan, 12_000.0, Source.AREA_CODE)),
        reported=lambda key: (Fix(medan, 20.0, Source.AML),) if key == 62614567890 else (),
    )
    pani = "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=510101A2B254AF11"
    civic = said(num="0614567890", geofmt="civicAddress", geo='A2="Kota Medan"', pani=pani)
    found = facts("c", words(civic), lookups)
    assert [fix.source for fix in found.fixes] == ["pidf_lo", "aml", "cell", "area_code"]
    assert found.area == ("1271",)


def test_a_cell_that_no_table_has_and_a_location_that_cannot_be_read_are_kept() -> None:
    lookups = Lookups(cell=lambda _cell: None)
    pai = "<sip:+6281@ims;utran-cell-id-3gpp=510101A2B254AF11>"
    found = facts("c", words(said(pai=pai, geohdr="<cid:x>")), lookups)
    assert [(r.source, r.fault) for r in found.rejected] == [
        (Source.PIDF_LO, FixFault.MALFORMED),
        (Source.CELL, FixFault.UNKNOWN_CELL),
    ]


@given(st.lists(st.text(max_size=400), max_size=20))
def test_no_words_whatever_stop_a_call(args: list[str]) -> None:
    facts("c", words(args))


@given(
    st.fixed_dictionaries(
        {},
        optional={
            key: st.text(max_size=400)
            for key in ("trunk", "dialled", "num", "pres", "from", "pai", "geofmt", "geo")
        },
    )
)
def test_no_values_whatever_stop_a_call(values: dict[str, str]) -> None:
    found = facts("c", words(f"{key}={quote(value, safe='')}" for key, value in values.items()))
    assert len(found.number.raw) <= 300
