"""Which location is believed, and what becomes of the others."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from routing.geo import Fix, FixFault, Point, RejectedFix, Source
from routing.indonesia import is_in_indonesia
from routing.location import Belief, LocationPolicy, choose
from routing.nation import load_nation

NOW = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
MEDAN, BINJAI = Point(3.58, 98.67), Point(3.60, 98.48)

fixes = st.builds(
    Fix,
    point=st.just(MEDAN),
    uncertainty_m=st.floats(0, 200_000),
    source=st.sampled_from(Source),
    at=st.none() | st.integers(-600, 7200).map(lambda s: NOW - timedelta(seconds=s)),
)
refusals = st.builds(
    RejectedFix,
    source=st.sampled_from(Source),
    fault=st.sampled_from(FixFault),
    raw=st.text(max_size=5),
    fix=st.none() | fixes,
)


def test_without_any_location_none_is_believed() -> None:
    believed = choose([], [], NOW)
    assert (believed.fix, believed.reason) == (None, Belief.NO_LOCATION)


def test_the_less_uncertain_of_two_contradicting_sources_wins_and_both_are_kept() -> None:
    mast = Fix(BINJAI, 2_000, Source.PIDF_LO)
    phone = Fix(MEDAN, 15, Source.AML)
    believed = choose([mast, phone], [], NOW)
    assert believed.fix == phone
    assert believed.reason is Belief.LEAST_UNCERTAIN
    assert believed.others == (mast,)


def test_equally_certain_sources_are_ranked_by_source() -> None:
    aml, pidf = Fix(BINJAI, 20, Source.AML), Fix(MEDAN, 20, Source.PIDF_LO)
    believed = choose([aml, pidf], [], NOW)
    assert (believed.fix, believed.reason) == (pidf, Belief.BETTER_SOURCE)


def test_a_bare_point_is_not_taken_for_certainty_itself() -> None:
    bare, measured = Fix(BINJAI, 0, Source.PIDF_LO), Fix(MEDAN, 15, Source.AML)
    assert choose([bare, measured], [], NOW).fix == measured


def test_a_fresh_coarser_fix_beats_a_fine_one_of_minutes_ago() -> None:
    old = Fix(BINJAI, 10, Source.AML, NOW - timedelta(minutes=8))
    fresh = Fix(MEDAN, 500, Source.PIDF_LO, NOW)
    assert choose([old, fresh], [], NOW).fix == fresh


def test_a_fix_from_a_fast_clock_is_as_new_as_the_call() -> None:
    fix = Fix(MEDAN, 10, Source.AML, NOW + timedelta(hours=7))
    assert choose([fix], [], NOW).fix == fix


def test_an_old_fix_is_shown_and_not_routed_on() -> None:
    fix = Fix(MEDAN, 10, Source.AML, NOW - timedelta(seconds=601))
    believed = choose([fix], [], NOW)
    assert (believed.fix, believed.reason) == (None, Belief.NONE_USABLE)
    assert believed.rejected[0].fault is FixFault.TOO_OLD
    assert believed.rejected[0].fix == fix


def test_a_fix_coarser_than_a_kabupaten_is_shown_and_not_routed_on() -> None:
    believed = choose([Fix(MEDAN, 40_000, Source.CELL)], [], NOW)
    assert believed.fix is None
    assert believed.rejected[0].fault is FixFault.TOO_COARSE


def test_a_swapped_fix_is_used_only_where_the_policy_trusts_it() -> None:
    swapped = RejectedFix(Source.PIDF_LO, FixFault.SWAPPED, "98.67 3.58", Fix(MEDAN, 5, Source.AML))
    assert choose([], [swapped], NOW).fix is None
    trusting = choose([], [swapped], NOW, LocationPolicy(trust_swapped=True))
    assert trusting.fix == swapped.fix
    assert trusting.rejected == ()


@given(st.lists(fixes, max_size=5), st.lists(refusals, max_size=5), st.booleans())
@settings(deadline=None)
def test_nothing_that_was_said_is_lost(
    said: list[Fix], refused: list[RejectedFix], trust: bool
) -> None:
    policy = LocationPolicy(trust_swapped=trust)
    believed = choose(said, refused, NOW, policy)
    kept = (believed.fix is not None) + len(believed.others) + len(believed.rejected)
    assert kept == len(said) + len(refused)
    assert (believed.fix is None) == (believed.reason in {Belief.NO_LOCATION, Belief.NONE_USABLE})
    for fix in (believed.fix, *believed.others):
        if fix is not None and fix.at is not None:
            assert (NOW - fix.at).total_seconds() <= policy.max_age_seconds
        if fix is not None:
            assert fix.uncertainty_m <= policy.max_uncertainty_m


def test_all_villages_are_in_indonesia_and_the_neighbours_towns_are_not() -> None:
    villages = load_nation().villages
    places = map(Point, villages.lat.tolist(), villages.lon.tolist())
    assert [place for place in places if not is_in_indonesia(place)] == []
    abroad = {
        "Singapore": Point(1.3521, 103.8198),
        "Johor Bahru": Point(1.49, 103.74),
        "Kuala Lumpur": Point(3.139, 101.687),
        "Kuching": Point(1.55, 110.34),
        "Tawau": Point(4.25, 117.89),
        "Dili": Point(-8.556, 125.56),
        "Maliana": Point(-8.99, 125.22),
        "Vanimo": Point(-2.68, 141.3),
        "Darwin": Point(-12.46, 130.84),
        "Davao": Point(7.07, 125.6),
        "Greenwich": Point(51.48, 0.0),
        "nowhere": Point(float("nan"), float("nan")),
    }
    assert [name for name, place in abroad.items() if is_in_indonesia(place)] == []


def test_islands_and_waters_are_in_indonesia() -> None:
    for place in [Point(1.13, 104.05), Point(4.0, 108.2), Point(-5.0, 112.0), Point(-9.2, 124.3)]:
        assert is_in_indonesia(place)
