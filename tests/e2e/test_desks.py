"""A desk's phone that registers: with its password it is rung, without it it does not exist."""

from dataclasses import replace
from pathlib import Path

import pytest

from stack.desk import Desk, answers, running_desk
from stack.sipp import Verdict, running_sipp
from tests.e2e.scene import Scene, binjai, seconds, talking
from tests.e2e.stage import REGISTERING

REGISTER = Path(__file__).parent / "scenarios" / "uac-register.xml"
ADDRESS = "127.10.9.9"


async def register(
    scene: Scene, port: int, *, expires: int = 120, password: str = REGISTERING.password or ""
) -> Verdict:
    """Register Binjai's phone as one that listens on ADDRESS:port."""
    stage = scene.stage
    service = f"127.0.0.1:{stage.node.sip_port}"
    credentials = ("-au", REGISTERING.code, "-ap", password)
    async with running_sipp(
        stage.programs,
        REGISTER,
        [service, "-m", "1", *credentials],
        {"desk": REGISTERING.code, "expires": str(expires)},
        address=ADDRESS,
        port=port,
        name="register",
    ) as phone:
        return await phone.ended(within_seconds=5)


@pytest.fixture
def port(scene: Scene) -> int:
    """Where the phone is: registering and listening are two programs, one after the other."""
    return scene.stage.ports.any()


@pytest.fixture(autouse=True)
async def unregistered(scene: Scene, port: int) -> None:
    """Take away what an earlier test has registered."""
    assert (await register(scene, port, expires=0)).passed


async def phone(scene: Scene, port: int) -> Desk:
    """The phone, ready to be called."""
    acts = replace(answers(after_ms=100), tone=scene.stage.tones.desk)
    desk = running_desk(scene.stage.programs, acts, port, address=ADDRESS)
    return await scene.stack.enter_async_context(desk)


async def test_a_desk_that_registers_with_its_password_is_rung(scene: Scene, port: int) -> None:
    assert (await register(scene, port)).passed
    desk = await phone(scene, port)
    caller = await scene.call(binjai())
    rung = await desk.saw("INVITE", user=REGISTERING.code)
    assert seconds(await caller.said("INVITE"), rung) < 0.5
    await talking(caller, desk)
    caller.hang_up()
    await desk.saw("BYE")
    record = await scene.record()
    assert (record["outcome"], record["desk"]) == ("connected", REGISTERING.code)
    assert record["polres"] == "polres-1275"


async def test_a_desk_with_a_wrong_password_is_refused_and_not_rung(
    scene: Scene, port: int
) -> None:
    verdict = await register(scene, port, password="a guess")
    assert not verdict.passed
    assert "401" in verdict.errors
    desk = await phone(scene, port)
    polda = await scene.desk("polda-12")
    caller = await scene.call(binjai())
    assert seconds(await caller.said("INVITE"), await polda.saw("INVITE")) < 1.0
    await talking(caller, polda)
    caller.hang_up()
    record = await scene.record()
    assert desk.calls() == []
    assert record.ladder == [("polres-1275", "unreachable"), ("polda-12", "answered")]


async def test_a_desk_that_has_unregistered_is_left_at_once(scene: Scene, port: int) -> None:
    assert (await register(scene, port)).passed
    assert (await register(scene, port, expires=0)).passed
    desk = await phone(scene, port)
    polda = await scene.desk("polda-12")
    caller = await scene.call(binjai())
    assert seconds(await caller.said("INVITE"), await polda.saw("INVITE")) < 0.5
    await talking(caller, polda)
    caller.hang_up()
    record = await scene.record()
    assert desk.calls() == []
    assert record.desks[0] == (REGISTERING.code, "unreachable")
