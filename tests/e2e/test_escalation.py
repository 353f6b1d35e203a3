"""Polres, Polda, Mabes: who is rung, for how long, and what the record says of it."""

import itertools

import pytest

from stack.desk import Behaviour, answers, busy, declines, rings, silent
from stack.sip_trace import NotSeenError
from tests.e2e.scene import Scene, lubuk_pakam, medan, seconds, talking

RING_SECONDS = 2.0


async def test_the_polres_answers(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", answers(after_ms=None))
    caller = await scene.call(medan())
    await polres.said("180")
    polres.answer()
    await talking(caller, polres)
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["ended_by"]) == ("connected", "caller")
    assert (record["unit"], record["rung"]) == ("polres-1271", 1)
    assert record.ladder == [("polres-1271", "answered")]
    assert record.desks == [("polres-1271-desk1", "hung_up")]
    assert record["plan"] == ["polres-1271", "polda-12", "mabes"]
    assert (record["trunk"], record["dialled"], record["way"]) == ("trunk-medan", "110", "ari")
    assert (record["verdict"], record["plan_reason"]) == ("pass", "location")


async def test_the_desk_rings_before_the_caller_has_been_greeted(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", answers(after_ms=None))
    caller = await scene.call(medan())
    called = await caller.said("INVITE")
    rung = await polres.saw("INVITE")
    answered = await caller.answered()
    assert seconds(called, rung) < 0.2
    assert seconds(called, answered) < 0.2
    polres.answer()
    await talking(caller, polres)
    caller.hang_up()
    record = await scene.record()
    assert "greeting_started" in record.kinds
    assert "greeting_finished" not in record.kinds


async def test_a_silent_polres_is_followed_by_its_polda(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", rings())
    polda = await scene.desk("polda-12")
    caller = await scene.call(medan())
    first, second = await polres.saw("INVITE"), await polda.saw("INVITE")
    assert RING_SECONDS - 0.1 < seconds(first, second) < RING_SECONDS + 0.3
    cancelled = await polres.saw("CANCEL")
    assert abs(seconds(second, cancelled)) < 0.3
    await talking(caller, polda)
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["unit"], record["rung"]) == ("connected", "polda-12", 2)
    assert record.ladder == [("polres-1271", "no_answer"), ("polda-12", "answered")]
    assert record.desks == [("polres-1271-desk1", "no_answer"), ("polda-12-desk1", "hung_up")]
    assert record["wait_seconds"] == pytest.approx(seconds(first, second), abs=0.3)


async def test_mabes_answers_when_polres_and_polda_are_silent(scene: Scene) -> None:
    polres, polda = [await scene.desk(unit, rings()) for unit in ("polres-1271", "polda-12")]
    mabes = await scene.desk("mabes")
    caller = await scene.call(medan())
    rung = [await desk.saw("INVITE") for desk in (polres, polda, mabes)]
    for one, next_one in itertools.pairwise(rung):
        assert RING_SECONDS - 0.1 < seconds(one, next_one) < RING_SECONDS + 0.3
    await talking(caller, mabes)
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["unit"], record["rung"]) == ("connected", "mabes", 3)
    assert record.ladder == [
        ("polres-1271", "no_answer"),
        ("polda-12", "no_answer"),
        ("mabes", "answered"),
    ]


async def test_nobody_answers_mabes_is_rung_again_until_the_caller_leaves(scene: Scene) -> None:
    _, _, mabes = [await scene.desk(unit, rings()) for unit in ("polres-1271", "polda-12", "mabes")]
    caller = await scene.call(medan())
    await mabes.saw("INVITE", count=2, within_seconds=8 * RING_SECONDS)
    first, again = mabes.calls()
    await mabes.said("180", call_id=again)
    caller.hang_up()
    left = await caller.said("BYE")
    assert seconds(left, await mabes.saw("CANCEL", call_id=again)) < 0.5
    await mabes.saw("CANCEL", call_id=first)
    record = await scene.record()
    assert (record["outcome"], record["ended_by"]) == ("abandoned", "caller")
    assert (record["unit"], record["rung"]) == ("mabes", 4)
    assert record.ladder == [
        ("polres-1271", "no_answer"),
        ("polda-12", "no_answer"),
        ("mabes", "no_answer"),
        ("mabes", "caller_left"),
    ]
    assert record.recordings == []


@pytest.mark.parametrize(
    ("behaviour", "status", "reason"), [(busy(), "486", "busy"), (declines(), "603", "declined")]
)
async def test_a_polres_that_refuses_is_left_within_a_second(
    scene: Scene, behaviour: Behaviour, status: str, reason: str
) -> None:
    polres = await scene.desk("polres-1271", behaviour)
    polda = await scene.desk("polda-12")
    caller = await scene.call(medan())
    refused = await polres.said(status)
    assert seconds(refused, await polda.saw("INVITE")) < 1.0
    await talking(caller, polda)
    caller.hang_up()
    record = await scene.record()
    assert record.ladder == [("polres-1271", reason), ("polda-12", "answered")]
    assert record.desks == [("polres-1271-desk1", reason), ("polda-12-desk1", "hung_up")]


