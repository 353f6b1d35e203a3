"""Processes of the service die in the middle of a call: the caller is brought to a desk all the
same, and the record has one outcome.
"""

import contextlib
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from stack.desk import answers, rings
from stack.node import command
from stack.process import Child, running
from tests.e2e.conftest import Stages
from tests.e2e.record import happened
from tests.e2e.scene import Scene, medan, playing, seconds, talking
from tests.e2e.stage import Stage

RUNG_SECONDS = {"ring_seconds": "6"}
# A dead process' leg rings on until the time-out that it was made with: ring time and two seconds.
GHOST_SECONDS = 9.0
# What Asterisk says when a websocket's other end is killed.
CUT = (r"[Ww]eb ?[Ss]ocket", r"not claimed", r"Stasis app .* not active")


@contextlib.asynccontextmanager
async def second_application(stage: Stage, tmp_path: Path) -> AsyncIterator[Child]:
    """Another process of the application on the same node, held still (SIGSTOP) until it is
    needed, so that it is the first process that takes the call.
    """
    port = stage.ports.any()
    own = {
        **stage.node.environment,
        "POLRI110_ARI_APP": "polri110-2",
        "POLRI110_METRICS_PORT": str(port),
    }
    async with running("Application 2", command("serve"), tmp_path / "app2.log", own) as child:
        await stage.node.healthy(port, child)
        child.send(signal.SIGSTOP)
        try:
            yield child
        finally:
            child.send(signal.SIGCONT)


@pytest.fixture
async def scene(stages: Stages) -> AsyncIterator[Scene]:
    """A stage of the test's own, since its processes do not survive."""
    async with stages(settings=RUNG_SECONDS) as stage, playing(stage) as scene:
        scene.in_order.extend(CUT)
        yield scene


async def kill(child: Child) -> None:
    """As a crash: nothing is closed, nothing is said."""
    child.send(signal.SIGKILL)
    await child.process.wait()


async def recorded(scene: Scene, kind: str) -> None:
    """Wait until the record has it: what a process has not yet written dies with it."""
    await happened(scene.stage.database, scene.known, kind, within_seconds=8)


async def test_a_ringing_call_goes_on_in_the_other_process(scene: Scene, tmp_path: Path) -> None:
    polres = await scene.desk("polres-1271", answers(after_ms=None))
    async with second_application(scene.stage, tmp_path) as other:
        caller = await scene.call(medan())
        first = await polres.said("180")
        await recorded(scene, "leg_ringing")
        await kill(scene.stage.node.app)
        other.send(signal.SIGCONT)
        again = await polres.saw("INVITE", after=first, within_seconds=6)
        await polres.said("180", call_id=again.call_id)
        polres.answer(again.call_id)
        await polres.saw("ACK", call_id=again.call_id)
        await talking(caller, polres)
        caller.hang_up()
        record = await scene.record()
    assert (record["outcome"], record["unit"]) == ("connected", "polres-1271")
    assert record.ladder == [("polres-1271", "taken_over"), ("polres-1271", "answered")]
    assert record.recording["state"] == "finished"


async def test_a_connected_call_goes_on_and_ends_properly_in_the_other_process(
    scene: Scene, tmp_path: Path
) -> None:
    polres = await scene.desk("polres-1271", answers())
    async with second_application(scene.stage, tmp_path) as other:
        caller = await scene.call(medan())
        await talking(caller, polres)
        await recorded(scene, "recording_started")
        await kill(scene.stage.node.app)
        other.send(signal.SIGCONT)
        await talking(caller, polres)
        await recorded(scene, "adopted")
        caller.hang_up()
        await polres.saw("BYE")
        record = await scene.record()
    assert (record["outcome"], record["ended_by"]) == ("connected", "caller")
    assert record.recording["state"] == "finished"
    # Of the whole talk, not only of what was said until the process died.
    assert record.recording["seconds"] >= 0.8 * record["talk_seconds"]


async def test_without_any_process_of_the_application_the_dialplan_rings_within_three_seconds(
    scene: Scene,
) -> None:
    polres = await scene.desk("polres-1271", rings())
    caller = await scene.call(medan())
    first = await polres.said("180")
    await recorded(scene, "leg_ringing")
    await kill(scene.stage.node.app)
    again = await polres.saw("INVITE", after=first, within_seconds=6)
    # Three seconds of the dead man's switch, which was last extended up to a second before.
    assert seconds(first, again) < 3.5
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["unit"]) == ("abandoned", "polres-1271")
    await scene.stage.node.idle(GHOST_SECONDS)


async def test_a_call_that_the_dialplan_took_back_is_not_adopted_too(
    scene: Scene, tmp_path: Path
) -> None:
    polres = await scene.desk("polres-1271", answers(after_ms=None))
    async with second_application(scene.stage, tmp_path) as other:
        caller = await scene.call(medan())
        first = await polres.said("180")
        await recorded(scene, "leg_ringing")
        await kill(scene.stage.node.app)
        again = await polres.saw("INVITE", after=first, within_seconds=6)
        await polres.said("180", call_id=again.call_id)
        other.send(signal.SIGCONT)
        polres.answer(again.call_id)
        await polres.saw("ACK", call_id=again.call_id)
        await talking(caller, polres)
        caller.hang_up()
        record = await scene.record()
    assert record["outcome"] == "connected"
    assert "adopted" not in record.kinds
    await scene.stage.node.idle(GHOST_SECONDS)
