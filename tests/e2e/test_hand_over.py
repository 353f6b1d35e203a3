"""The application is busy or leaves: the dialplan carries the same plan out, to the same record."""

import asyncio
import contextlib
import itertools
import signal
from collections.abc import AsyncIterator

import pytest

from stack.caller import Caller, Invite
from stack.desk import Behaviour, answers, busy, declines, rings, silent
from tests.e2e.conftest import Stages
from tests.e2e.record import Record
from tests.e2e.scene import Scene, lubuk_pakam, medan, playing, seconds, talking
from tests.e2e.sound import heard_in
from tests.e2e.stage import CALLER_HERTZ, DESK_HERTZ, TRUNK_KUPANG, Stage

RING_SECONDS = 2.0
DRAIN_SECONDS = 20.0


@pytest.fixture(scope="module")
async def busy_stage(stages: Stages) -> AsyncIterator[Stage]:
    """Its application conducts one call's set-up at a time, and hands over what comes meanwhile."""
    async with stages(settings={"ring_seconds": "2", "handover_calls": "1"}) as stage:
        yield stage


@pytest.fixture
async def scene(busy_stage: Stage) -> AsyncIterator[Scene]:
    """This test's desks and callers."""
    async with playing(busy_stage) as scene:
        yield scene


@contextlib.asynccontextmanager
async def another_call_in_set_up(scene: Scene) -> AsyncIterator[None]:
    """Keep the application busy: somebody lets Kupang's phone ring."""
    kupang = await scene.desk("polres-5371", rings())
    for attempt in itertools.count(1):
        waiting = await scene.call(address=TRUNK_KUPANG)
        await kupang.said("180", count=attempt)
        if await scene.stage.metric("polri110_live_calls") == 1:
            break
        # Having been busy just now it hands over this one, too.
        waiting.hang_up()
        await waiting.ended()
    yield
    waiting.hang_up()
    await waiting.ended()


async def call(scene: Scene, location: str | None = None, invite: Invite | None = None) -> Caller:
    """A call that is handed over; the dialplan has answered it when this returns."""
    async with another_call_in_set_up(scene):
        caller = await scene.call(location, invite)
        await caller.answered()
    return caller


async def record(scene: Scene) -> Record:
    """The record of the call that was handed over."""
    *_, last = await scene.records(scene.entered())
    assert last["handed_over"] == "2 calls in set-up", last.events
    assert last["way"] == "ari"
    return last


