"""What a SIPp saw: its message trace, read while it grows, as messages with their times."""

import asyncio
import re
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

POLL_SECONDS = 0.01
RECORD = re.compile(rb"-{20,} (\S+)\n\w+ message (sent|received) \[(\d+)\] bytes?:\n\n")
# Requests by which stack/sipp.py steers a scenario; they are no part of the call.
COMMANDS = frozenset(("ANSWER", "BUSY", "DECLINE", "HANGUP", "HOLD", "RESUME", "DTMF", "REPORT"))


class NotSeenError(AssertionError):
    """A message that was waited for did not come; the message lists what came instead."""


@dataclass(frozen=True, slots=True)
class Message:
    """One SIP message of the trace; `at` is when SIPp sent or received it (UTC)."""

    at: datetime
    sent: bool
    start: str  # "INVITE sip:110@... SIP/2.0" or "SIP/2.0 180 Ringing"
    headers: tuple[tuple[str, str], ...]
    body: str

    @property
    def what(self) -> str:
        """ "INVITE" of a request, "180" of a response."""
        first, second, *_ = [*self.start.split(), "", ""]
        return second if first == "SIP/2.0" else first

    @property
    def user(self) -> str:
        """User part of a request's URI: which desk is called."""
        found = re.match(r"\w+ sips?:([^@;>]*)@", self.start)
        return found.group(1) if found else ""

    @property
    def call_id(self) -> str:
        """Its Call-ID."""
        return self.header("Call-ID") or ""

    @property
    def method(self) -> str:
        """The method of its CSeq: for a response, what it answers."""
        return (self.header("CSeq") or "").partition(" ")[2]

    def header(self, name: str) -> str | None:
        """Value of the first header of this name, in any case; None when there is none."""
        wanted = name.lower()
        return next((value for key, value in self.headers if key.lower() == wanted), None)

    def is_a(self, what: str) -> bool:
        """Whether it is "INVITE", "200", "200 INVITE" (the answer to an INVITE) ..."""
        first, _, method = what.partition(" ")
        return self.what == first and (not method or self.method == method)

    def __str__(self) -> str:
        arrow = "->" if self.sent else "<-"
        return f"{self.at:%H:%M:%S.%f} {arrow} {self.start} ({self.method})"


def parse(at: datetime, sent: bool, raw: bytes) -> Message:
    """Read one message as it stands in the trace."""
    text = raw.decode(errors="replace").replace("\r\n", "\n")
    head, _, body = text.partition("\n\n")
    start, *lines = head.split("\n")
    headers = tuple(
        (name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)
    )
    return Message(at, sent, start, headers, body)


@dataclass(slots=True)
class Trace:
    """The trace file of one SIPp. OPTIONS (qualification) and commands are left out."""

    path: Path
    messages: list[Message] = field(default_factory=list)
    _rest: bytes = b""
    _offset: int = 0

    def read(self) -> list[Message]:
        """Everything so far, what has been written since included."""
        try:
            with self.path.open("rb") as file:
                file.seek(self._offset)
                grown = file.read()
        except FileNotFoundError:
            return self.messages
        self._offset += len(grown)
        self._rest += grown
        while (found := RECORD.search(self._rest)) is not None:
            end = found.end() + int(found.group(3))
            if len(self._rest) < end:
                break
            at = datetime.fromisoformat(found.group(1).decode()).astimezone(UTC)
            message = parse(at, found.group(2) == b"sent", self._rest[found.end() : end])
            self._rest = self._rest[end:]
            if message.what not in COMMANDS and message.method != "OPTIONS":
                self.messages.append(message)
        return self.messages

    def find(
        self,
        what: str,
        sent: bool | None = None,
        *,
        call_id: str | None = None,
        user: str | None = None,
        after: Message | None = None,
    ) -> list[Message]:
        """The messages so far that fit; `after` leaves out those up to and including it."""
        messages = self.read()
        first = 0 if after is None else messages.index(after) + 1
        return [
            message
            for message in messages[first:]
            if message.is_a(what)
            and sent in (None, message.sent)
            and call_id in (None, message.call_id)
            and user in (None, message.user)
        ]

    async def wait(
        self,
        what: str,
        sent: bool | None = None,
        *,
        call_id: str | None = None,
        user: str | None = None,
        after: Message | None = None,
        count: int = 1,
        within_seconds: float = 5.0,
    ) -> Message:
        """The `count`-th message that fits, as soon as it is there.

        Raises NotSeenError when it does not come within the time.
        """
        deadline = time.monotonic() + within_seconds
        while True:
            found = self.find(what, sent, call_id=call_id, user=user, after=after)
            if len(found) >= count:
                return found[count - 1]
            if time.monotonic() > deadline:
                seen = "\n".join(f"  {message}" for message in self.messages) or "  nothing"
                wanted = what if count == 1 else f"{count} x {what} (there are {len(found)})"
                raise NotSeenError(f"no {wanted} within {within_seconds:g} s, but\n{seen}")
            await asyncio.sleep(POLL_SECONDS)
