"""No process of ours answers: the dialplan alone brings the call to a desk."""

import contextlib
import uuid
import wave
from urllib.parse import unquote

import pytest
from conftest import BROADCAST_MS, RING_SECONDS, Node

from agi import report
from ari_app.intake import words
from stack.caller import Invite, running_caller
from stack.desk import answers, busy, declines, rings, running_desk, silent
from stack.programs import Programs
from stack.sip_trace import Message
from stack.tone import write_tone


def seconds(first: Message, second: Message) -> float:
    return (second.at - first.at).total_seconds()


async def test_without_app_and_fastagi_the_polres_is_rung(programs: Programs, node: Node) -> None:
    async with (
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        invite = await caller.said("INVITE")
        rung = await node.saw(desk, "INVITE")
        await caller.answered()
        await node.saw(desk, "ACK")
        caller.hang_up()
        await node.saw(desk, "BYE")
        story = await node.story()
    # Greeting and notice are spoken meanwhile: beyond the wait for an app, nothing delays the desk.
    assert seconds(invite, rung) < BROADCAST_MS / 1000 + 0.15
    assert (story.way, story.status, story.desk) == ("static", "ANSWER", "polres-1271-desk1")
    assert story.ended_by == "caller"
    made = uuid.UUID(story.call_id)
    assert made.version == 7
    assert abs((made.int >> 80) / 1000 - story.arrived_at.timestamp()) < 2
    assert story.talk_seconds > 0
    await node.idle()


async def test_the_time_that_a_desk_rings_is_not_talk(programs: Programs, node: Node) -> None:
    async with (
        running_desk(programs, answers(1500), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        await caller.answered()
        await node.saw(desk, "ACK")
        caller.hang_up()
        story = await node.story()
    # The caller's own channel is answered before the desk rings; 1.5 s of it were ringing.
    assert 0 < story.talk_seconds < 1.0


async def test_the_caller_hears_the_greeting_while_the_desk_rings(
    programs: Programs, node: Node
) -> None:
    async with (
        running_desk(programs, rings(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        await caller.answered()
        await node.said(desk, "180")
        heard = await caller.heard()
        while heard.packets < 20:
            heard = await caller.heard()
        caller.hang_up()
        await node.saw(desk, "CANCEL")
        await node.story()
    assert heard.payload_type == 8
    assert len(set(heard.payload)) > 1, "silence"


async def test_both_desks_of_a_unit_ring_and_one_gets_the_call(
    programs: Programs, node: Node
) -> None:
    async with (
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as one,
        running_desk(programs, rings(), node.port_of["polres-1271-desk2"]) as other,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        await node.saw(one, "ACK")
        await node.saw(other, "CANCEL")
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    ended = {event.data["leg"][-1]: event.data["reason"] for event in legs_ended(story)}
    assert ended == {"1": "hung_up", "2": "cancelled"}


def legs_ended(story: object) -> list[object]:
    return [event for event in report.events(story) if event.kind == "leg_ended"]


async def test_a_silent_polres_is_followed_by_its_polda(programs: Programs, node: Node) -> None:
    async with (
        running_desk(programs, rings(), node.port_of["polres-1271-desk1"]) as polres,
        running_desk(programs, answers(), node.port_of["polda-12-desk1"]) as polda,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        first = await node.saw(polres, "INVITE")
        second = await node.saw(polda, "INVITE")
        await node.saw(polres, "CANCEL")
        await node.saw(polda, "ACK")
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert RING_SECONDS - 0.1 < seconds(first, second) < RING_SECONDS + 0.5
    assert [(rung.unit, rung.status) for rung in story.rungs] == [
        ("polres-1271", "NOANSWER"),
        ("polda-12", "ANSWER"),
    ]


async def test_a_busy_polres_is_left_within_a_second(programs: Programs, node: Node) -> None:
    async with (
        running_desk(programs, busy(), node.port_of["polres-1271-desk1"]) as one,
        running_desk(programs, declines(), node.port_of["polres-1271-desk2"]),
        running_desk(programs, answers(), node.port_of["polda-12-desk1"]) as polda,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        first = await node.saw(one, "INVITE")
        second = await node.saw(polda, "INVITE")
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert seconds(first, second) < 0.5
    assert story.rungs[0].said == {"polres-1271-desk1": 486, "polres-1271-desk2": 603}


async def test_a_dead_polres_is_left_within_a_second(programs: Programs, node: Node) -> None:
    async with (
        running_desk(programs, silent(), node.port_of["polres-1271-desk1"]) as dead,
        running_desk(programs, answers(), node.port_of["polda-12-desk1"]) as polda,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        first = await node.saw(dead, "INVITE")
        second = await node.saw(polda, "INVITE")
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert seconds(first, second) < 1.0
    assert story.rungs[0].status == "CHANUNAVAIL"


async def test_busy_everywhere_all_are_tried_again_until_one_answers(
    programs: Programs, node: Node
) -> None:
    first = node.port_of["polres-1271-desk1"]
    async with (
        running_desk(programs, busy(), node.port_of["polres-1271-desk2"]),
        running_desk(programs, busy(), node.port_of["polda-12-desk1"]),
        running_desk(programs, busy(), node.port_of["mabes-desk1"]) as mabes,
        contextlib.AsyncExitStack() as calling,
    ):
        async with running_desk(programs, busy(), first):
            call = running_caller(programs, node.options.sip_port, Invite(node.number))
            caller = await calling.enter_async_context(call)
            await node.saw(mabes, "ACK")
        async with running_desk(programs, answers(), first) as desk:
            await node.saw(desk, "ACK")
            await caller.answered()
            caller.hang_up()
            story = await node.story()
    assert story.rungs_rung == 4
    assert story.rung == 1


async def test_nobody_answers_the_last_unit_is_rung_again_until_the_caller_leaves(
    programs: Programs, node: Node
) -> None:
    async with (
        running_desk(programs, busy(), node.port_of["polres-1271-desk1"]),
        running_desk(programs, busy(), node.port_of["polres-1271-desk2"]),
        running_desk(programs, busy(), node.port_of["polda-12-desk1"]),
        running_desk(programs, rings(), node.port_of["mabes-desk1"]) as mabes,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        await node.saw(mabes, "INVITE", count=2)
        await caller.answered()
        caller.hang_up()
        await node.saw(mabes, "CANCEL", count=2)
        story = await node.story()
    ended = report.events(story)[-1]
    assert ended.kind == "ended"
    assert (ended.data["outcome"], ended.data["rung"], ended.data["unit"]) == (
        "abandoned",
        4,
        "mabes",
    )
    await node.idle()


async def test_a_caller_who_leaves_while_it_rings_takes_the_desk_with_him(
    programs: Programs, node: Node
) -> None:
    async with (
        running_desk(programs, rings(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        await node.said(desk, "180")
        await caller.answered()
        caller.hang_up()
        left = await caller.said("BYE")
        cancelled = await node.saw(desk, "CANCEL")
        story = await node.story()
    assert seconds(left, cancelled) < 0.5
    assert story.status == "CANCEL"


async def test_a_caller_who_leaves_before_anything_is_decided_leaves_a_story(
    programs: Programs, node: Node
) -> None:
    async with running_caller(programs, node.options.sip_port, Invite(node.number)) as caller:
        await caller.saw("100")
        caller.hang_up()
        await caller.saw("487")
        story = await node.story()
    assert story.taken_at is None
    ended = report.events(story)[-1]
    assert (ended.data["outcome"], ended.data["rung"]) == ("abandoned", None)


async def test_the_desk_hangs_up_and_the_caller_is_let_go(programs: Programs, node: Node) -> None:
    async with (
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        await caller.answered()
        await node.saw(desk, "ACK")
        desk.hang_up()
        await caller.saw("BYE")
        story = await node.story()
    assert story.ended_by == "desk"


async def test_what_both_said_is_recorded_from_the_answer_on(
    programs: Programs, node: Node, tmp_path
) -> None:
    tone = write_tone(tmp_path / "tone.alaw", 700)
    async with (
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number), tone=tone) as caller,
    ):
        await node.saw(desk, "ACK")
        await node.recorded(16_000)
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    with wave.open(str(node.recording(story))) as sound:
        recorded = sound.getnframes() / sound.getframerate()
        assert sound.getframerate() == 8000
    assert abs(recorded - story.talk_seconds) < 0.5


@pytest.mark.parametrize(
    "number",
    [
        "';%20DROP%20TABLE%20calls;%20--",
        "$%7BSHELL(id)%7D",
        "%F0%9F%9A%93%F0%9F%9A%93",
        "a,b(c)d%5Ee&f+g",
        "%22quoted%22",
        "9" * 300,
    ],
)
async def test_whatever_the_caller_writes_the_call_goes_through(
    programs: Programs, node: Node, number: str
) -> None:
    known = len(node.asterisk.complaints())
    invite = Invite(number=number, display='"Ibu, \\"Ani\\" (110)"')
    async with (
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, invite) as caller,
    ):
        await caller.answered()
        await desk.saw("ACK")
        caller.hang_up()
        story = await node.story()
    assert [word.partition("=")[0] for word in story.facts] == [
        *("trunk", "dialled", "uid", "num", "pres", "from", "pai", "pani")
    ]
    assert unquote(words(story.facts)["from"]) == unquote(number)[:80]
    assert not [line for line in node.asterisk.complaints()[known:] if " ERROR[" in line]
