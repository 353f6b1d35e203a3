"""A caller whose CANCEL may cross the answer on the way: RFC 3261, 9.1 and 13.3.1.4.

SIPp gives a call up when something comes in the moment in which it is about to send.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import cast

from stack.caller import Invite
from stack.sip_trace import Message, parse

Address = tuple[str, int]


class CrossingCaller(asyncio.DatagramProtocol):
    """One call: the INVITE, a CANCEL when told, and whatever must follow; keeps what it saw."""

    def __init__(self, service: Address, invite: str) -> None:
        self.messages: list[Message] = []
        self.ended = asyncio.Event()
        self.final = ""  # the INVITE's final response
        self._service = service
        self._invite = invite
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Call."""
        # asyncio's own is no subclass of DatagramTransport before Python 3.12.
        self._transport = cast("asyncio.DatagramTransport", transport)
        local = transport.get_extra_info("sockname")
        self._invite = self._invite.replace("[local]", f"{local[0]}:{local[1]}")
        self._send(self._invite)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Go on with the call."""
        message = parse(datetime.now(UTC), False, data)
        self.messages.append(message)
        if message.method == "INVITE" and message.what >= "200":
            self.final = message.what
            self._send(self._request("ACK", to=message.header("To")))
            if message.what == "200":
                self._send(self._request("BYE", to=message.header("To"), number=2))
            else:
                self.ended.set()
        elif message.is_a("200 BYE"):
            self.ended.set()

    def cancel(self) -> None:
        """Give up."""
        self._send(self._request("CANCEL"))

    def _request(self, method: str, to: str | None = None, number: int = 1) -> str:
        """A request of the call; ACK and CANCEL bear the INVITE's own branch and number."""
        head = self._invite.partition("\n\n")[0].replace("INVITE sip:", f"{method} sip:", 1)
        kept = [
            line
            for line in head.splitlines()
            if re.match(rf"{method} |Via|From|To|Call-ID|Max-Forwards", line)
        ]
        lines = [f"To: {to}" if to and line.startswith("To:") else line for line in kept]
        if method == "BYE":
            lines = [line.replace("-first", "-second") for line in lines]
        return "\n".join([*lines, f"CSeq: {number} {method}", "Content-Length: 0", "", ""])

    def _send(self, text: str) -> None:
        assert self._transport is not None
        raw = text.replace("\n", "\r\n").encode()
        self.messages.append(parse(datetime.now(UTC), True, raw))
        self._transport.sendto(raw, self._service)


@contextlib.asynccontextmanager
async def crossing_caller(service_port: int, number: str) -> AsyncIterator[CrossingCaller]:
    """Calls 110 now, from the trunk of loopback, without a word to say."""
    media = (
        "v=0\no=caller 1 1 IN IP4 127.0.0.1\ns=-\nc=IN IP4 127.0.0.1\nt=0 0\n"
        "m=audio 9 RTP/AVP 8\na=rtpmap:8 PCMA/8000\n"
    )
    service = f"127.0.0.1:{service_port}"
    call_id = f"crossing-{number.lstrip('+')}"
    invite = (
        f"INVITE sip:{Invite().dialled}@{service} SIP/2.0\n"
        f"Via: SIP/2.0/UDP [local];branch=z9hG4bK-{call_id}-first\n"
        f"From: <sip:{number}@[local]>;tag={call_id}\nTo: <sip:110@{service}>\n"
        f"Call-ID: {call_id}\nCSeq: 1 INVITE\nContact: <sip:caller@[local]>\nMax-Forwards: 70\n"
        f"Content-Type: application/sdp\nContent-Length: {len(media) + media.count(chr(10))}\n\n"
        f"{media}"
    )
    transport, caller = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: CrossingCaller(("127.0.0.1", service_port), invite), ("127.0.0.1", 0)
    )
    try:
        yield caller
    finally:
        transport.close()