async def test_a_call_handed_over_rings_its_polres_and_is_recorded(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", answers(after_ms=None))
    caller = await call(scene, medan())
    await polres.said("180")
    called, rung = await caller.said("INVITE"), await polres.saw("INVITE")
    assert seconds(called, rung) < 0.3
    polres.answer()
    await talking(caller, polres)
    caller.hang_up()
    left = await caller.said("BYE")
    assert seconds(left, await polres.saw("BYE")) < 0.5
    told = await record(scene)
    assert (told["outcome"], told["ended_by"]) == ("connected", "caller")
    assert (told["unit"], told["desk"], told["rung"]) == ("polres-1271", "polres-1271-desk1", 1)
    assert told.ladder == [("polres-1271", "answered")]
    assert told.desks == [("polres-1271-desk1", "hung_up")]
    assert told.recording["state"] == "finished"
    assert told["talk_seconds"] == pytest.approx(told.recording["seconds"], abs=0.5)
    assert heard_in(scene.recording(told), CALLER_HERTZ, DESK_HERTZ)


async def test_the_dialplan_escalates_like_the_application(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", rings())
    polda = await scene.desk("polda-12", rings())
    mabes = await scene.desk("mabes")
    caller = await call(scene, medan())
    first, second, third = [
        await desk.saw("INVITE", within_seconds=3) for desk in (polres, polda, mabes)
    ]
    for one, next_one in ((first, second), (second, third)):
        assert RING_SECONDS - 0.1 < seconds(one, next_one) < RING_SECONDS + 0.5
    await talking(caller, mabes)
    mabes.hang_up()
    left = await mabes.said("BYE")
    assert seconds(left, await caller.saw("BYE")) < 0.5
    told = await record(scene)
    assert (told["outcome"], told["ended_by"], told["rung"]) == ("connected", "desk", 3)
    assert told.ladder == [
        ("polres-1271", "no_answer"),
        ("polda-12", "no_answer"),
        ("mabes", "answered"),
    ]
    assert told.desks == [
        ("polres-1271-desk1", "no_answer"),
        ("polda-12-desk1", "no_answer"),
        ("mabes-desk1", "hung_up"),
    ]


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [(busy(), "busy"), (declines(), "declined"), (silent(), "unreachable")],
    ids=["busy", "declines", "silent"],
)
async def test_the_dialplan_leaves_a_unit_that_cannot_answer_within_a_second(
    scene: Scene, behaviour: Behaviour, reason: str
) -> None:
    polres = await scene.desk("polres-1271", behaviour)
    polda = await scene.desk("polda-12")
    caller = await call(scene, medan())
    first = await polres.saw("INVITE")
    assert seconds(first, await polda.saw("INVITE")) < 1.0
    await talking(caller, polda)
    caller.hang_up()
    told = await record(scene)
    assert told.ladder == [("polres-1271", reason), ("polda-12", "answered")]
    assert told.desks[0] == ("polres-1271-desk1", reason)


async def test_the_dialplan_rings_all_desks_of_a_unit_and_one_gets_the_call(scene: Scene) -> None:
    desks = [await scene.desk(f"polres-1207-desk{n}", answers(after_ms=None)) for n in (1, 2, 3)]
    caller = await call(scene, lubuk_pakam())
    for desk in desks:
        await desk.said("180")
    desks[2].answer()
    answered = await desks[2].said("200 INVITE")
    for desk in desks[:2]:
        assert seconds(answered, await desk.saw("CANCEL")) < 0.5
    await talking(caller, desks[2])
    caller.hang_up()
    told = await record(scene)
    assert told["desk"] == "polres-1207-desk3"
    assert told.desks == [
        ("polres-1207-desk1", "cancelled"),
        ("polres-1207-desk2", "cancelled"),
        ("polres-1207-desk3", "hung_up"),
    ]


async def test_a_caller_who_leaves_while_the_dialplan_rings_is_abandoned_in_that_rung(
    scene: Scene,
) -> None:
    await scene.desk("polres-1271", rings())
    polda = await scene.desk("polda-12", rings())
    caller = await call(scene, medan())
    await polda.said("180")
    caller.hang_up()
    left = await caller.said("BYE")
    assert seconds(left, await polda.saw("CANCEL")) < 0.5
    told = await record(scene)
    assert (told["outcome"], told["ended_by"]) == ("abandoned", "caller")
    assert (told["unit"], told["rung"]) == ("polda-12", 2)
    assert told.ladder == [("polres-1271", "no_answer"), ("polda-12", "caller_left")]
    assert told.recordings == []


async def test_of_fifty_calls_at_once_those_handed_over_are_not_lost_either(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", answers(after_ms=500))
    caller = await scene.call(
        invite=Invite(number="+62814555{n}", pidf=medan()),
        calls=50,
        calls_per_second=50,
        talk_ms=2000,
    )
    assert (await caller.ended()).passed
    records = await scene.records(50, within_seconds=20)
    assert {told["outcome"] for told in records} == {"connected"}
    assert {told["desk"] for told in records} == {"polres-1271-desk1"}
    assert len(polres.calls()) == 50
    assert sum(told["handed_over"] is not None for told in records) > 40
    for told in records:
        assert told.recording["state"] == "finished"
        assert told.recording["seconds"] > told["talk_seconds"] - 0.5


async def test_an_application_that_is_stopped_gives_its_ringing_call_to_the_dialplan(
    scene: Scene,
) -> None:
    node = scene.stage.node
    polres = await scene.desk("polres-1271", answers(after_ms=None))
    caller = await scene.call(medan())
    first = await polres.said("180")
    node.app.send(signal.SIGTERM)
    cancelled = await polres.saw("CANCEL")
    again = await polres.saw("INVITE", after=first)
    assert seconds(cancelled, again) < 0.5
    await polres.said("180", call_id=again.call_id)
    polres.answer(again.call_id)
    await polres.saw("ACK", call_id=again.call_id)
    await talking(caller, polres)
    assert await asyncio.wait_for(node.app.process.wait(), DRAIN_SECONDS) == 0
    await node.start_app()
    await node.ready()
    caller.hang_up()
    told = await scene.record()
    assert (told["outcome"], told["handed_over"]) == ("connected", "shutdown")
    assert told.ladder == [("polres-1271", "handed_over"), ("polres-1271", "answered")]
    assert told.desks == [("polres-1271-desk1", "cancelled"), ("polres-1271-desk1", "hung_up")]
    assert told.recording["state"] == "finished"


async def test_an_application_that_is_stopped_lets_its_connected_call_end(scene: Scene) -> None:
    node = scene.stage.node
    scene.in_order.append("closed by its owner")
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan())
    await talking(caller, polres)
    node.app.send(signal.SIGTERM)
    await talking(caller, polres)
    caller.hang_up()
    assert await asyncio.wait_for(node.app.process.wait(), DRAIN_SECONDS) == 0
    told = await scene.record()
    await node.start_app()
    await node.ready()
    assert (told["outcome"], told["ended_by"]) == ("connected", "caller")
    assert told.recording["state"] == "finished"
