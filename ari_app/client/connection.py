"""One websocket to Asterisk, from its opening to its end."""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

import aiohttp
import orjson
import structlog

from ari_app.client.errors import AriDisconnected, rejected

LONGEST_FRAME_BYTES = 64 * 1024 * 1024
"""A list of some ten thousand channels; a frame beyond it ends the connection."""
CLOSE_SECONDS = 0.5
"""Longest wait for Asterisk's own closing frame."""
STALL_SECONDS = 0.25
"""What has arrived while this process stood still is read within this time."""

log = structlog.get_logger(__name__)

Take = Callable[[dict[str, Any]], None]


class Connection:
    """An open websocket, read and written by two tasks of its own.

    The reader hands every frame to `take`, which must not wait; what `take` raises ends the
    connection, except for what a frame of an unexpected form brings about. `ended` is the future
    of the reason, or of that error.
    """

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse[bool], take: Take) -> None:
        self._websocket = websocket
        self._take = take
        self._outbox: deque[tuple[bytes, asyncio.Future[Any]]] = deque()
        self._unsent = asyncio.Event()
        self._heard = time.monotonic()
        self.ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._sender = asyncio.create_task(self._send(), name="ari sender")
        self._reader = asyncio.create_task(self._read(), name="ari reader")
        self._reader.add_done_callback(self._read_to_the_end)

    @classmethod
    async def open(
        cls,
        session: aiohttp.ClientSession,
        url: str,
        app: str,
        authorization: str,
        take: Take,
        *,
        heartbeat: float,
        connect_timeout: float,
    ) -> "Connection":
        """Connect as the Stasis application `app`; times in seconds.

        A ping goes out after `heartbeat` of silence, and half of that later the connection is
        taken for dead. Raises AriUnauthorized, AriForbidden and so on, or AriDisconnected.
        """
        try:
            async with asyncio.timeout(connect_timeout):
                websocket = await session.ws_connect(
                    url,
                    params={"app": app, "subscribeAll": "false"},
                    headers={"Authorization": authorization},
                    heartbeat=heartbeat,
                    timeout=aiohttp.ClientWSTimeout(ws_close=CLOSE_SECONDS),
                    max_msg_size=LONGEST_FRAME_BYTES,
                    decode_text=False,
                )
        except aiohttp.WSServerHandshakeError as error:
            raise rejected("GET", url, error.status, error.message) from error
        except TimeoutError as error:
            raise AriDisconnected("GET", url, body="no answer to the connection") from error
        except (aiohttp.ClientError, OSError) as error:
            raise AriDisconnected("GET", url, body=str(error)) from error
        return cls(websocket, take)

    def send(self, frame: bytes, reply: asyncio.Future[Any]) -> None:
        """Send a request after those before it, unless `reply` is done with by then.

        So a leg whose request was cancelled, or timed out while Asterisk did not read, is never
        dialled late. Lost if the connection ends before.
        """
        self._outbox.append((frame, reply))
        self._unsent.set()

    def suspect(self, waited_seconds: float) -> None:
        """A request waited so long in vain: if nothing at all came meanwhile, the connection ends.

        Asterisk (22.10.1) can lose an application that connects again while its former websocket
        is being taken down. The new one then gets pongs, but never an event nor an answer.
        """
        loop = asyncio.get_running_loop()
        loop.call_later(STALL_SECONDS, self._end_if_deaf, time.monotonic() - waited_seconds)

    async def close(self) -> None:
        """End it; waits at most CLOSE_SECONDS."""
        self._reader.cancel()
        self._sender.cancel()
        await asyncio.gather(self._reader, self._sender, return_exceptions=True)
        self.ended.cancel()
        await self._websocket.close()

    def _end_if_deaf(self, since: float) -> None:
        if not self.ended.done() and self._heard < since:
            self.ended.set_result("Asterisk sends pongs and nothing else")

    async def _send(self) -> None:
        while True:
            await self._unsent.wait()
            self._unsent.clear()
            while self._outbox:
                frame, reply = self._outbox.popleft()
                if not reply.done():
                    await self._websocket.send_frame(frame, aiohttp.WSMsgType.TEXT)

    async def _read(self) -> str:
        websocket = self._websocket
        while True:
            message = await websocket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                self._heard = time.monotonic()
                try:
                    self._take(orjson.loads(message.data))
                except (ValueError, TypeError, KeyError, AttributeError):
                    # One frame that makes no sense must not cost every call its connection.
                    log.exception("ari.frame_not_understood", frame=message.data[:1000])
            elif message.type is aiohttp.WSMsgType.ERROR:
                return f"{message.data!r}"
            elif message.type is not aiohttp.WSMsgType.BINARY:
                lost = websocket.exception()
                return f"{lost!r}" if lost else f"closed by Asterisk ({websocket.close_code})"

    def _read_to_the_end(self, reader: asyncio.Task[str]) -> None:
        if reader.cancelled() or self.ended.done():
            return
        if error := reader.exception():
            self.ended.set_exception(error)
        else:
            self.ended.set_result(reader.result())
