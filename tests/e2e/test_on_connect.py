"""A node as it is by default but for one thing: the caller is answered when a desk answers.

Ten seconds a rung, phones qualified.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest

from stack.caller import Invite
from stack.desk import answers, rings
from tests.e2e.conftest import Stages
from tests.e2e.crossing import crossing_caller
from tests.e2e.scene import CROSSED, Scene, medan, playing, seconds, talking
from tests.e2e.sound import heard_at, heard_in, loudness, rtp_port
from tests.e2e.stage import BLOCKED, CALLER_HERTZ, DESK_HERTZ, Stage

DEFAULT_RING_SECONDS = 10.0
DESKS = ("polres-1271-desk1", "polda-12-desk1", "mabes-desk1")


@pytest.fixture(scope="module")
async def stage(stages: Stages) -> AsyncIterator[Stage]:
    """Answers on connection, qualifies its phones every second."""
    async with stages(settings={"answer": "on_connect"}, qualify_seconds=1) as stage:
        yield stage


@pytest.fixture
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    """This test's desks and callers."""
    async with playing(stage) as scene:
        yield scene


async def reachable(scene: Scene, *desks: str) -> None:
    """Wait until Asterisk knows that these phones are there, and the others are not."""
    asterisk = scene.stage.node.asterisk
    await asterisk.reachable(*desks)
    await asterisk.reachable(*(desk for desk in DESKS if desk not in desks), yes=False)


async def test_the_caller_is_answered_when_the_desk_is(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", answers(after_ms=None))
    await reachable(scene, "polres-1271-desk1")
    caller = await scene.call(medan())
    await polres.said("180")
    await caller.saw("180")
    assert caller.final() is None
    polres.answer()
    taken = await polres.said("200 INVITE")
    assert 0 < seconds(taken, await caller.answered()) < 0.5
    await talking(caller, polres)
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["unit"]) == ("connected", "polres-1271")
    assert "greeting_started" not in record.kinds
    assert heard_in(scene.recording(record), CALLER_HERTZ, DESK_HERTZ)


async def test_a_caller_who_cancels_while_it_rings_is_abandoned(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", rings())
    await reachable(scene, "polres-1271-desk1")
    caller = await scene.call(medan())
    await caller.saw("180")
    caller.hang_up()
    left = await caller.said("CANCEL")
    assert seconds(left, await polres.saw("CANCEL")) < 0.5
    await caller.saw("487 INVITE")
    record = await scene.record()
    assert (record["outcome"], record["ended_by"]) == ("abandoned", "caller")
    assert record["answered_at"] is None


@pytest.mark.parametrize("first", ["desk", "caller"])
@pytest.mark.parametrize("repetition", range(4))
async def test_a_caller_who_cancels_in_the_moment_of_answering(
    scene: Scene, first: str, repetition: int
) -> None:
    scene.in_order.extend(CROSSED)
    polda = await scene.desk("polda-12", answers(after_ms=None))
    scene.desks.remove(polda)  # SIPp does not cope with every order in which it is told
    await reachable(scene, "polda-12-desk1")
    async with crossing_caller(scene.stage.node.sip_port, scene.number()) as caller:
        await polda.said("180")
        moves = [polda.answer, caller.cancel]
        for move in moves if first == "desk" else reversed(moves):
            move()
        await asyncio.wait_for(caller.ended.wait(), 5)
        record = await scene.record(within_seconds=15)
        assert caller.final in ("487", "200")
        if caller.final == "487":
            assert record["outcome"] == "abandoned"
        assert record["outcome"] in ("abandoned", "connected")
        assert (record["unit"], record["rung"], record["ended_by"]) == ("polda-12", 1, "caller")
        left = [message for message in caller.messages if message.is_a("CANCEL")]
        gone = [
            message
            for message in polda.messages
            if not message.sent and message.what in ("CANCEL", "BYE")
        ]
        assert seconds(left[0], gone[-1]) < 0.5
        scene.others += 1


async def test_a_blocked_caller_hears_so_without_being_answered(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan(), Invite(number=BLOCKED))
    early = await caller.saw("183")
    assert "m=audio" in early.body
    port = rtp_port(await caller.said("INVITE"))
    await heard_at(port, until=lambda said: loudness(said) > 300)
    refused = await caller.saw("403 INVITE", within_seconds=15)
    assert seconds(early, refused) > 3
    record = await scene.record()
    assert (record["outcome"], record["verdict"]) == ("blocked", "blocked")
    assert (record["ended_by"], record["answered_at"]) == ("service", None)
    assert polres.calls() == []


async def test_a_unit_rings_for_ten_seconds_by_default(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", rings())
    polda = await scene.desk("polda-12")
    await reachable(scene, "polres-1271-desk1", "polda-12-desk1")
    caller = await scene.call(medan())
    first = await polres.saw("INVITE")
    second = await polda.saw("INVITE", within_seconds=DEFAULT_RING_SECONDS + 2)
    assert DEFAULT_RING_SECONDS - 0.1 < seconds(first, second) < DEFAULT_RING_SECONDS + 0.5
    await talking(caller, polda)
    caller.hang_up()
    record = await scene.record()
    assert record.ladder == [("polres-1271", "no_answer"), ("polda-12", "answered")]
    assert [rung["ring_seconds"] for rung in record.rungs] == [10.0, 10.0]


async def test_a_unit_whose_phones_are_known_to_be_gone_is_left_at_once(scene: Scene) -> None:
    mabes = await scene.desk("mabes")
    await reachable(scene, "mabes-desk1")
    caller = await scene.call(medan())
    assert seconds(await caller.said("INVITE"), await mabes.saw("INVITE")) < 0.3
    await talking(caller, mabes)
    caller.hang_up()
    record = await scene.record()
    assert record.ladder == [
        ("polres-1271", "unreachable"),
        ("polda-12", "unreachable"),
        ("mabes", "answered"),
    ]
