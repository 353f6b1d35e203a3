"""The Stasis application is there: it takes the call, hands it over, or dies while it has it."""

import asyncio

import pytest
from conftest import Node, plan

from agi import plan_text, report
from ari_app.events import CallBroadcast, StasisStart
from stack.caller import Invite, running_caller
from stack.desk import answers, rings, running_desk
from stack.programs import Programs

CALL_ID = "0199a1b2-0000-7000-8000-00000000abcd"


async def claimed(ari) -> StasisStart:
    """Claim the call that is offered."""
    async for event in ari:
        match event:
            case CallBroadcast(channel=channel):
                await ari.events.claim(channel.id)
            case StasisStart():
                return event
    raise AssertionError("the connection was closed")


async def hand_over(ari, channel: str, **changes: str) -> None:
    variables = {
        "CALL_ID": CALL_ID,
        "RUNG_FIRST": "1",
        "ATTEMPTS": "0",
        "ANSWER": "at_once",
        "GREETING": "0",
        "RECORDING": "",
        "BLOCKED": "",
        "PLAN": plan_text.encode(plan("polres-1271", "polda-12", "mabes")),
    }
    await ari.channels.set_variables(channel, {**variables, **changes})
    await ari.channels.continue_in_dialplan(channel, context="escalate", extension="s", priority=1)


async def test_a_call_that_the_app_has_to_its_end_leaves_no_story(
    programs: Programs, node: Node
) -> None:
    async with (
        node.app() as ari,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        started = await claimed(ari)
        assert "trunk=trunk-test" in started.args
        await ari.channels.answer(started.channel.id)
        await caller.answered()
        caller.hang_up()
        await caller.saw("200 BYE")
        await node.idle()
    assert list(node.stories.iterdir()) == []


async def test_a_call_handed_over_is_rung_by_the_dialplan(programs: Programs, node: Node) -> None:
    async with (
        node.app() as ari,
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        started = await claimed(ari)
        await hand_over(ari, started.channel.id)
        await node.saw(desk, "ACK")
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert (story.way, story.call_id, story.status) == ("ari", CALL_ID, "ANSWER")
    assert story.facts == ()


async def test_a_call_handed_over_in_its_second_rung_goes_on_there(
    programs: Programs, node: Node
) -> None:
    async with (
        node.app() as ari,
        running_desk(programs, rings(), node.port_of["polda-12-desk1"]) as polda,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        started = await claimed(ari)
        await hand_over(ari, started.channel.id, RUNG_FIRST="2", ATTEMPTS="1")
        await node.said(polda, "180")
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert [rung.unit for rung in story.rungs] == ["polda-12"]
    assert report.events(story)[-1].data["rung"] == 2


async def test_answered_on_connect_the_caller_is_not_answered_before_the_desk(
    programs: Programs, node: Node
) -> None:
    async with (
        node.app() as ari,
        running_desk(programs, answers(None), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        started = await claimed(ari)
        await hand_over(ari, started.channel.id, ANSWER="on_connect")
        await caller.saw("180")
        assert caller.final() is None
        desk.answer()
        await caller.answered()
        caller.hang_up()
        await node.story()


@pytest.mark.parametrize(("answer", "seen"), [("at_once", "BYE"), ("on_connect", "403 INVITE")])
async def test_a_blocked_caller_is_told_so_and_ended_with_cause_21(
    programs: Programs, node: Node, answer: str, seen: str
) -> None:
    async with (
        node.app() as ari,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        started = await claimed(ari)
        await hand_over(ari, started.channel.id, BLOCKED="3 pranks", PLAN="", ANSWER=answer)
        if answer == "at_once":
            await caller.answered()
            while (await caller.heard()).packets < 50:
                pass
        ended = await caller.saw(seen, within_seconds=15)
        story = await node.story()
    assert "cause=21" in (ended.header("Reason") or "")
    assert story.ended_by == "service"
    assert report.events(story)[-1].data["outcome"] == "blocked"


async def test_a_call_whose_app_has_died_goes_on_when_the_dead_mans_switch_runs_out(
    programs: Programs, node: Node
) -> None:
    async with (
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        async with node.app() as ari:
            started = await claimed(ari)
            await ari.channels.set_variable(started.channel.id, "TIMEOUT(absolute)", "1")
        await node.saw(desk, "ACK", within_seconds=10)
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert story.way == "static"


async def test_a_decided_call_whose_app_has_died_is_rung_by_its_plan(
    programs: Programs, node: Node
) -> None:
    async with (
        running_desk(programs, answers(), node.port_of["mabes-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        async with node.app() as ari:
            started = await claimed(ari)
            await ari.channels.set_variables(
                started.channel.id,
                {
                    "CALL_ID": CALL_ID,
                    "PLAN": plan_text.encode(plan("mabes")),
                    "TIMEOUT(absolute)": "1",
                },
            )
        await node.saw(desk, "ACK", within_seconds=10)
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert (story.way, story.call_id) == ("ari", CALL_ID)


async def test_an_app_that_lets_go_of_a_call_does_not_lose_it(
    programs: Programs, node: Node
) -> None:
    async with (
        node.app() as ari,
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        started = await claimed(ari)
        await ari.channels.continue_in_dialplan(started.channel.id)
        await node.saw(desk, "ACK")
        await caller.answered()
        caller.hang_up()
        await node.story()


async def test_an_app_that_does_not_claim_costs_no_more_than_the_wait(
    programs: Programs, node: Node
) -> None:
    async with (
        node.app() as ari,
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        assert ari.is_connected
        invite = await caller.said("INVITE")
        rung = await node.saw(desk, "INVITE")
        await caller.answered()
        caller.hang_up()
        await node.story()
    assert (rung.at - invite.at).total_seconds() < node.options.broadcast_ms / 1000 + 0.15
    await asyncio.sleep(0)
