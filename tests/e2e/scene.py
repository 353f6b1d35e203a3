"""One test's desks and callers, and what must hold whatever the test is about."""

import asyncio
import contextlib
import itertools
import re
import time
from collections.abc import AsyncIterator, Collection, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

from stack.caller import Caller, Invite, running_caller
from stack.desk import Behaviour, Desk, answers, running_desk, silent
from stack.pidf import pidf
from stack.process import StackError
from stack.sip_trace import Message
from stack.sipp import Sipp, Verdict
from tests.e2e.record import Record, all_calls, records
from tests.e2e.stage import TRUNK_MEDAN, Stage

IDLE_SECONDS = 2.0
PACKETS = 5  # of 20 ms
WITHOUT_A_CALL = 99  # SIPp's exit status

# What Asterisk says when it is as it should be.
IN_ORDER = (
    # The caller hangs up while something is played to it.
    r"Playback failed for sound:polri110/",
    # A phone that is not registered is dialled all the same, and refused.
    r"Could not create dialog to invalid URI|Failed to create outgoing session",
)
CROSSED = (
    # Asterisk's own BYE, or its answer, crosses a BYE.
    "Session already DISCONNECTED|Failed to answer channel",
    # What was to be done with a channel or a bridge that has just gone.
    "ari_request_failed",
    # A talk of a few milliseconds has nothing to record.
    "recording_failed",
)
"""What is said when two hang up, or one hangs up and one answers, in the same moment."""


def medan() -> str:
    """A fix in Medan Barat: Polrestabes Medan, polres-1271."""
    return pidf(3.5952, 98.6722, 35)


def lubuk_pakam() -> str:
    """A fix in Lubuk Pakam: Polresta Deli Serdang, polres-1207, which has three desks."""
    return pidf(3.5569, 98.8756, 35)


def binjai() -> str:
    """A fix in Binjai Kota: Polres Binjai, polres-1275, whose phone registers."""
    return pidf(3.6001, 98.4854, 35)


def seconds(earlier: Message | datetime, later: Message | datetime) -> float:
    """From one message to another, as SIPp saw them (one machine, one clock)."""
    first, second = (m.at if isinstance(m, Message) else m for m in (earlier, later))
    return (second - first).total_seconds()


async def talking(caller: Caller, desk: Desk) -> None:
    """Wait until desk and caller hear each other: some RTP from the other side of the bridge."""
    # The caller has heard the service before; the desk hears nothing until it is connected.
    await desk.saw("INVITE")
    await desk.saw("ACK", call_id=desk.calls()[-1])
    for party in (desk, caller):
        await hearing(party)


async def hearing(party: Caller | Desk) -> None:
    """Wait until some RTP comes to the party."""
    enough = (await party.heard()).packets + PACKETS
    deadline = time.monotonic() + 5
    while (heard := await party.heard()).packets < enough:
        assert time.monotonic() < deadline, f"{party.child.name} has heard {heard}"
        await asyncio.sleep(0.02)


