"""No application takes the call: FastAGI decides it, or fails to, and the dialplan goes on."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from types import SimpleNamespace
from typing import Any

from conftest import Node, plan

from agi.collector import Collector
from agi.dialplan import DialplanRules
from agi.lookup import Lookup
from agi.protocol import Request
from agi.server import Session, serving
from ari_app.decision import Decision
from ari_app.intake import facts, words
from ari_app.recordings import RecordingArchive
from db.events import Event
from routing.location import choose
from routing.plan import RoutePlan
from stack.caller import Invite, running_caller
from stack.desk import answers, running_desk
from stack.programs import Programs

BLOCKED = SimpleNamespace(verdict="blocked", reason="3 pranks")
PASSES = SimpleNamespace(verdict="pass", reason="")


@dataclass
class Journal:
    """A journal that keeps its events in memory."""

    writer: str = "test.agi"
    events: list[Event] = field(default_factory=list)
    durable: bool = True

    def append(self, events: Sequence[Event], /) -> None:
        self.events.extend(events)

    async def flush(self) -> bool:
        return self.durable

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]


def decides(route: RoutePlan, check: Any = PASSES):
    def decide(channel: str, args: Sequence[str]) -> Decision:
        return Decision(
            facts=facts(channel, words(args)),
            check=check,
            believed=choose((), (), datetime.now(UTC)),
            verdict=None,
            plan=route,
        )

    return decide


@contextlib.asynccontextmanager
async def fastagi(node: Node, verb: Any) -> AsyncIterator[None]:
    async with serving({"lookup": verb}, "127.0.0.1", node.options.agi_port):
        yield


def lookup(node: Node, journal: Journal, route: RoutePlan, check: Any = PASSES) -> Lookup:
    spool = PurePosixPath(node.options.directories.spool)
    rules = DialplanRules("at_once", greeting=True, recordings=spool / "recording")
    return Lookup(decides(route, check), journal, rules)


async def test_without_an_app_fastagi_decides_and_the_dialplan_rings(
    programs: Programs, node: Node, tmp_path: Path
) -> None:
    journal = Journal()
    route = plan("polda-12", "mabes")
    async with (
        fastagi(node, lookup(node, journal, route)),
        running_desk(programs, answers(), node.port_of["polda-12-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        await node.saw(desk, "ACK")
        await caller.answered()
        caller.hang_up()
        await node.saw(desk, "BYE")
        await node.idle()
        archive = RecordingArchive(node.asterisk.spool, tmp_path / "recordings")
        assert await Collector(node.asterisk.spool, journal, archive, decides(route)).collect() == 1
    assert journal.kinds()[:4] == ["arrived", "located", "checked", "planned"]
    assert journal.events[0].data["way"] == "agi"
    assert journal.events[0].data["number"] == node.number
    assert journal.kinds().count("ended") == 1
    assert len({event.call_id for event in journal.events}) == 1
    ended = next(event for event in journal.events if event.kind == "ended")
    assert (ended.data["outcome"], ended.data["unit"]) == ("connected", "polda-12")
    assert list(node.stories.iterdir()) == []


async def test_a_caller_whom_fastagi_blocks_rings_no_desk(programs: Programs, node: Node) -> None:
    journal = Journal()
    async with (
        fastagi(node, lookup(node, journal, plan("mabes"), BLOCKED)),
        running_desk(programs, answers(), node.port_of["mabes-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        ended = await caller.saw("BYE", within_seconds=15)
        story = await node.story()
        assert desk.calls() == []
    assert "cause=21" in (ended.header("Reason") or "")
    assert (story.way, story.blocked) == ("agi", "3 pranks")


async def test_a_fastagi_that_hangs_is_given_up_for_the_static_plan(
    programs: Programs, node: Node
) -> None:
    async with (
        stuck(node),
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        invite = await caller.said("INVITE")
        rung = await node.saw(desk, "INVITE")
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert (rung.at - invite.at).total_seconds() < 2.5
    assert story.way == "static"


@contextlib.asynccontextmanager
async def stuck(node: Node) -> AsyncIterator[None]:
    """A process that takes the connection and then says nothing, as a stopped one does."""
    opened: list[asyncio.StreamWriter] = []

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)

    server = await asyncio.start_server(accept, "127.0.0.1", node.options.agi_port)
    async with server:
        yield
        for writer in opened:
            writer.close()


async def test_a_fastagi_that_fails_is_followed_by_the_static_plan(
    programs: Programs, node: Node
) -> None:
    async def fail(request: Request, session: Session) -> None:
        raise RuntimeError("broken on purpose")

    async with (
        fastagi(node, fail),
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        await node.saw(desk, "ACK")
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert story.way == "static"


async def test_a_call_of_the_static_plan_reaches_the_record_when_we_are_back(
    programs: Programs, node: Node, tmp_path: Path
) -> None:
    journal = Journal(durable=False)
    async with (
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        await node.saw(desk, "ACK")
        await caller.answered()
        caller.hang_up()
        await node.saw(desk, "BYE")
        await node.idle()
    archive = RecordingArchive(node.asterisk.spool, tmp_path / "recordings")
    collector = Collector(node.asterisk.spool, journal, archive, decides(plan("mabes")))
    await collector.collect()
    assert len(list(node.stories.iterdir())) == 1, "removed before its events were durable"
    first = [event for event in journal.events if event.kind != "recording_failed"]
    journal.events.clear()
    journal.durable = True
    await collector.collect()
    again = [event for event in journal.events if event.kind != "recording_failed"]
    assert list(node.stories.iterdir()) == []
    assert first == again
    assert [event.kind for event in again][:4] == ["arrived", "located", "checked", "planned"]
    assert again[0].data["way"] == "static"
    planned = again[3].data["rungs"]
    assert [rung["unit"] for rung in planned] == ["polres-1271", "polda-12", "mabes"]


async def test_facts_reach_fastagi_as_they_were_written(programs: Programs, node: Node) -> None:
    asked: list[Request] = []

    async def listen(request: Request, session: Session) -> None:
        asked.append(request)

    invite = Invite(
        number="%22;%20,%F0%9F%9A%93",
        asserted="+628119999999",
        headers=("P-Access-Network-Info: 3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=510101A2B254AF11",),
    )
    async with (
        fastagi(node, listen),
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, invite) as caller,
    ):
        await desk.saw("INVITE")
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    given = words(asked[0].args[0].split(":"))
    assert asked[0].args == (":".join(story.facts),)
    assert given["num"] == "+628119999999"
    assert given["from"] == '"; ,🚓'
    assert "+628119999999" in given["pai"]
    assert given["pani"] == "3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=510101A2B254AF11"
    assert given["uid"] == asked[0].uniqueid


async def test_the_longest_plan_is_rung(programs: Programs, node: Node) -> None:
    """The limit of plan_text is what Asterisk really reads."""
    long = plan("mabes")
    dead = tuple(
        replace(long.rungs[0].desks[0], dial=f"PJSIP/polres-9999-desk{number}")
        for number in range(200)
    )
    route = replace(
        long, rungs=(replace(long.rungs[0], unit="polres-9999", desks=dead), *long.rungs)
    )
    async with (
        fastagi(node, lookup(node, Journal(), route)),
        running_desk(programs, answers(), node.port_of["mabes-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, Invite(node.number)) as caller,
    ):
        await node.saw(desk, "ACK")
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert story.way == "agi"
    assert len(story.plan[0].dials) > 50


async def test_forty_calls_at_once_are_all_decided_and_rung(
    programs: Programs, node: Node, tmp_path: Path
) -> None:
    journal = Journal()
    route = plan("mabes", seconds=10)
    invite = Invite(node.number)
    async with (
        fastagi(node, lookup(node, journal, route)),
        running_desk(programs, answers(), node.port_of["mabes-desk1"], rtp_ports=200),
        running_caller(
            programs, node.options.sip_port, invite, calls=40, calls_per_second=200, talk_ms=500
        ) as caller,
    ):
        verdict = await caller.ended()
        assert verdict.passed, verdict.errors
        await node.idle()
    archive = RecordingArchive(node.asterisk.spool, tmp_path / "recordings")
    collector = Collector(node.asterisk.spool, journal, archive, decides(route))
    assert await collector.collect() == 40
    ended = [event for event in journal.events if event.kind == "ended"]
    assert len({event.call_id for event in ended}) == 40
    assert {event.data["outcome"] for event in ended} == {"connected"}
    assert journal.kinds().count("arrived") == 40
