"""Who calls: blocked, anonymous, badly written, a stranger, and many at once."""

import signal

import pytest

from stack.caller import Invite
from stack.desk import answers
from tests.e2e.scene import Scene, hearing, medan, seconds, talking
from tests.e2e.stage import BLOCKED, STRANGER


async def test_a_blocked_caller_hears_so_and_rings_nobody(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(invite=Invite(number=BLOCKED, pidf=medan()))
    answered = await caller.answered()
    await hearing(caller)
    ended = await caller.saw("BYE", within_seconds=15)
    assert seconds(answered, ended) > 3
    assert "cause=21" in (ended.header("Reason") or "")
    record = await scene.record()
    assert (record["outcome"], record["verdict"]) == ("blocked", "blocked")
    assert (record["ended_by"], record["verdict_reason"]) == ("service", "on the block list")
    assert (record.rungs, record.legs, record.recordings) == ([], [], [])
    assert polres.calls() == []


@pytest.mark.parametrize("written", [BLOCKED[1:], f"0{BLOCKED[3:]}", "0811-9999-000"])
async def test_a_blocked_number_is_blocked_however_it_is_written(
    scene: Scene, written: str
) -> None:
    caller = await scene.call(invite=Invite(number=written, pidf=medan()))
    await caller.answered()
    await hearing(caller)
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["ended_by"]) == ("blocked", "caller")
    assert record["number"] == int(BLOCKED)


async def test_nobody_waits_while_a_blocked_caller_is_told_so(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    blocked = await scene.call(invite=Invite(number=BLOCKED, pidf=medan()))
    await blocked.answered()
    for count in range(1, 4):
        caller = await scene.call(medan())
        rung = await polres.saw("INVITE", count=count)
        assert seconds(await caller.said("INVITE"), rung) < 0.3
        await talking(caller, polres)
        caller.hang_up()
    await blocked.saw("BYE", within_seconds=15)
    outcomes = [record["outcome"] for record in await scene.records(4)]
    assert outcomes == ["blocked", "connected", "connected", "connected"]


async def test_an_anonymous_caller_is_served_and_has_no_number(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(invite=Invite(number="anonymous", privacy="id", pidf=medan()))
    await talking(caller, polres)
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["verdict"]) == ("connected", "pass")
    assert record["number"] is None
    assert record["withheld"]


async def test_a_withheld_caller_whom_the_trunk_asserts_is_known_to_record_and_desk(
    scene: Scene,
) -> None:
    number = scene.number()
    invite = Invite(number="anonymous", asserted=number, privacy="id", pidf=medan())
    polres = await scene.desk("polres-1271")
    caller = await scene.call(invite=invite)
    await talking(caller, polres)
    caller.hang_up()
    shown = (await polres.saw("INVITE")).header("P-Asserted-Identity")
    assert f"sip:{number}@" in (shown or "")
    record = await scene.record()
    assert (record["number"], record["withheld"], record["asserted"]) == (int(number), True, True)


async def test_a_blocked_number_that_the_trunk_asserts_is_blocked_whatever_from_says(
    scene: Scene,
) -> None:
    invite = Invite(number=scene.number(), asserted=BLOCKED, pidf=medan())
    caller = await scene.call(invite=invite)
    await caller.answered()
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["number"]) == ("blocked", int(BLOCKED))


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("abc", "abc"),
        ("0812-3456-7890", "0812-3456-7890"),
        ("'DROP%20TABLE%20calls--", "'DROP TABLE calls--"),
        ("%22%27%22%27%2C%26%7C%40", "\"'\"',&|@"),
        ("9" * 300, "9" * 79),
        ("%F0%9F%98%80%F0%9F%9A%A8", "😀🚨"),
        ("%24%7BSHELL(id)%7D", "${SHELL(id)}"),
        ("1~2", "1~2"),
        ("%00", ""),
    ],
    ids=["letters", "hyphens", "sql", "quotes", "300", "emoji", "dialplan", "tilde", "nul"],
)
async def test_no_way_of_writing_a_number_keeps_a_caller_from_the_desk(
    scene: Scene, written: str, kept: str
) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(invite=Invite(number=written, pidf=medan()))
    await talking(caller, polres)
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["unit"]) == ("connected", "polres-1271")
    assert (record["way"], record["number_raw"]) == ("ari", kept)
    assert len(polres.calls()) == 1


@pytest.mark.parametrize(
    "name",
    ['"☎ 🚨"', '"\'; DROP TABLE calls; --"', '"${SHELL(id)} a|b^c:d=e&f,g"', '"' + "x" * 300 + '"'],
)
async def test_no_name_keeps_a_caller_from_the_desk(scene: Scene, name: str) -> None:
    scene.in_order.append("CallerID Name .* invalid UTF-8|Failed to parse URI")
    polres = await scene.desk("polres-1271")
    number = scene.number()
    caller = await scene.call(medan(), Invite(number=number, display=name))
    await talking(caller, polres)
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["number"]) == ("connected", int(number))


@pytest.mark.parametrize("number", ["☎🚨", "x'; DROP TABLE calls; --", "a|b^c", '"', "08 12"])
async def test_what_is_no_sip_is_not_answered_and_the_next_caller_is(
    scene: Scene, number: str
) -> None:
    """RFC 3261, 25.1: none of these may stand in a URI; PJSIP takes it for no message at all."""
    polres = await scene.desk("polres-1271")
    broken = await scene.call(medan(), Invite(number=number))
    await broken.said("INVITE", count=2)  # repeated, since nobody answers
    broken.child.send(signal.SIGKILL)
    scene.callers.remove(broken)
    caller = await scene.call(medan())
    await talking(caller, polres)
    caller.hang_up()
    assert [message for message in broken.messages if not message.sent] == []
    assert (await scene.record())["outcome"] == "connected"


async def test_a_stranger_is_refused_and_enters_no_record(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    scene.in_order.append("No matching endpoint found")
    caller = await scene.call(medan(), address=STRANGER)
    await caller.ended()
    final = caller.final()
    assert final is not None
    assert final.what in ("401", "403", "404")
    assert polres.calls() == []
    assert await scene.records(0) == []


async def test_of_fifty_calls_at_once_none_is_lost(scene: Scene) -> None:
    polres = await scene.desk("polres-1271", answers(after_ms=500))
    caller = await scene.call(
        invite=Invite(number="+62813555{n}", pidf=medan()),
        calls=50,
        calls_per_second=50,
        talk_ms=2000,
    )
    assert (await caller.ended()).passed
    records = await scene.records(50, within_seconds=20)
    assert {record["outcome"] for record in records} == {"connected"}
    assert {record["unit"] for record in records} == {"polres-1271"}
    assert len({record["call_id"] for record in records}) == 50
    assert len(polres.calls()) == 50
    assert {record.recording["state"] for record in records} == {"finished"}
    for record in records:
        assert record.recording["seconds"] > record["talk_seconds"] - 0.5
