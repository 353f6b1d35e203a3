"""One websocket to Asterisk, from its opening to its end."""

import asyncio
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

log = structlog.get_logger(__name__)


class Connection:
    """An open websocket. The reader only hands frames on; sending never waits for the caller."""

    def __init__(self, websocket: aiohttp.ClientWebSocketResponse[bool]) -> None:
        self._websocket = websocket
        self._outbox: deque[tuple[bytes, asyncio.Future[Any]]] = deque()
        self._unsent = asyncio.Event()
        self._sender = asyncio.create_task(self._send(), name="ari sender")

    @classmethod
    async def open(
        cls,
        session: aiohttp.ClientSession,
        url: str,
        app: str,
        authorization: str,
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
        return cls(websocket)

    def send(self, frame: bytes, reply: asyncio.Future[Any]) -> None:
        """Send a request after those before it, unless `reply` is done with by then.

        So a leg whose request was cancelled, or timed out while Asterisk did not read, is never
        dialled late. Lost if the connection ends before.
        """
        self._outbox.append((frame, reply))
        self._unsent.set()

    async def read(self, take: Callable[[dict[str, Any]], None]) -> str:
        """Hand every frame to `take`, which must not wait; returns why the connection ended."""
        websocket = self._websocket
        while True:
            message = await websocket.receive()
            if message.type is aiohttp.WSMsgType.TEXT:
                try:
                    take(orjson.loads(message.data))
                except (ValueError, TypeError, KeyError, AttributeError):
                    # One frame that makes no sense must not cost every call its connection.
                    log.exception("ari.frame_not_understood", frame=message.data[:1000])
            elif message.type is aiohttp.WSMsgType.ERROR:
                return f"{message.data!r}"
            elif message.type is not aiohttp.WSMsgType.BINARY:
                lost = websocket.exception()
                return f"{lost!r}" if lost else f"closed by Asterisk ({websocket.close_code})"

    async def close(self) -> None:
        """End it; waits at most CLOSE_SECONDS."""
        self._sender.cancel()
        await asyncio.gather(self._sender, return_exceptions=True)
        await self._websocket.close()

    async def _send(self) -> None:
        while True:
            await self._unsent.wait()
            self._unsent.clear()
            while self._outbox:
                frame, reply = self._outbox.popleft()
                if not reply.done():
                    await self._websocket.send_frame(frame, aiohttp.WSMsgType.TEXT)
