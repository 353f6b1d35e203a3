"""Desks and callers by SIPp, against each other: what the tests of everything else rely on."""

import asyncio
from pathlib import Path

import pytest

from stack.caller import Invite, running_caller
from stack.desk import (
    Behaviour,
    answers,
    busy,
    declines,
    rings,
    running_desk,
    silent,
    unavailable,
)
from stack.pidf import pidf
from stack.process import StackError
from stack.programs import Programs
from stack.sip_trace import NotSeenError
from stack.tone import write_tone


async def test_a_conversation_with_hold_digits_and_tones(
    programs: Programs, tmp_path: Path
) -> None:
    low, high = write_tone(tmp_path / "low", 440), write_tone(tmp_path / "high", 880)
    async with (
        running_desk(programs, answers(after_ms=None, tone=high)) as desk,
        running_caller(programs, desk.port, tone=low) as caller,
    ):
        invite = await desk.saw("INVITE")
        ringing = await caller.saw("180")
        assert ringing.at >= invite.at
        assert caller.final() is None
        desk.answer()
        await desk.saw("ACK")
        desk.hold()
        assert "a=sendonly" in (await caller.saw("INVITE")).body
        await desk.saw("200 INVITE")
        desk.resume()
        assert "a=sendrecv" in (await caller.saw("INVITE", count=2)).body
        await desk.saw("200 INVITE", count=2)
        caller.press("110#")
        await desk.heard_digits("110#")
        desk.press("5")
        await caller.heard_digits("5")
        assert (await caller.heard()).packets > 10
        caller.hang_up()
        assert (await caller.ended()).passed
        heard = await desk.heard()
        assert (heard.digits, heard.payload_type) == ("110#", 8)
        assert (await desk.close()).passed


@pytest.mark.parametrize(
    ("behaviour", "status"), [(busy(), "486"), (declines(), "603"), (unavailable(), "480")]
)
async def test_a_refusal_is_the_callers_final_response(
    programs: Programs, behaviour: Behaviour, status: str
) -> None:
    async with (
        running_desk(programs, behaviour) as desk,
        running_caller(programs, desk.port) as caller,
    ):
        assert (await caller.ended()).passed
        final = caller.final()
        assert final is not None
        assert final.what == status
        assert (await desk.close()).passed


@pytest.mark.parametrize("tell", ["busy", "decline"])
async def test_a_ringing_desk_refuses_when_told(programs: Programs, tell: str) -> None:
    async with (
        running_desk(programs, answers(after_ms=None)) as desk,
        running_caller(programs, desk.port) as caller,
    ):
        await caller.saw("180")
        getattr(desk, tell)()
        assert (await caller.ended()).passed
        final = caller.final()
        assert final is not None
        assert final.what == {"busy": "486", "decline": "603"}[tell]


@pytest.mark.parametrize("behaviour", [rings(), answers(after_ms=None)])
async def test_a_caller_who_gives_up_cancels(programs: Programs, behaviour: Behaviour) -> None:
    async with (
        running_desk(programs, behaviour) as desk,
        running_caller(programs, desk.port) as caller,
    ):
        await caller.saw("180")
        caller.hang_up()
        await desk.saw("CANCEL")
        assert (await caller.ended()).passed
        final = caller.final()
        assert final is not None
        assert final.what == "487"
        assert (await desk.close()).passed


async def test_patience_and_talk_end_by_themselves(programs: Programs) -> None:
    async with running_desk(programs, answers(after_ms=1, talk_ms=50)) as desk:
        async with running_caller(programs, desk.port) as caller:
            await caller.saw("BYE")
            assert (await caller.ended()).passed
        async with running_caller(programs, desk.port, talk_ms=1) as caller:
            await caller.said("BYE")
            assert (await caller.ended()).passed
    async with (
        running_desk(programs, rings()) as desk,
        running_caller(programs, desk.port, patience_ms=50) as caller,
    ):
        await caller.said("CANCEL")
        assert (await caller.ended()).passed


async def test_a_silent_desk_says_nothing(programs: Programs) -> None:
    async with (
        running_desk(programs, silent()) as desk,
        running_caller(programs, desk.port) as caller,
    ):
        await desk.saw("INVITE")
        with pytest.raises(NotSeenError, match="INVITE"):
            await caller.saw("100", within_seconds=0.3)


@pytest.mark.parametrize("number", ["\"x'; DROP TABLE calls; --", "☎🚨", "9" * 300, "[call_id]"])
async def test_whatever_the_number_it_is_sent_as_it_is(programs: Programs, number: str) -> None:
    async with (
        running_desk(programs, answers()) as desk,
        running_caller(programs, desk.port, Invite(number=number, asserted=number)) as caller,
    ):
        invite = await desk.saw("INVITE")
        assert f"sip:{number}@" in (invite.header("From") or "")
        assert f"sip:{number}@" in (invite.header("P-Asserted-Identity") or "")
        await caller.answered()


async def test_location_and_late_offer(programs: Programs) -> None:
    where = Invite(pidf=pidf(3.5952, 98.6722, 35), offer=False)
    async with (
        running_desk(programs, answers()) as desk,
        running_caller(programs, desk.port, where) as caller,
    ):
        invite = await desk.saw("INVITE")
        assert "<gml:pos>3.5952 98.6722</gml:pos>" in invite.body
        assert "m=audio" not in invite.body
        assert "m=audio" in (await desk.saw("ACK")).body
        caller.hang_up()
        assert (await caller.ended()).passed


async def test_many_calls_of_one_caller_and_one_desk_are_told_apart(programs: Programs) -> None:
    async with (
        running_desk(programs, answers(after_ms=None)) as desk,
        running_caller(
            programs, desk.port, Invite(number="+62812{n}"), calls=3, calls_per_second=50
        ) as caller,
    ):
        await desk.saw("INVITE", count=3)
        first, second, third = desk.calls()
        numbers = {(message.header("From") or "")[:11] for message in desk.trace.find("INVITE")}
        assert numbers == {"<sip:+62812"}
        desk.answer(second)
        await caller.saw("200 INVITE", call_id=second)
        assert caller.final(first) is None
        desk.busy(first)
        caller.hang_up(third)
        await desk.saw("CANCEL", call_id=third)
        await desk.saw("ACK", call_id=second)
        caller.hang_up(second)
        assert (await caller.ended()).passed


async def test_a_desk_of_several_phones_knows_which_was_called(programs: Programs) -> None:
    async with (
        running_desk(programs, answers()) as desk,
        running_caller(programs, desk.port, Invite(dialled="polda-12-desk1")),
        running_caller(programs, desk.port, Invite(dialled="mabes-desk1")),
    ):
        one = await desk.saw("INVITE", user="polda-12-desk1")
        other = await desk.saw("INVITE", user="mabes-desk1")
        assert one.call_id != other.call_id


async def test_a_scenario_that_is_not_followed_fails_the_verdict(programs: Programs) -> None:
    async with running_desk(programs, rings()) as desk:
        async with running_caller(programs, desk.port) as caller:
            await desk.saw("INVITE")
            await asyncio.shield(caller.child.stop())
        desk.tell("NONSENSE")
        verdict = await desk.close()
        assert not verdict.passed
        assert "NONSENSE" in verdict.errors


async def test_a_sipp_that_cannot_start_says_why(programs: Programs, tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text("<scenario><recv")
    with pytest.raises(StackError, match=r"does not start: Unable to load .*scenario\.xml"):
        async with running_desk(programs, Behaviour(broken)):
            pass
