"""Two nodes on one machine do not disturb one another."""

import signal
from collections.abc import AsyncIterator

import pytest

from stack.desk import answers
from tests.e2e.conftest import Stages
from tests.e2e.scene import Scene, medan, playing, talking


@pytest.fixture
async def other(stages: Stages) -> AsyncIterator[Scene]:
    """A scene at a node of its own."""
    async with stages() as stage, playing(stage) as scene:
        scene.in_order.append(r"[Ww]eb ?[Ss]ocket")
        yield scene


async def test_each_of_two_nodes_serves_its_own_callers(scene: Scene, other: Scene) -> None:
    scenes = (scene, other)
    desks = [await each.desk("polres-1271", answers(after_ms=200)) for each in scenes]
    callers = [await each.call(medan()) for each in scenes]
    for caller, desk in zip(callers, desks, strict=True):
        await talking(caller, desk)
    for caller in callers:
        caller.hang_up()
    records = [await each.record() for each in scenes]
    numbers = [caller.messages[0].header("From") for caller in callers]
    for record, number, desk in zip(records, numbers, desks, strict=True):
        assert record["outcome"] == "connected"
        assert record["number_raw"] in (number or "")
        assert len(desk.calls()) == 1
    assert scene.recording(records[0]).exists()
    assert other.recording(records[1]).exists()


async def test_a_node_goes_on_when_the_other_one_dies(scene: Scene, stages: Stages) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan())
    await talking(caller, polres)
    async with stages() as other:
        for child in (other.node.app, other.node.agi):
            await child.stop(signal.SIGKILL)
        await other.node.asterisk.kill()
        await talking(caller, polres)
    caller.hang_up()
    again = await scene.call(medan())
    await polres.saw("INVITE", count=2)
    await talking(again, polres)
    again.hang_up()
    assert [record["way"] for record in await scene.records(2)] == ["ari", "ari"]
