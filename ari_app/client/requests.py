"""Requests and their answers on one websocket: encoding, matching by request_id, time-outs.

Form of the frames: Asterisk's "REST over WebSocket" (RESTRequest and RESTResponse in
rest-api/events.json). No sockets here.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import orjson

from ari_app.client.errors import AriError, AriTimeout, AriUnexpectedAnswer, rejected

T = TypeVar("T")

Param = str | int | float | bool | None | Sequence[str]
Params = Mapping[str, Param]


@dataclass(frozen=True, slots=True)
class Response:
    """Asterisk's answer: HTTP status (below 400) and the body, which is JSON text or empty."""

    status: int
    reason: str
    body: str

    def json(self) -> Any:
        """The decoded body; None if it is empty."""
        return orjson.loads(self.body) if self.body else None


Decode = Callable[[Response], T]
"""What makes the result of a request from its answer; ValueError if the answer has another form."""


@dataclass(slots=True)
class _Asked(Generic[T]):
    method: str
    uri: str
    reply: asyncio.Future[T]
    decode: Decode[T]
    timer: asyncio.TimerHandle


class Requests:
    """The requests in flight; `timed_out` is called with the seconds that one waited in vain."""

    def __init__(self, timed_out: Callable[[float], None]) -> None:
        self._tell_of_timeout = timed_out
        self._in_flight: dict[str, _Asked[Any]] = {}
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._in_flight)

    def ask(
        self,
        method: str,
        uri: str,
        params: Params | None,
        body: Mapping[str, Any] | None,
        *,
        decode: Decode[T],
        timeout_seconds: float,
    ) -> tuple[bytes, asyncio.Future[T]]:
        """The frame to send, and the future of its result."""
        self._last_id += 1
        request_id = str(self._last_id)
        frame = _encode(request_id, method, uri, params, body)
        loop = asyncio.get_running_loop()
        reply: asyncio.Future[T] = loop.create_future()
        timer = loop.call_later(timeout_seconds, self._timed_out, request_id, timeout_seconds)
        self._in_flight[request_id] = _Asked(method, uri, reply, decode, timer)
        return frame, reply

    def answer(self, frame: Mapping[str, Any]) -> None:
        """Take a RESTResponse; one that nobody waits for any longer is dropped."""
        asked = self._in_flight.pop(frame.get("request_id", ""), None)
        if asked is None:
            return
        asked.timer.cancel()
        if asked.reply.done():
            return
        status, body = frame["status_code"], frame.get("message_body", "")
        if status >= 400:
            asked.reply.set_exception(
                rejected(asked.method, asked.uri, status, body or frame.get("reason_phrase", ""))
            )
            return
        try:
            asked.reply.set_result(asked.decode(Response(status, frame["reason_phrase"], body)))
        except (ValueError, KeyError) as error:
            fault = " ".join(str(error).split())
            asked.reply.set_exception(
                AriUnexpectedAnswer(asked.method, asked.uri, status=status, body=fault)
            )

    def fail_all(self, kind: type[AriError], reason: str) -> None:
        """Fail every request in flight at once."""
        in_flight, self._in_flight = self._in_flight, {}
        for asked in in_flight.values():
            asked.timer.cancel()
            if not asked.reply.done():
                asked.reply.set_exception(kind(asked.method, asked.uri, body=reason))

    def _timed_out(self, request_id: str, waited_seconds: float) -> None:
        asked = self._in_flight.pop(request_id, None)
        if asked is not None and not asked.reply.done():
            asked.reply.set_exception(AriTimeout(asked.method, asked.uri))
            self._tell_of_timeout(waited_seconds)


def _encode(
    request_id: str,
    method: str,
    uri: str,
    params: Params | None,
    body: Mapping[str, Any] | None,
) -> bytes:
    frame: dict[str, Any] = {
        "type": "RESTRequest",
        "request_id": request_id,
        "method": method,
        "uri": uri,
    }
    if params:
        frame["query_strings"] = [
            {"name": name, "value": _text(value)}
            for name, value in params.items()
            if value is not None
        ]
    if body is not None:
        frame["content_type"] = "application/json"
        frame["message_body"] = orjson.dumps(body).decode()
    return orjson.dumps(frame)


def _text(value: Param) -> str:
    """As Asterisk reads a query value: it is not URL-decoded on the websocket.

    A list is joined by commas: repeated names reach Asterisk in reverse order (22.10.1), which
    would play announcements backwards.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Sequence):
        if any("," in item for item in value):
            raise ValueError(f"a comma separates the items of a list: {value!r}")
        return ",".join(value)
    return str(value)
