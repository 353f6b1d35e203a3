"""A real Asterisk for the client's tests, a proxy in front of it, and clients of it."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from client_node import PASSWORD, asterisk_of, options
from tcp_proxy import TcpProxy, proxy_to

from ari_app.client import AriClient, Backoff
from stack.asterisk import Asterisk
from stack.ports import Ports
from stack.programs import Programs


@pytest.fixture(scope="session")
async def asterisk(programs: Programs, ports: Ports) -> AsyncIterator[Asterisk]:
    async with asterisk_of(programs, options(ports)) as running:
        yield running


@pytest.fixture
async def proxy(asterisk: Asterisk) -> AsyncIterator[TcpProxy]:
    async with proxy_to(asterisk.options.ari_port) as standing:
        yield standing


@pytest.fixture(scope="session")
def numbers() -> Iterator[int]:
    """Tells the tests apart."""
    return itertools.count(1)


@pytest.fixture
def client_of(numbers: Iterator[int]) -> Callable[..., AriClient]:
    """Makes clients with short times: heartbeat 0.5 s, retries within 0.2 s.

    Each test has an application of its own: Asterisk can lose one that connects again in the very
    moment in which its former websocket is taken down.
    """
    own_app = f"client-tests-{next(numbers)}"

    def make(url: str, app: str = own_app, **changes: Any) -> AriClient:
        settings: dict[str, Any] = {
            "user": "polri110",
            "password": PASSWORD,
            "heartbeat": 0.5,
            "backoff": Backoff(0.05, 0.2),
            **changes,
        }
        return AriClient(url, settings.pop("user"), settings.pop("password"), app, **settings)

    return make


@pytest.fixture
async def ari(asterisk: Asterisk, client_of: Callable[..., AriClient]) -> AsyncIterator[AriClient]:
    """A connected client."""
    async with client_of(asterisk.ari_url) as client:
        await asyncio.wait_for(client.connected(), 10)
        yield client
