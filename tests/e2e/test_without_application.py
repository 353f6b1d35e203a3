"""The application does not answer, or FastAGI neither: the dialplan brings the caller to a desk."""

import contextlib
import signal
from collections.abc import AsyncIterator

import pytest

from stack.caller import Invite
from stack.desk import answers, rings
from stack.process import Child
from tests.e2e.conftest import Stages
from tests.e2e.scene import Scene, medan, playing, seconds, talking
from tests.e2e.sound import heard_in
from tests.e2e.stage import (
    BLOCKED,
    BROADCAST_MS,
    CALLER_HERTZ,
    DESK_HERTZ,
    QUICK,
    TRUNK_KUPANG,
    Stage,
)

BROADCAST_SECONDS = BROADCAST_MS / 1000
LOOKUP_SECONDS = 1.5  # what a FastAGI process that hangs is given, dialplan/30-fallback.conf

# What Asterisk says when nobody takes a call, or does not go on with it.
UNATTENDED = (
    r"not claimed within",
    r"[Ww]eb ?[Ss]ocket",
    r"AGI|agi",
)


@pytest.fixture(scope="module")
async def stage(stages: Stages) -> AsyncIterator[Stage]:
    """Asterisk waits for the application as long as it does in service."""
    async with stages(settings=QUICK, broadcast_ms=BROADCAST_MS) as stage:
        yield stage


@pytest.fixture
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    """This test's desks and callers."""
    async with playing(stage) as scene:
        scene.in_order.extend(UNATTENDED)
        yield scene


@contextlib.asynccontextmanager
async def without(scene: Scene, *how: str) -> AsyncIterator[None]:
    """For the time of the block "app" or "agi" are "hung" or "dead": "hung app", "dead agi"."""
    node = scene.stage.node
    children: dict[str, Child] = {"app": node.app, "agi": node.agi}
    for state, name in map(str.split, how):
        if state == "hung":
            children[name].send(signal.SIGSTOP)
        else:
            await children[name].stop(signal.SIGKILL)
    try:
        yield
    finally:
        for state, name in map(str.split, how):
            if state == "hung":
                children[name].send(signal.SIGCONT)
            elif name == "app":
                await node.start_app()
            else:
                await node.start_agi()
        await node.ready()


@pytest.mark.parametrize("how", ["hung app", "dead app"])
async def test_fastagi_decides_when_the_application_does_not(scene: Scene, how: str) -> None:
    polres = await scene.desk("polres-1271", answers(after_ms=100))
    async with without(scene, how):
        caller = await scene.call(medan())
        called, rung = await caller.said("INVITE"), await polres.saw("INVITE")
        assert seconds(called, rung) < BROADCAST_SECONDS + 0.5
        await talking(caller, polres)
        caller.hang_up()
        record = await scene.record()
    assert (record["way"], record["outcome"]) == ("agi", "connected")
    assert (record["unit"], record["desk"]) == ("polres-1271", "polres-1271-desk1")
    assert record["plan"] == ["polres-1271", "polda-12", "mabes"]
    assert (record["verdict"], record["plan_reason"]) == ("pass", "location")
    assert record.ladder == [("polres-1271", "answered")]
    assert record.recording["state"] == "finished"
    assert heard_in(scene.recording(record), CALLER_HERTZ, DESK_HERTZ)


@pytest.mark.parametrize("how", ["hung app", "dead app"])
async def test_the_application_takes_the_next_call_when_it_is_back(scene: Scene, how: str) -> None:
    polres = await scene.desk("polres-1271")
    async with without(scene, how):
        caller = await scene.call(medan())
        await talking(caller, polres)
    caller.hang_up()
    await polres.saw("BYE")
    caller = await scene.call(medan())
    await polres.saw("INVITE", count=2)
    await talking(caller, polres)
    caller.hang_up()
    first, second = await scene.records(2)
    assert (first["way"], first["outcome"]) == ("agi", "connected")
    assert (second["way"], second["outcome"]) == ("ari", "connected")


