"""A caller of 110, played by SIPp: the INVITE as a trunk delivers it, and what follows."""

import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from stack.programs import Programs
from stack.sip_trace import Message
from stack.sipp import FOREVER_MS, SCENARIOS, Sipp, running_sipp

BOUNDARY = "polri110-boundary"
SDP = """v=0
o=caller 110 [cseq] IN IP[media_ip_type] [media_ip]
s=-
c=IN IP[media_ip_type] [media_ip]
t=0 0
m=audio [rtpstream_audio_port] RTP/AVP 8 0 101
a=rtpmap:8 PCMA/8000
a=rtpmap:0 PCMU/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-16
a=sendrecv
"""


@dataclass(frozen=True, slots=True)
class Invite:
    """What the INVITE says. Values are sent as they are, however malformed.

    number: user part of the From header; "{n}" in it counts the calls. asserted: the number of a
    P-Asserted-Identity header (RFC 3325); privacy: "id". pidf: a PIDF-LO document, sent as a part
    beside the SDP with a Geolocation header that points to it (RFC 6442). offer False: an INVITE
    without SDP, whose answer is in the ACK. headers: further header lines.
    """

    number: str = "+6281234567890"
    display: str = ""
    dialled: str = "110"
    asserted: str | None = None
    privacy: str | None = None
    pidf: str | None = None
    offer: bool = True
    headers: tuple[str, ...] = ()

    def text(self) -> str:
        """The request as SIPp is given it, with SIPp's keywords in it."""
        body, kind = self._body()
        number = escape(self.number).replace("{n}", "[call_number]")
        dialled = escape(self.dialled)
        asserted = escape(self.asserted) if self.asserted else ""
        lines = [
            f"INVITE sip:{dialled}@[remote_ip]:[remote_port] SIP/2.0",
            "Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]",
            f"From: {escape(self.display)} <sip:{number}@[local_ip]:[local_port]>"
            ";tag=[pid]call[call_number]",
            f"To: <sip:{dialled}@[remote_ip]:[remote_port]>",
            "Call-ID: [call_id]",
            "CSeq: [cseq] INVITE",
            "Contact: <sip:caller@[local_ip]:[local_port];transport=[transport]>",
            "Max-Forwards: 70",
            "Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO",
            *([f"P-Asserted-Identity: <sip:{asserted}@[local_ip]>"] if self.asserted else []),
            *([f"Privacy: {escape(self.privacy)}"] if self.privacy else []),
            *self._geolocation(),
            *(escape(header) for header in self.headers),
            *([f"Content-Type: {kind}"] if body else []),
            "Content-Length: [len]",
        ]
        return "\n".join(lines) + f"\n\n{body}\n"

    def ack(self) -> str:
        """The end of the ACK: the SDP, when the INVITE had none."""
        if self.offer:
            return "Content-Length: 0\n"
        return f"Content-Type: application/sdp\nContent-Length: [len]\n\n{SDP}"

    def _geolocation(self) -> list[str]:
        if self.pidf is None:
            return []
        return ["Geolocation: <cid:location@caller>", "Geolocation-Routing: yes"]

    def _body(self) -> tuple[str, str]:
        if self.pidf is None:
            return (SDP if self.offer else ""), "application/sdp"
        sdp = f"--{BOUNDARY}\nContent-Type: application/sdp\n\n{SDP}" if self.offer else ""
        location = (
            f"--{BOUNDARY}\nContent-Type: application/pidf+xml\n"
            f"Content-ID: <location@caller>\n\n{escape(self.pidf)}"
        )
        return f"{sdp}{location}--{BOUNDARY}--", f"multipart/mixed;boundary={BOUNDARY}"


@dataclass(frozen=True, slots=True)
class Caller(Sipp):
    """A SIPp that calls once, or `calls` times."""

    async def answered(self, within_seconds: float = 5.0) -> Message:
        """Wait until the service answers: the 200 to the INVITE."""
        return await self.saw("200 INVITE", within_seconds=within_seconds)

    def final(self, call_id: str | None = None) -> Message | None:
        """The final response to the INVITE so far: 200, 487, 603 ..."""
        for message in self.messages:
            if message.sent or message.method != "INVITE" or not message.what.isdigit():
                continue
            if int(message.what) >= 200 and call_id in (None, message.call_id):
                return message
        return None


@contextlib.asynccontextmanager
async def running_caller(
    programs: Programs,
    service_port: int,
    invite: Invite | None = None,
    *,
    patience_ms: int | None = None,
    talk_ms: int | None = None,
    tone: Path | None = None,
    calls: int = 1,
    calls_per_second: float = 10.0,
    address: str = "127.0.0.1",
    service: str = "127.0.0.1",
) -> AsyncIterator[Caller]:
    """A caller from `address` who sends the INVITE now.

    Cancels when not answered within patience_ms of the last provisional response; hangs up talk_ms
    after the answer. Without them, or before, when told (hang_up). `tone`: a raw A-law file that is
    played again and again.
    """
    request = invite or Invite()
    scenario = (SCENARIOS / "uac-call.xml").read_text(encoding="utf-8")
    parts = {"{{invite}}": request.text(), "{{ack}}": request.ack()}
    parts["{{dialled}}"] = escape(request.dialled)
    for place, text in parts.items():
        scenario = scenario.replace(place, text)
    async with running_sipp(
        programs,
        scenario,
        arguments=[
            *(f"{service}:{service_port}", "-m", str(calls), "-l", str(calls)),
            *("-r", f"{calls_per_second:g}"),
        ],
        keys={
            "patience_ms": str(patience_ms or FOREVER_MS),
            "talk_ms": str(talk_ms or FOREVER_MS),
            "tone": f"{{dir}}/{tone.name}" if tone else "-",
        },
        files=[tone] if tone else [],
        address=address,
        rtp_ports=max(100, -(-calls * 4 // 100) * 100),
        name="caller",
    ) as sipp:
        yield Caller(sipp.address, sipp.port, sipp.directory, sipp.child, sipp.trace)


def escape(text: str) -> str:
    """Text as SIPp sends it unchanged: what SIPp or XML would read otherwise as \\xHH."""
    return re.sub(r"[][\\&<>]", lambda found: f"\\x{ord(found.group()):02x}", text)
