"""Carries AML statements between the nodes, by NOTIFY: a phone's report may reach another node
than its call did. While Postgres is away, each node goes by what reaches itself.
"""

import asyncio
from collections.abc import Callable
from typing import Any, NoReturn

import asyncpg
import orjson
import structlog

from ari_app.aml_inbox import AmlStatement
from ari_app.aml_post import decode, encode
from db.database import UNREACHABLE, connector

log = structlog.get_logger(__name__)

CHANNEL = "aml"
RETRY_SECONDS = 2.0
CHECK_SECONDS = 10.0
MOST_WAITING = 1_000


class AmlRelay:
    """Tells the other nodes, and hears from them; `received` is called with what they send."""

    def __init__(self, url: str, node: str, received: Callable[[AmlStatement], None]) -> None:
        self._connect = connector(url, name="aml")
        self._node = node
        self._received = received
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue(MOST_WAITING)

    def send(self, said: AmlStatement) -> None:
        """Tell the other nodes when there is a connection; never waits."""
        if self._waiting.full():
            self._waiting.get_nowait()  # the newest reports are of calls that ring now
        self._waiting.put_nowait(
            orjson.dumps({"node": self._node, "said": orjson.loads(encode(said))})
        )

    async def run(self) -> NoReturn:
        """Keep a connection and use it, until cancelled."""
        while True:
            connection: asyncpg.Connection | None = None
            try:
                connection = await self._connect()
                await connection.add_listener(CHANNEL, self._heard)
                while True:
                    await self._pass_on(connection)
            except UNREACHABLE as error:
                log.warning("aml_relay_waits", error=str(error) or repr(error))
            finally:
                if connection is not None:
                    connection.terminate()
            await asyncio.sleep(RETRY_SECONDS)

    async def _pass_on(self, connection: asyncpg.Connection) -> None:
        try:
            async with asyncio.timeout(CHECK_SECONDS):
                data = await self._waiting.get()
        except TimeoutError:
            await connection.execute("SELECT 1")  # a connection that is gone is noticed
            return
        await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, data.decode())

    def _heard(self, *notification: Any) -> None:
        payload = notification[-1]
        try:
            given = orjson.loads(payload)
            if given["node"] != self._node:
                self._received(decode(orjson.dumps(given["said"])))
        except (ValueError, KeyError, TypeError) as error:
            log.warning("aml_not_understood", error=str(error))