async def test_fastagi_escalates_and_the_caller_leaves(scene: Scene) -> None:
    await scene.desk("polres-1271", rings())
    polda = await scene.desk("polda-12", rings())
    async with without(scene, "dead app"):
        caller = await scene.call(medan())
        await polda.said("180")
        caller.hang_up()
        left = await caller.said("BYE")
        assert seconds(left, await polda.saw("CANCEL")) < 0.5
        record = await scene.record()
    assert (record["way"], record["outcome"], record["rung"]) == ("agi", "abandoned", 2)
    assert record.ladder == [("polres-1271", "no_answer"), ("polda-12", "caller_left")]


async def test_a_blocked_caller_is_blocked_by_fastagi_too(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    async with without(scene, "dead app"):
        caller = await scene.call(medan(), Invite(number=BLOCKED))
        ended = await caller.saw("BYE", within_seconds=15)
        record = await scene.record()
    assert "cause=21" in (ended.header("Reason") or "")
    assert (record["way"], record["outcome"], record["verdict"]) == ("agi", "blocked", "blocked")
    assert record["ended_by"] == "service"
    assert polres.calls() == []


@pytest.mark.parametrize(
    ("how", "limit"),
    [
        (("dead app", "dead agi"), BROADCAST_SECONDS + 0.5),
        (("hung app", "hung agi"), BROADCAST_SECONDS + LOOKUP_SECONDS + 0.5),
        (("dead app", "hung agi"), BROADCAST_SECONDS + LOOKUP_SECONDS + 0.5),
    ],
    ids=["dead", "hung", "dead-and-hung"],
)
async def test_without_any_process_the_trunks_own_unit_is_rung(
    scene: Scene, how: tuple[str, ...], limit: float
) -> None:
    polda = await scene.desk("polda-12", answers(after_ms=100))
    async with without(scene, *how):
        caller = await scene.call(medan())
        called, rung = await caller.said("INVITE"), await polda.saw("INVITE")
        assert seconds(called, rung) < limit
        await talking(caller, polda)
        caller.hang_up()
        await polda.saw("BYE")
    record = await scene.record(within_seconds=10)
    assert (record["way"], record["outcome"]) == ("static", "connected")
    assert (record["unit"], record["desk"]) == ("polda-12", "polda-12-desk1")
    assert record["plan"] == ["polda-12", "mabes"]
    assert (record["verdict"], record["plan_reason"]) == ("unchecked", "trunk_default")
    assert record["lat"] == pytest.approx(3.5952)
    assert record.recording["state"] == "finished"
    assert heard_in(scene.recording(record), CALLER_HERTZ, DESK_HERTZ)


async def test_without_any_process_each_trunk_has_its_own_unit(scene: Scene) -> None:
    kupang = await scene.desk("polres-5371")
    async with without(scene, "dead app", "dead agi"):
        caller = await scene.call(medan(), address=TRUNK_KUPANG)
        await talking(caller, kupang)
        kupang.hang_up()
        await caller.saw("BYE")
    record = await scene.record(within_seconds=10)
    assert (record["way"], record["trunk"]) == ("static", "trunk-kupang")
    assert (record["unit"], record["ended_by"]) == ("polres-5371", "desk")


async def test_without_any_process_the_ladder_is_climbed_to_mabes(scene: Scene) -> None:
    await scene.desk("polda-12", rings())
    mabes = await scene.desk("mabes", rings())
    async with without(scene, "dead app", "dead agi"):
        caller = await scene.call(medan())
        await mabes.said("180", count=2, within_seconds=10)
        caller.hang_up()
        left = await caller.said("BYE")
        assert seconds(left, await mabes.saw("CANCEL", call_id=mabes.calls()[1])) < 0.5
    record = await scene.record(within_seconds=10)
    assert (record["way"], record["outcome"], record["unit"]) == ("static", "abandoned", "mabes")
    assert record.ladder == [
        ("polda-12", "no_answer"),
        ("mabes", "no_answer"),
        ("mabes", "caller_left"),
    ]
