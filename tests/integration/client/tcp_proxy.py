"""A TCP proxy that can fail as networks do."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

Pair = tuple[asyncio.StreamWriter, asyncio.StreamWriter]


class TcpProxy:
    """Forwards a loopback port to another until told otherwise."""

    def __init__(self, upstream_port: int) -> None:
        self._upstream_port = upstream_port
        self._connections: list[Pair] = []
        self._swallowed: list[Pair] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.accepted = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def listen(self) -> None:
        """Accept connections, on the same port as before if there was one."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def refuse(self) -> None:
        """Accept no more connections; those that stand go on."""
        if self._server is not None:
            self._server.close()
            await asyncio.sleep(0)

    def cut(self) -> None:
        """Reset every connection, towards both sides."""
        for near, far in self._connections:
            near.transport.abort()
            far.transport.abort()
        self._connections.clear()

    def cut_swallowed(self) -> None:
        """Let Asterisk know that the connections that fell silent are gone."""
        for _, far in self._swallowed:
            far.transport.abort()

    def swallow(self) -> None:
        """From now on, the connections that stand carry nothing and say nothing; new ones do."""
        self._swallowed = list(self._connections)

    async def close(self) -> None:
        await self.refuse()
        self.cut()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        self.accepted += 1
        try:
            far_reader, far = await asyncio.open_connection("127.0.0.1", self._upstream_port)
        except OSError:
            near.transport.abort()
            return
        pair = (near, far)
        self._connections.append(pair)
        for source, sink in ((reader, far), (far_reader, near)):
            task = asyncio.create_task(self._pump(source, sink, pair))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        pair: Pair,
    ) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if pair in self._swallowed:
                    continue
                sink.write(data)
                await sink.drain()
            if pair in self._swallowed:
                return
            sink.close()


@contextlib.asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(port)
    await proxy.listen()
    try:
        yield proxy
    finally:
        await proxy.close()