@dataclass(slots=True)
class Scene:
    """A test's part of a stage."""

    stage: Stage
    known: Collection[str]
    numbers: Iterator[int]
    stack: contextlib.AsyncExitStack
    callers: list[Caller] = field(default_factory=list)
    desks: list[Desk] = field(default_factory=list)
    others: int = 0  # calls that no SIPp made
    complaints: Collection[str] = ()  # what was complained of before this test
    in_order: list[str] = field(default_factory=lambda: list(IN_ORDER))

    async def desk(self, code: str, behaviour: Behaviour | None = None) -> Desk:
        """Put a SIPp where this desk's phone is expected: it answers at once by default."""
        phone = self.stage.phones[code if "-desk" in code else f"{code}-desk1"]
        acts = replace(behaviour or answers(), tone=self.stage.tones.desk)
        desk = await self.stack.enter_async_context(
            running_desk(self.stage.programs, acts, phone.port, address=phone.address)
        )
        if behaviour != silent():
            self.desks.append(desk)
        return desk

    def number(self) -> str:
        """A mobile number that no other call of this session has."""
        return f"+62812{next(self.numbers):08d}"

    async def call(
        self,
        location: str | None = None,
        invite: Invite | None = None,
        *,
        patience_ms: int | None = None,
        talk_ms: int | None = None,
        calls: int = 1,
        calls_per_second: float = 10.0,
        address: str = TRUNK_MEDAN,
    ) -> Caller:
        """Call 110 now, and speak: with a number of its own unless the invite has one."""
        said = invite or Invite(number=self.number())
        caller = await self.stack.enter_async_context(
            running_caller(
                self.stage.programs,
                self.stage.node.sip_port,
                replace(said, pidf=location) if location else said,
                patience_ms=patience_ms,
                talk_ms=talk_ms,
                tone=self.stage.tones.caller,
                calls=calls,
                calls_per_second=calls_per_second,
                address=address,
            )
        )
        self.callers.append(caller)
        return caller

    async def record(self, *, within_seconds: float = 5.0) -> Record:
        """The record of the test's one call, which is over or about to be."""
        (record,) = await self.records(1, within_seconds=within_seconds)
        return record

    async def records(self, count: int, *, within_seconds: float = 5.0) -> list[Record]:
        """The records of the test's calls, in the order of their arrival."""
        recorded = self.stage.settings.get("recording") != "false"
        return await records(
            self.stage.database,
            self.known,
            count,
            recorded=recorded,
            within_seconds=within_seconds,
        )

    def recording(self, record: Record) -> Path:
        """The file of a call's recording."""
        return self.stage.node.data_dir / str(record.recording["file"])

    def entered(self) -> int:
        """How many INVITEs of the test were taken as calls: refused ones are not even tried."""
        return self.others + sum(
            1
            for caller in self.callers
            for call_id in caller.calls()
            if caller.trace.find("100", call_id=call_id)
        )

    async def closed(self) -> None:
        """What must hold after every test; raises AssertionError."""
        asterisk = self.stage.node.asterisk
        try:
            await self.stage.node.idle(IDLE_SECONDS)
        except StackError as left:
            await asterisk.cli("channel request hangup all")
            raise AssertionError(str(left)) from left
        await self._followed()
        bridges = await asterisk.cli("bridge show all")
        assert len(bridges.strip().splitlines()) == 1, bridges
        for record in await self.records(self.entered()):
            assert record.kinds.count("ended") == 1, record.kinds
            assert record["anomalies"] == []
        unexpected = [
            line
            for line in self.stage.complaints()
            if line not in self.complaints
            and not any(re.search(pattern, line) for pattern in self.in_order)
        ]
        assert not unexpected, "\n".join(unexpected)

    async def _followed(self) -> None:
        """Every phone and caller saw what its scenario expects."""
        verdicts: list[tuple[Sipp, Verdict]] = [
            (sipp, await sipp.ended(IDLE_SECONDS)) for sipp in self.callers
        ]
        verdicts += [(sipp, await sipp.close(IDLE_SECONDS)) for sipp in self.desks]
        for sipp, verdict in verdicts:
            if verdict.status not in (0, WITHOUT_A_CALL):
                seen = "\n".join(map(str, sipp.messages))
                raise AssertionError(f"{sipp.child.name}: {verdict.errors}\n{seen}")


numbers = itertools.count(10_000_000)


@contextlib.asynccontextmanager
async def playing(stage: Stage) -> AsyncIterator[Scene]:
    """A scene; when the test is through, no channel and no bridge is left, neither Asterisk nor
    our own processes have complained, and every INVITE that entered has exactly one outcome.
    """
    complaints = frozenset(stage.complaints())
    async with contextlib.AsyncExitStack() as stack:
        known = await all_calls(stage.database)
        scene = Scene(stage, known, numbers, stack, complaints=complaints)
        yield scene
        await scene.closed()