async def test_a_polres_whose_phone_says_nothing_is_left_within_a_second(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", silent())
    polda = await scene.desk("polda-12")
    caller = await scene.call(medan())
    first = await polres.saw("INVITE")
    assert seconds(first, await polda.saw("INVITE")) < 1.0
    await talking(caller, polda)
    caller.hang_up()
    record = await scene.record()
    assert record.ladder == [("polres-1271", "unreachable"), ("polda-12", "answered")]
    assert record.desks[0] == ("polres-1271-desk1", "unreachable")


async def test_a_polres_whose_phone_is_switched_off_is_left_within_a_second(scene: Scene) -> None:
    polda = await scene.desk("polda-12")
    caller = await scene.call(medan())
    called = await caller.said("INVITE")
    assert seconds(called, await polda.saw("INVITE")) < 1.0
    await talking(caller, polda)
    caller.hang_up()
    record = await scene.record()
    assert record.ladder == [("polres-1271", "unreachable"), ("polda-12", "answered")]


async def test_all_desks_of_a_unit_ring_together_and_stop_when_one_answers(scene: Scene) -> None:
    desks = [
        await scene.desk(f"polres-1207-desk{number}", answers(after_ms=None))
        for number in (1, 2, 3)
    ]
    caller = await scene.call(lubuk_pakam())
    rung = [await desk.said("180") for desk in desks]
    assert seconds(min(m.at for m in rung), max(m.at for m in rung)) < 0.2
    desks[1].answer()
    answered = await desks[1].said("200 INVITE")
    for desk in (desks[0], desks[2]):
        assert seconds(answered, await desk.saw("CANCEL")) < 0.5
    await talking(caller, desks[1])
    caller.hang_up()
    await desks[1].saw("BYE")
    record = await scene.record()
    assert (record["outcome"], record["desk"]) == ("connected", "polres-1207-desk2")
    assert record.desks == [
        ("polres-1207-desk1", "cancelled"),
        ("polres-1207-desk2", "hung_up"),
        ("polres-1207-desk3", "cancelled"),
    ]


async def test_a_unit_rings_on_while_one_of_its_desks_may_still_answer(scene: Scene) -> None:
    await scene.desk("polres-1207-desk1", busy())
    await scene.desk("polres-1207-desk2", declines())
    third = await scene.desk("polres-1207-desk3", answers(after_ms=1000))
    caller = await scene.call(lubuk_pakam())
    await talking(caller, third)
    caller.hang_up()
    record = await scene.record()
    assert record.ladder == [("polres-1207", "answered")]
    assert record.desks == [
        ("polres-1207-desk1", "busy"),
        ("polres-1207-desk2", "declined"),
        ("polres-1207-desk3", "hung_up"),
    ]


async def test_two_desks_answer_at_once_and_one_gets_the_call(scene: Scene) -> None:
    desks = [await scene.desk(f"polres-1207-desk{n}", answers(after_ms=None)) for n in (1, 2, 3)]
    caller = await scene.call(lubuk_pakam())
    for desk in desks:
        await desk.said("180")
    for desk in desks:
        desk.answer()
    answered = [await desk.said("200 INVITE") for desk in desks]
    connected = []
    for desk, answer in zip(desks, answered, strict=True):
        try:
            # A late answer is acknowledged and ended, unless a CANCEL was first.
            gone = await desk.saw("BYE", within_seconds=1.0)
        except NotSeenError:
            connected.append(desk)
        else:
            assert seconds(answer, gone) < 0.5
    (winner,) = connected
    await talking(caller, winner)
    caller.hang_up()
    await winner.saw("BYE")
    record = await scene.record()
    assert record["outcome"] == "connected"
    assert sorted(reason for _, reason in record.desks) == ["cancelled", "cancelled", "hung_up"]
    assert record.kinds.count("connected") == 1
    assert record["desk"] == next(desk for desk, reason in record.desks if reason == "hung_up")


async def test_a_ladder_without_a_single_phone_is_tried_again_until_one_answers(
    scene: Scene,
) -> None:
    for unit in ("polres-1271", "polda-12"):
        await scene.desk(unit, busy())
    mabes = await scene.desk("mabes", busy())
    caller = await scene.call(medan())
    await mabes.said("486")
    await mabes.close()
    mabes = await scene.desk("mabes")
    await talking(caller, mabes)
    caller.hang_up()
    record = await scene.record()
    assert record.ladder == [
        ("polres-1271", "busy"),
        ("polda-12", "busy"),
        ("mabes", "busy"),
        ("polres-1271", "busy"),
        ("polda-12", "busy"),
        ("mabes", "answered"),
    ]
    assert (record["outcome"], record["unit"], record["rung"]) == ("connected", "mabes", 6)
