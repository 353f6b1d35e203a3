"""The FastAGI server: one connection a call, one function a verb.

    async with serving({"lookup": lookup}, "127.0.0.1", 4573):
        ...

Asterisk goes on with the call when the connection closes, whatever the reason: whoever does not
speak AGI, a verb that fails or takes too long, or one call too many is simply let go, and the
dialplan has its next resort. Nothing here raises into the server.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass

import structlog

from agi.protocol import AgiError, Answer, Interjection, Request, answer, request, set_variable

log = structlog.get_logger(__name__)

LINE_BYTES = 16 * 1024
"""Facts are below 4 KiB; whoever sends a longer line is not Asterisk."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a connection may take. The dialplan itself waits 1.5 s (30-fallback.conf)."""

    seconds: float = 1.2
    connections: int = 500


class Session:
    """The connection of one call, while its verb runs."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.hung_up = False
        """The caller has left. Variables can still be set, and the hangup handler reads them."""

    async def set_variable(self, name: str, value: str) -> None:
        """Set a channel variable and wait for the answer: Asterisk reads no command before it
        has answered the one before, so each costs a round trip.

        Raises CommandError before anything is sent, AgiError when Asterisk refuses.
        """
        self._writer.write(set_variable(name, value))
        if not (await self._answer()).ok:
            raise AgiError(f"Asterisk did not set {name}")

    async def _answer(self) -> Answer:
        while True:
            match answer(await self._line()):
                case Answer() as given:
                    return given
                case Interjection.HANG_UP:
                    self.hung_up = True
                case Interjection.USAGE:
                    while not (await self._line()).startswith("520 "):
                        pass
                    return Answer(520)

    async def _request(self) -> Request:
        lines = []
        while line := await self._line():
            lines.append(line)
        return request(lines)

    async def _line(self) -> str:
        try:
            line = await self._reader.readuntil(b"\n")
        except asyncio.IncompleteReadError:
            raise AgiError("the connection was closed") from None
        except asyncio.LimitOverrunError:
            raise AgiError(f"a line of more than {LINE_BYTES} bytes") from None
        return line.decode("utf-8", "replace").rstrip("\r\n")


Verb = Callable[[Request, Session], Awaitable[None]]


class Server:
    """Serves `verbs`; a connection in excess of the limits is closed at once."""

    def __init__(self, verbs: Mapping[str, Verb], limits: Limits) -> None:
        self._verbs = verbs
        self._limits = limits
        self._connections = 0

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection; never raises but on cancellation."""
        self._connections += 1
        try:
            if self._connections > self._limits.connections:
                log.warning("agi_busy", connections=self._connections - 1)
                return
            async with asyncio.timeout(self._limits.seconds):
                await self._serve(Session(reader, writer))
        except TimeoutError:
            log.warning("agi_timeout", seconds=self._limits.seconds)
        except (AgiError, OSError) as error:
            log.warning("agi_connection", error=str(error))
        except Exception:
            # A fault of ours in one call: the dialplan goes on without us, and so do the others.
            log.exception("agi_verb_failed")
        finally:
            self._connections -= 1
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _serve(self, session: Session) -> None:
        asked = await session._request()
        verb = self._verbs.get(asked.verb)
        if verb is None:
            raise AgiError(f"no verb {asked.verb[:40]!r}")
        await verb(asked, session)


@contextlib.asynccontextmanager
async def serving(
    verbs: Mapping[str, Verb], host: str, port: int, limits: Limits = Limits()
) -> AsyncIterator[asyncio.Server]:
    """Serve until the block is left. Raises OSError when the port is taken."""
    server = await asyncio.start_server(
        Server(verbs, limits).accept, host, port, limit=LINE_BYTES, backlog=1024
    )
    async with server:
        yield server
