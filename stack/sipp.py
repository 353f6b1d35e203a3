"""A running SIPp: started from a scenario, followed through its trace, steered by commands.

A scenario waits for requests that no network sends (ANSWER, HANGUP, HOLD ...); they are sent to
SIPp's own port with the Call-ID of the call that is meant. So a test decides on what it sees, not
on a clock.
"""

import asyncio
import contextlib
import re
import shutil
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from stack.ports import Ports, bound
from stack.process import Child, StackError, start
from stack.programs import Programs
from stack.sip_trace import Message, NotSeenError, Trace

SCENARIOS = Path(__file__).parent / "scenarios"
FOREVER_MS = 24 * 3600 * 1000
START_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Heard:
    """What came to a party by RTP: packets, payload type and first payload, DTMF (RFC 4733)."""

    packets: int
    payload_type: int | None
    payload: bytes
    digits: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a SIPp ended: 0 all its calls went as the scenario says, 1 not, 99 it had none."""

    status: int
    errors: str

    @property
    def passed(self) -> bool:
        """Whether every call went as its scenario says."""
        return self.status == 0


@dataclass(frozen=True, slots=True)
class Sipp:
    """One running SIPp, with everything it saw."""

    address: str
    port: int
    directory: Path
    child: Child
    trace: Trace

    async def saw(self, what: str, **fitting: object) -> Message:
        """Wait for a message that it received: "INVITE", "180", "200 BYE".

        Keywords: call_id, user (of the request's URI), after (a Message), count, within_seconds
        (5 by default). Raises NotSeenError.
        """
        return await self.trace.wait(what, False, **fitting)  # type: ignore[arg-type]

    async def said(self, what: str, **fitting: object) -> Message:
        """Wait for a message that it sent; keywords as of saw()."""
        return await self.trace.wait(what, True, **fitting)  # type: ignore[arg-type]

    @property
    def messages(self) -> list[Message]:
        """Everything it sent and received so far, without OPTIONS."""
        return self.trace.read()

    def calls(self, user: str | None = None) -> list[str]:
        """Call-IDs in the order of their INVITEs, of one desk or of all."""
        invites = self.trace.find("INVITE", user=user)
        return list(dict.fromkeys(message.call_id for message in invites))

    def tell(self, command: str, call_id: str | None = None, **headers: str) -> None:
        """Steer a call (the newest one by default) by a command of its scenario."""
        meant = call_id or next(reversed(self.calls()), None)
        if meant is None:
            raise StackError(f"SIPp on port {self.port} has no call that could be told {command}")
        lines = [
            f"{command} sip:sipp@{self.address}:{self.port} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.address};branch=z9hG4bK-{time.monotonic_ns()}",
            "From: <sip:steer@localhost>;tag=steer",
            "To: <sip:sipp@localhost>",
            f"Call-ID: {meant}",
            f"CSeq: 1 {command}",
            *(f"{name}: {value}" for name, value in headers.items()),
            "Content-Length: 0",
        ]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
            line.sendto(("\r\n".join(lines) + "\r\n\r\n").encode(), (self.address, self.port))

    def hang_up(self, call_id: str | None = None) -> None:
        """BYE; a caller whose call is not answered yet sends CANCEL."""
        self.tell("HANGUP", call_id)

    def hold(self, call_id: str | None = None) -> None:
        """Put the other side on hold by a re-INVITE with sendonly."""
        self.tell("HOLD", call_id)

    def resume(self, call_id: str | None = None) -> None:
        """Take it back by a re-INVITE with sendrecv."""
        self.tell("RESUME", call_id)

    def press(self, digits: str, call_id: str | None = None) -> None:
        """Send DTMF by RFC 4733, 160 ms a digit."""
        self.tell("DTMF", call_id, Digits=digits)

    async def heard(self, call_id: str | None = None, within_seconds: float = 5.0) -> Heard:
        """What came by RTP so far, or, of a call that has ended, until its end."""
        meant = call_id or next(reversed(self.calls()), "")
        before = len(_reports(self.directory, meant))
        ended = bool(self.trace.find("BYE", call_id=meant))
        if not ended:
            self.tell("REPORT", meant)
        deadline = time.monotonic() + within_seconds
        while len(reports := _reports(self.directory, meant)) <= (0 if ended else before):
            if time.monotonic() > deadline:
                raise StackError(f"SIPp on port {self.port} does not report: is the call answered?")
            await asyncio.sleep(0.01)
        return reports[-1]

    async def heard_digits(
        self, digits: str, call_id: str | None = None, within_seconds: float = 5.0
    ) -> None:
        """Wait until these DTMF digits have come, no fewer and no others.

        Raises NotSeenError.
        """
        deadline = time.monotonic() + within_seconds
        while (heard := (await self.heard(call_id)).digits) != digits:
            if time.monotonic() > deadline:
                raise NotSeenError(f"digits {heard!r} rather than {digits!r}")
            await asyncio.sleep(0.05)

    async def ended(self, within_seconds: float = 30.0) -> Verdict:
        """Wait until it ends by itself, as a caller does after its calls."""
        try:
            status = await asyncio.wait_for(self.child.process.wait(), within_seconds)
        except TimeoutError:
            status = await self.child.stop(signal.SIGKILL)
        return Verdict(status, _errors(self.directory))

    async def close(self, patience_seconds: float = 2.0) -> Verdict:
        """Let the calls that are still up end, then stop it."""
        self.child.send(signal.SIGUSR1)
        return await self.ended(patience_seconds)


@contextlib.asynccontextmanager
async def running_sipp(
    programs: Programs,
    scenario: Path | str,
    arguments: Sequence[str] = (),
    keys: Mapping[str, str] | None = None,
    *,
    files: Sequence[Path] = (),
    address: str = "127.0.0.1",
    port: int | None = None,
    rtp_ports: int = 100,
    name: str = "sipp",
) -> AsyncIterator[Sipp]:
    """A SIPp on address:port (any free one by default).

    `scenario` is a file, or the text of one. `keys` fill the scenario's [keywords]; in them
    and in arguments, {dir} is the directory of `files` as SIPp sees it. rtp_ports: 4 for each call
    at once.
    """
    own = Ports()
    with contextlib.ExitStack() as closing:
        closing.callback(own.close)
        directory = closing.enter_context(programs.instance(name))
        inside = programs.inside(directory)
        port = port or own.any()
        rtp = own.block(rtp_ports)
        _place(directory, scenario, files)
        values = {key: value.replace("{dir}", inside) for key, value in (keys or {}).items()}
        command = programs.command(
            "sipp",
            *("-sf", f"{inside}/scenario.xml", "-i", address, "-bind_local", "-p", str(port)),
            *("-mi", address, "-min_rtp_port", str(rtp.start), "-max_rtp_port", str(rtp.stop - 1)),
            *("-aa", "-nostdin", "-cp", str(own.any()), "-ci", "127.0.0.1"),
            *("-trace_msg", "-message_file", f"{inside}/messages.log"),
            *("-trace_logs", "-log_file", f"{inside}/reports.log"),
            *("-trace_err", "-error_file", f"{inside}/errors.log"),
            *(part for key, value in values.items() for part in ("-key", key, value)),
            *(argument.replace("{dir}", inside) for argument in arguments),
        )
        child = await start(name, command, directory / "output", {"TZ": "UTC", "TERM": "dumb"})
        sipp = Sipp(address, port, directory, child, Trace(directory / "messages.log"))
        try:
            await _listening(sipp)
            yield sipp
        finally:
            await asyncio.shield(child.stop(signal.SIGKILL))


def _place(directory: Path, scenario: Path | str, files: Sequence[Path]) -> None:
    text = scenario if isinstance(scenario, str) else scenario.read_text(encoding="utf-8")
    (directory / "scenario.xml").write_text(text, encoding="utf-8")
    for file in files:
        shutil.copyfile(file, directory / file.name)


async def _listening(sipp: Sipp) -> None:
    """Wait until its socket is bound."""
    deadline = time.monotonic() + START_SECONDS
    while sipp.child.running and time.monotonic() < deadline:
        if bound(sipp.port, "udp"):
            return
        await asyncio.sleep(0.01)
    if sipp.child.process.returncode == 0:  # a caller whose call is over already
        return
    words = (_errors(sipp.directory) or sipp.child.tail(1)).strip().rpartition("\n")[2]
    raise StackError(f"SIPp on port {sipp.port} does not start: {words.rpartition(': ')[2]}")


def _errors(directory: Path) -> str:
    try:
        return (directory / "errors.log").read_text(errors="replace")
    except FileNotFoundError:
        return ""


def _reports(directory: Path, call_id: str) -> list[Heard]:
    try:
        text = (directory / "reports.log").read_text(errors="replace")
    except FileNotFoundError:
        return []
    pattern = re.compile(
        r"^(\S+) packets=([\d.]*) payload_type=(-?[\d.]*) payload=([0-9a-fA-F]*) digits=(\S*)$",
        re.MULTILINE,
    )
    return [
        Heard(
            packets=int(float(packets or 0)),
            payload_type=int(float(kind)) if kind and not kind.startswith("-") else None,
            payload=bytes.fromhex(payload),
            digits=digits,
        )
        for call, packets, kind, payload, digits in pattern.findall(text)
        if call == call_id
    ]
