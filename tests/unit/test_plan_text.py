"""The route plan as text: what is written is what is read, and it fits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi.plan_text import LIMIT_BYTES, PlanTextError, decode, encode
from routing.plan import PlanReason, RoutePlan, Rung, RungDesk


def plan(*rungs: tuple[str, int, float]) -> RoutePlan:
    """Rungs of (unit, how many desks, seconds)."""
    return RoutePlan(
        tuple(
            Rung(
                unit,
                unit.title(),
                "polres",
                tuple(
                    RungDesk(f"{unit}-desk{n}", f"PJSIP/{unit}-desk{n}")
                    for n in range(1, desks + 1)
                ),
                seconds,
            )
            for unit, desks, seconds in rungs
        ),
        PlanReason.LOCATION,
    )


def test_a_plan_is_what_dial_takes() -> None:
    text = encode(plan(("polres-1271", 2, 10), ("polda-12", 1, 10), ("mabes", 1, 15)))
    assert text == (
        "polres-1271@10@PJSIP/polres-1271-desk1&PJSIP/polres-1271-desk2"
        "|polda-12@10@PJSIP/polda-12-desk1|mabes@15@PJSIP/mabes-desk1"
    )


@given(
    st.lists(
        st.tuples(
            st.from_regex(r"pol(da|res)-[0-9]{2,4}[a-z]?", fullmatch=True),
            st.integers(1, 8),
            st.floats(0.1, 600),
        ),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_written_is_what_is_read(rungs: list[tuple[str, int, float]]) -> None:
    read = decode(encode(plan(*rungs)))
    assert [rung.unit for rung in read] == [unit for unit, _, _ in rungs]
    assert [len(rung.desks) for rung in read] == [desks for _, desks, _ in rungs]
    for rung, (_, _, seconds) in zip(read, rungs, strict=True):
        assert 0 <= rung.ring_seconds - seconds < 1 or rung.ring_seconds == 1


def test_a_rung_without_desks_is_left_out() -> None:
    assert encode(plan(("polres-1271", 0, 10), ("mabes", 1, 10))).startswith("mabes@")
    with pytest.raises(PlanTextError):
        encode(plan(("mabes", 0, 10)))


def test_a_plan_that_is_too_long_keeps_every_unit() -> None:
    text = encode(plan(("polres-1271", 100, 10), ("polda-12", 100, 10), ("mabes", 3, 10)))
    assert len(text) <= LIMIT_BYTES
    read = decode(text)
    assert [rung.unit for rung in read] == ["polres-1271", "polda-12", "mabes"]
    assert len(read[2].desks) == 3
    assert len(read[0].desks) > 20


@pytest.mark.parametrize("name", ["a&b", "a,b", "a|b", "${SHELL(id)}", "a@b", "a\nb", ""])
def test_a_name_that_would_mean_something_to_the_dialplan_is_refused(name: str) -> None:
    rung = Rung("mabes", "Mabes", "mabes", (RungDesk(name, f"PJSIP/{name}"),), 10)
    with pytest.raises(PlanTextError):
        encode(RoutePlan((rung,), PlanReason.LOCATION))


@given(st.text())
def test_reading_nonsense_raises_its_own_error(text: str) -> None:
    try:
        decode(text)
    except PlanTextError:
        return
