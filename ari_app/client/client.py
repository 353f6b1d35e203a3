"""A Stasis application at one Asterisk: its events in, in order; its requests out."""

import asyncio
import time
from asyncio import Future
from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohttp
import structlog

from ari_app.client.ask import part
from ari_app.client.backoff import Backoff
from ari_app.client.bridges import Bridges
from ari_app.client.channels import Channels
from ari_app.client.connection import Connection
from ari_app.client.errors import (
    AriDisconnected,
    AriError,
    AriForbidden,
    AriReplaced,
    AriUnauthorized,
)
from ari_app.client.inbox import Inbox
from ari_app.client.media import Playbacks, Recordings
from ari_app.client.requests import Decode, Params, Requests, Response
from ari_app.client.system import Applications, Asterisk, Endpoints, Events, event_filter
from ari_app.events import (
    READ,
    ApplicationReplaced,
    AriEvent,
    Connected,
    Disconnected,
    parse_event,
)

T = TypeVar("T")

log = structlog.get_logger(__name__)


class AriClient:
    """A Stasis application's connection.

    Use it as an asynchronous context manager and iterate over it for the events, `Connected` and
    `Disconnected` among them:

        async with AriClient("http://127.0.0.1:8088", "polri110", password, "polri110-1") as ari:
            async for event in ari:
                match event:
                    case StasisStart(channel=channel):
                        await ari.channels.answer(channel.id)

    Connecting goes on in the background, again after every loss, until `close`. The iteration
    ends at `close`; it raises AriUnauthorized or AriForbidden if the first connection is refused
    to this user, and AriReplaced if another process took the application's name.

    `read` are the events wanted; Asterisk is told to send no others. Times are in seconds.
    """

    def __init__(
        self,
        url: str,
        user: str,
        password: str,
        app: str,
        *,
        read: Iterable[type[AriEvent]] = READ,
        request_timeout: float = 3.0,
        connect_timeout: float = 5.0,
        heartbeat: float = 2.0,
        backoff: Backoff | None = None,
    ) -> None:
        self.app = app
        self.channels = Channels(self._ask)
        self.bridges = Bridges(self._ask)
        self.playbacks = Playbacks(self._ask)
        self.recordings = Recordings(self._ask)
        self.applications = Applications(self._ask)
        self.events = Events(self._ask, app)
        self.endpoints = Endpoints(self._ask)
        self.asterisk = Asterisk(self._ask)

        self._url = f"{url.rstrip('/')}/ari/events"
        self._authorization = aiohttp.encode_basic_auth(user, password)
        self._allowed = sorted({"RESTResponse", "ApplicationReplaced", *(e.__name__ for e in read)})
        self._request_timeout = request_timeout
        self._connect_timeout = connect_timeout
        self._heartbeat = heartbeat
        self._backoff = backoff or Backoff()

        self._inbox = Inbox()
        self._requests = Requests(self._timed_out)
        self._connection: Connection | None = None
        self._connections = 0
        self._was_connected = False
        self._settled = asyncio.Event()
        self._ended: Exception | None = None
        self._runner: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> AsyncIterator[AriEvent]:
        return self._inbox

    async def start(self) -> None:
        """Begin to connect, in the background. Requests fail with AriDisconnected until then."""
        if self._runner is None:
            self._runner = asyncio.create_task(self._run(), name=f"ari {self.app}")

    async def close(self) -> None:
        """End the connection, its tasks and the iteration; requests in flight fail at once."""
        if self._runner is not None:
            self._runner.cancel()
            await asyncio.gather(self._runner, return_exceptions=True)
        self._finish(AriDisconnected(body="closed by its owner"), raised=False)

    async def connected(self) -> None:
        """Wait until requests are possible and the event filter is set.

        Raises what the client ended with, if it did: AriUnauthorized, AriReplaced ...
        """
        await self._settled.wait()
        if self._ended is not None:
            raise self._ended

    @property
    def is_connected(self) -> bool:
        """Whether requests are possible now."""
        return self._connection is not None

    @property
    def in_flight(self) -> int:
        """Requests that have neither been answered nor timed out."""
        return len(self._requests)

    def lag(self) -> float:
        """Seconds since the arrival of the oldest event that is not yet done with, 0 if none.

        An event is done with when the next one is asked for. The sign of overload: who sees it
        grow takes fewer calls.
        """
        return self._inbox.lag()

    def delay(self) -> float:
        """Seconds between Asterisk's time stamp on the latest event and its being handed out.

        Includes what lag() cannot see: the time in Asterisk's own queues and in the socket. By the
        wall clock, so meaningful only on Asterisk's own machine.
        """
        return self._inbox.delay

    def request(
        self,
        method: str,
        uri: str,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Future[Response]:
        """Send any request; `uri` as in rest-api/*.json, without a leading slash.

        It is on its way when this returns, behind those made before it. The future raises a
        subclass of AriError.
        """
        return self._ask(method, uri, params, body, decode=_as_it_is, timeout=timeout)

    def _ask(
        self,
        method: str,
        uri: str,
        params: Params | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        decode: Decode[T],
        timeout: float | None = None,
    ) -> Future[T]:
        if self._connection is None:
            reply: Future[T] = asyncio.get_running_loop().create_future()
            reply.set_exception(AriDisconnected(method, uri, body=self._why_not()))
            return reply
        seconds = self._request_timeout if timeout is None else timeout
        frame, reply = self._requests.ask(
            method, uri, params, body, decode=decode, timeout_seconds=seconds
        )
        self._connection.send(frame, reply)
        return reply

    def _why_not(self) -> str:
        return f"the client has ended: {self._ended}" if self._ended else "not connected"

    async def _run(self) -> None:
        try:
            async with aiohttp.ClientSession() as session:
                await self._keep_connected(session)
        except Exception as error:
            # Whatever it is, the consumer has to learn that no event will come any more.
            log.error("ari.ended", app=self.app, error=str(error))
            self._finish(error)

    async def _keep_connected(self, session: aiohttp.ClientSession) -> None:
        delays = self._backoff.delays()
        while True:
            began = time.monotonic()
            try:
                reason = await self._serve(session)
                log.warning("ari.disconnected", app=self.app, reason=reason)
            except AriReplaced:
                raise
            except AriError as error:
                if isinstance(error, AriUnauthorized | AriForbidden) and not self._was_connected:
                    raise
                log.error("ari.not_connected", app=self.app, error=str(error))
            if time.monotonic() - began > self._backoff.ceiling_seconds:
                delays = self._backoff.delays()
            await asyncio.sleep(next(delays))

    async def _serve(self, session: aiohttp.ClientSession) -> str:
        """One connection from beginning to end; returns why it ended."""
        connection = await Connection.open(
            session,
            self._url,
            self.app,
            self._authorization,
            self._take,
            heartbeat=self._heartbeat,
            connect_timeout=self._connect_timeout,
        )
        # No frame is taken before this: the reader has not had a turn yet.
        self._inbox.put(Connected(timestamp=datetime.now(UTC), reconnection=self._connections))
        self._connection = connection
        self._connections += 1
        filtered = self._set_filter()
        reason = "closed by its owner"
        try:
            await asyncio.wait((connection.ended, filtered), return_when=asyncio.FIRST_COMPLETED)
            if not connection.ended.done():
                await filtered
                self._was_connected = True
                self._settled.set()
                log.info("ari.connected", app=self.app, reconnection=self._connections - 1)
            reason = await connection.ended
        except AriError as error:
            reason = str(error)
            raise
        finally:
            self._connection = None
            self._settled.clear()
            filtered.cancel()
            self._requests.fail_all(AriDisconnected, reason)
            self._inbox.put(Disconnected(timestamp=datetime.now(UTC), reason=reason))
            await connection.close()
        return reason

    def _set_filter(self) -> Future[Response]:
        # At each connection: Asterisk forgets the filter with the application, which it destroys
        # when its websocket closes and it holds no channel. The answer's body is not looked at.
        uri = f"applications/{part(self.app)}/eventFilter"
        return self.request("PUT", uri, None, event_filter(self._allowed))

    def _take(self, frame: dict[str, Any]) -> None:
        kind = frame["type"]
        if kind == "RESTResponse":
            self._requests.answer(frame)
            return
        event = parse_event(frame)
        self._inbox.put(event)
        if isinstance(event, ApplicationReplaced):
            raise AriReplaced(body=self.app)

    def _timed_out(self, waited_seconds: float) -> None:
        # An impatient request says nothing about the connection.
        if self._connection is not None and waited_seconds >= self._request_timeout:
            self._connection.suspect(waited_seconds)

    def _finish(self, error: Exception, *, raised: bool = True) -> None:
        if self._ended is None:
            self._ended = error
            self._inbox.end(error if raised else None)
            self._settled.set()


def _as_it_is(response: Response) -> Response:
    return response
