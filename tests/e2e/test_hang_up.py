"""Whoever hangs up, whenever: no phone rings on, and the record has one outcome."""

import pytest

from stack.desk import answers, busy, rings
from tests.e2e.scene import CROSSED, Scene, hearing, lubuk_pakam, medan, seconds, talking

GONE_SECONDS = 0.5


async def test_the_caller_hangs_up_while_the_desks_ring(scene: Scene) -> None:
    desks = [await scene.desk(f"polres-1207-desk{number}", rings()) for number in (1, 2, 3)]
    caller = await scene.call(lubuk_pakam())
    for desk in desks:
        await desk.said("180")
    caller.hang_up()
    left = await caller.said("BYE")
    for desk in desks:
        assert seconds(left, await desk.saw("CANCEL")) < GONE_SECONDS
    record = await scene.record()
    assert (record["outcome"], record["ended_by"]) == ("abandoned", "caller")
    assert (record["unit"], record["rung"]) == ("polres-1207", 1)
    assert record.ladder == [("polres-1207", "caller_left")]
    assert {reason for _, reason in record.desks} == {"cancelled"}
    assert record["answered_at"] is not None
    assert record["connected_at"] is None
    assert record["talk_seconds"] is None


async def test_the_caller_hangs_up_during_the_greeting(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", rings())
    caller = await scene.call(medan())
    await polres.said("180")
    await caller.answered()
    await hearing(caller)
    caller.hang_up()
    left = await caller.said("BYE")
    assert seconds(left, await polres.saw("CANCEL")) < GONE_SECONDS
    record = await scene.record()
    assert record["outcome"] == "abandoned"
    assert "greeting_started" in record.kinds
    assert "greeting_finished" not in record.kinds


async def test_the_caller_hangs_up_between_two_rungs(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", rings())
    polda = await scene.desk("polda-12", rings())
    caller = await scene.call(medan())
    await polres.saw("CANCEL", within_seconds=4)
    caller.hang_up()
    left = await caller.said("BYE")
    record = await scene.record()
    if polda.calls():
        assert seconds(left, await polda.saw("CANCEL")) < GONE_SECONDS
    assert (record["outcome"], record["ended_by"]) == ("abandoned", "caller")
    assert record.ladder[0] == ("polres-1271", "no_answer")
    assert record.desks[0] == ("polres-1271-desk1", "no_answer")
    assert set(record.desks[1:]) <= {("polda-12-desk1", "cancelled")}


async def test_the_caller_hangs_up_before_the_ladder_is_tried_again(scene: Scene) -> None:
    polres, polda, mabes = [
        await scene.desk(unit, busy()) for unit in ("polres-1271", "polda-12", "mabes")
    ]
    caller = await scene.call(medan())
    await mabes.saw("ACK")
    caller.hang_up()
    record = await scene.record()
    assert [len(desk.calls()) for desk in (polres, polda, mabes)] == [1, 1, 1]
    assert (record["outcome"], record["unit"], record["rung"]) == ("abandoned", "mabes", 3)
    assert record.ladder == [("polres-1271", "busy"), ("polda-12", "busy"), ("mabes", "busy")]


@pytest.mark.parametrize("first", ["desk", "caller"])
@pytest.mark.parametrize("repetition", range(5))
async def test_the_caller_hangs_up_in_the_moment_of_answering(
    scene: Scene, first: str, repetition: int
) -> None:
    scene.in_order.extend(CROSSED)
    polres = await scene.desk("polres-1271", answers(after_ms=None))
    caller = await scene.call(medan())
    await polres.said("180")
    await caller.answered()
    moves = [polres.answer, caller.hang_up]
    for move in moves if first == "desk" else reversed(moves):
        move()
    left = await caller.said("BYE")
    # Of a recording that began in the bridge's last moment Asterisk does not tell the end.
    record = await scene.record(within_seconds=15)
    (polres_call,) = polres.calls()
    gone = [
        message
        for message in polres.messages
        if not message.sent and (message.is_a("CANCEL") or message.is_a("BYE"))
    ]
    assert seconds(left, gone[0]) < GONE_SECONDS
    if polres.trace.find("200 INVITE", call_id=polres_call):
        await polres.saw("BYE")
    assert record["ended_by"] == "caller"
    assert record["outcome"] in ("connected", "abandoned")
    assert (record["connected_at"] is not None) == (record["outcome"] == "connected")
    assert record.kinds.count("rung_ended") == 1


async def test_the_desk_hangs_up_first(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan())
    connected = await polres.saw("ACK")
    await talking(caller, polres)
    polres.hang_up()
    left = await polres.said("BYE")
    assert seconds(left, await caller.saw("BYE")) < GONE_SECONDS
    record = await scene.record()
    assert (record["outcome"], record["ended_by"]) == ("connected", "desk")
    assert record["talk_seconds"] == pytest.approx(seconds(connected, left), abs=0.2)
    assert record.desks == [("polres-1271-desk1", "hung_up")]


async def test_the_caller_hangs_up_first(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan())
    connected = await polres.saw("ACK")
    await talking(caller, polres)
    caller.hang_up()
    left = await caller.said("BYE")
    assert seconds(left, await polres.saw("BYE")) < GONE_SECONDS
    record = await scene.record()
    assert (record["outcome"], record["ended_by"]) == ("connected", "caller")
    assert record["talk_seconds"] == pytest.approx(seconds(connected, left), abs=0.2)


async def test_both_hang_up_at_once(scene: Scene) -> None:
    scene.in_order.extend(CROSSED)
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan())
    await talking(caller, polres)
    caller.hang_up()
    polres.hang_up()
    record = await scene.record()
    assert record["outcome"] == "connected"
    assert record["ended_by"] in ("caller", "desk")
