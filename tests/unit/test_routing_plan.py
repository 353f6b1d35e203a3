"""The plan: Polres, Polda, Mabes, whatever is missing; never empty, no unit twice."""

from collections.abc import Iterable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.directory import Desk, Directory, Level, Unit
from routing.geo import Point
from routing.jurisdiction import Jurisdiction
from routing.nation import load_nation
from routing.plan import PlanReason, RoutePlan, make_plan
from routing.units import national_directory

NATION = load_nation()
DIRECTORY = national_directory(NATION)
JURISDICTION = Jurisdiction(NATION, DIRECTORY)
UNCONNECTED_2021 = ("polres-5316", "polres-5318", "polres-5319", "polres-5320", "polres-5321")


def units_of(plan: RoutePlan) -> list[str]:
    return [rung.unit for rung in plan.rungs]


def plan_at(
    point: Point, directory: Directory = DIRECTORY, trunk_unit: str | None = None
) -> RoutePlan:
    verdict = JURISDICTION.under(directory).locate(point)
    return make_plan(directory, verdict, trunk_unit, "mabes", 10)


def changed(*units: Unit, desks: Iterable[Desk] = ()) -> Directory:
    by_code = dict(DIRECTORY.units) | {unit.code: unit for unit in units}
    replaced = {desk.code: desk for desk in desks}
    every = (desk for group in DIRECTORY.desks_by_unit.values() for desk in group)
    return Directory.of(by_code.values(), (replaced.get(desk.code, desk) for desk in every))


def unconnected(*codes: str) -> Directory:
    return changed(*(replace(DIRECTORY.unit(code), connected=False) for code in codes))


def test_a_call_from_medan_rings_polres_polda_mabes() -> None:
    plan = plan_at(Point(3.5952, 98.6722), trunk_unit="polda-53")
    assert units_of(plan) == ["polres-1271", "polda-12", "mabes"]
    assert plan.reason is PlanReason.LOCATION
    assert [len(rung.desks) for rung in plan.rungs] == [1, 2, 2]
    assert plan.rungs[0].desks[0].dial == "PJSIP/polres-1271-desk1"
    assert {rung.ring_seconds for rung in plan.rungs} == {10}


def test_a_units_own_ring_time_wins() -> None:
    directory = changed(replace(DIRECTORY.unit("polda-12"), ring_seconds=25))
    plan = plan_at(Point(3.5952, 98.6722), directory)
    assert [rung.ring_seconds for rung in plan.rungs] == [10, 25, 10]


def test_without_a_location_the_trunks_unit_is_rung_first() -> None:
    plan = make_plan(DIRECTORY, None, "polda-53", "mabes", 10)
    assert (units_of(plan), plan.reason) == (["polda-53", "mabes"], PlanReason.TRUNK_DEFAULT)


def test_without_anything_the_national_default_is_rung() -> None:
    plan = make_plan(DIRECTORY, None, None, "polda-31", 10)
    assert (units_of(plan), plan.reason) == (["polda-31", "mabes"], PlanReason.NATIONAL_DEFAULT)


def test_a_mistaken_setting_does_not_lose_the_call() -> None:
    assert units_of(make_plan(DIRECTORY, None, "polres-nowhere", "no-such", 10)) == ["mabes"]


# Where each unconnected Polres' caller is, and the SPKT that is nearest to him under Polda NTT.
NEAREST = {
    "Betun, Malaka": (Point(-9.569, 124.906), "polres-5303"),
    "Seba, Sabu Raijua": (Point(-10.490, 121.846), "polres-5314"),
    "Mbay, Nagekeo": (Point(-8.543, 121.285), "polres-5309"),
    "Borong, Manggarai Timur": (Point(-8.825, 120.625), "polres-5310"),
    "Tambolaka, Sumba Barat Daya": (Point(-9.409, 119.244), "polres-5312"),
}


@pytest.mark.parametrize("place", NEAREST)
def test_an_unconnected_polres_is_replaced_by_the_nearest_connected_spkt(place: str) -> None:
    point, nearest = NEAREST[place]
    directory = unconnected(*UNCONNECTED_2021)
    assert JURISDICTION.locate(point).polres in UNCONNECTED_2021
    assert units_of(plan_at(point, directory)) == [nearest, "polda-53", "mabes"]


def test_the_polda_itself_may_be_the_nearest_spkt() -> None:
    directory = unconnected("polres-5371", "polres-5301")
    assert units_of(plan_at(Point(-10.1718, 123.6075), directory)) == ["polda-53", "mabes"]


def test_without_a_place_the_nearest_is_counted_from_the_unit_itself() -> None:
    plan = make_plan(unconnected(*UNCONNECTED_2021), None, "polres-5318", "mabes", 10)
    assert units_of(plan) == ["polres-5312", "polda-53", "mabes"]


def test_units_that_cannot_ring_are_left_out() -> None:
    no_desk = changed(desks=[Desk("polres-1271-desk1", "polres-1271", enabled=False)])
    assert units_of(plan_at(Point(3.5952, 98.6722), no_desk)) == ["polda-12", "mabes"]
    closed = changed(replace(DIRECTORY.unit("polda-12"), opened=False))
    assert units_of(plan_at(Point(3.5952, 98.6722), closed)) == ["polres-1271", "mabes"]


def test_a_whole_province_without_110_goes_to_mabes() -> None:
    province = [u.code for u in DIRECTORY.at(Level.POLRES) if u.parent == "polda-53"]
    directory = unconnected(*province, "polda-53")
    assert units_of(plan_at(Point(-10.1718, 123.6075), directory)) == ["mabes"]


states = st.fixed_dictionaries({"connected": st.booleans(), "opened": st.booleans()})
FEW = ("polda-53", "polres-5371", "polres-5301", "polres-5321", "polres-5304")


@given(
    st.lists(states, min_size=len(FEW), max_size=len(FEW)),
    st.lists(st.booleans(), min_size=len(FEW), max_size=len(FEW)),
    st.sampled_from([None, "polda-53", "polres-5321", "mabes", "polsek-532101", "no-such"]),
    st.none() | st.builds(Point, st.floats(-11, -8), st.floats(119, 126)),
)
@settings(deadline=None)
def test_a_plan_is_never_empty_ends_at_mabes_and_names_no_unit_twice(
    states: list[dict[str, bool]], enabled: list[bool], trunk: str | None, point: Point | None
) -> None:
    units = [
        replace(DIRECTORY.unit(code), **state) for code, state in zip(FEW, states, strict=True)
    ]
    desks = [
        replace(desk, enabled=on)
        for code, on in zip(FEW, enabled, strict=True)
        for desk in DIRECTORY.desks(code)
    ]
    kept = [u for u in DIRECTORY.units.values() if u.code not in FEW]
    others = [d for u in kept for d in DIRECTORY.desks(u.code)]
    directory = Directory.of([*kept, *units], [*others, *desks])
    verdict = None if point is None else JURISDICTION.under(directory).locate(point)
    plan = make_plan(directory, verdict, trunk, "no-such", 10)
    codes = units_of(plan)
    assert codes[-1] == "mabes"
    assert len(set(codes)) == len(codes)
    assert all(rung.desks for rung in plan.rungs)
    assert all(directory.can_ring(code) for code in codes)
