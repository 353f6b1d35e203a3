"""A unit's phone, played by SIPp: rings, answers, refuses, says nothing."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from stack.programs import Programs
from stack.sipp import FOREVER_MS, SCENARIOS, Sipp, running_sipp


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a desk does with a call; made by answers(), rings(), refuses(), silent()."""

    scenario: Path
    ring_ms: int = FOREVER_MS
    talk_ms: int = FOREVER_MS
    tone: Path | None = None


def answers(
    after_ms: int | None = 1, talk_ms: int | None = None, tone: Path | None = None
) -> Behaviour:
    """Rings for after_ms, answers, and talks until the caller hangs up, or it does so itself after
    talk_ms. after_ms None: rings until it is told (Desk.answer, busy, decline) or cancelled.
    `tone`: a raw A-law file that is played again and again.
    """
    return Behaviour(
        SCENARIOS / "uas-answer.xml", after_ms or FOREVER_MS, talk_ms or FOREVER_MS, tone
    )


def rings() -> Behaviour:
    """Rings until the call is cancelled; passes only if it is."""
    return Behaviour(SCENARIOS / "uas-expect-cancel.xml")


def busy() -> Behaviour:
    """486 at once."""
    return Behaviour(SCENARIOS / "uas-busy-486.xml")


def declines() -> Behaviour:
    """603 at once."""
    return Behaviour(SCENARIOS / "uas-decline-603.xml")


def unavailable() -> Behaviour:
    """480 at once."""
    return Behaviour(SCENARIOS / "uas-unavailable-480.xml")


def silent() -> Behaviour:
    """Answers OPTIONS, says nothing to an INVITE."""
    return Behaviour(SCENARIOS / "uas-silent.xml")


@dataclass(frozen=True, slots=True)
class Desk(Sipp):
    """A SIPp that waits for calls, of one desk or (by the user part of the URI) of many."""

    def answer(self, call_id: str | None = None) -> None:
        """Answer now."""
        self.tell("ANSWER", call_id)

    def busy(self, call_id: str | None = None) -> None:
        """486 now."""
        self.tell("BUSY", call_id)

    def decline(self, call_id: str | None = None) -> None:
        """603 now."""
        self.tell("DECLINE", call_id)


@contextlib.asynccontextmanager
async def running_desk(
    programs: Programs,
    behaviour: Behaviour | None = None,
    port: int | None = None,
    *,
    address: str = "127.0.0.1",
    rtp_ports: int = 100,
) -> AsyncIterator[Desk]:
    """A desk on address:port that behaves so (answers at once by default)."""
    acts = behaviour or answers()
    keys = {
        "ring_ms": str(acts.ring_ms),
        "talk_ms": str(acts.talk_ms),
        "tone": f"{{dir}}/{acts.tone.name}" if acts.tone else "-",
    }
    async with running_sipp(
        programs,
        acts.scenario,
        keys=keys,
        files=[acts.tone] if acts.tone else [],
        address=address,
        port=port,
        rtp_ports=rtp_ports,
        name="desk",
    ) as sipp:
        yield Desk(sipp.address, sipp.port, sipp.directory, sipp.child, sipp.trace)
