"""The FastAGI server over real sockets: whatever comes, it goes on serving."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest
from structlog.testing import capture_logs

from agi.protocol import Request
from agi.server import Limits, Session, Verb, serving

ENVIRONMENT = (
    b"agi_network: yes\nagi_network_script: lookup\nagi_uniqueid: 1.1\n"
    b"agi_arg_1: trunk=a:num=%2B62\n\n"
)


DEFAULT = Limits()


async def echo(request: Request, session: Session) -> None:
    await session.set_variable("LOOKUP", request.args[0])


@contextlib.asynccontextmanager
async def server(verb: Verb = echo, limits: Limits = DEFAULT) -> AsyncIterator[int]:
    async with serving({"lookup": verb}, "127.0.0.1", 0, limits) as running:
        yield running.sockets[0].getsockname()[1]


async def dialogue(port: int, *sent: bytes) -> list[bytes]:
    """Send, each after a line came back; returns the lines that came until the server closed."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    lines = []
    try:
        async with asyncio.timeout(5):
            for count, data in enumerate(sent):
                if count:
                    lines.append(await reader.readline())
                writer.write(data)
            while line := await reader.readline():
                lines.append(line)
    except ConnectionError:
        pass
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
    return lines


async def test_a_verb_sets_variables_and_the_connection_is_closed() -> None:
    async with server() as port:
        lines = await dialogue(port, ENVIRONMENT, b"200 result=1\n")
    assert lines == [b'SET VARIABLE LOOKUP "trunk=a:num=%2B62"\n']


async def test_a_hang_up_between_command_and_answer_does_not_stop_the_verb() -> None:
    seen: list[bool] = []

    async def verb(request: Request, session: Session) -> None:
        await session.set_variable("A", "1")
        await session.set_variable("B", "2")
        seen.append(session.hung_up)

    async with server(verb) as port:
        lines = await dialogue(port, ENVIRONMENT, b"HANGUP\n200 result=1\n", b"200 result=1\n")
    assert len(lines) == 2
    assert seen == [True]


async def test_a_syntax_error_with_its_usage_is_one_answer() -> None:
    usage = b"520-Invalid command syntax.\nUsage: SET VARIABLE\n520 End of proper usage.\n"
    with capture_logs() as logs:
        async with server() as port:
            await dialogue(port, ENVIRONMENT, usage)
    assert [entry["error"] for entry in logs] == ["Asterisk did not set LOOKUP"]


@pytest.mark.parametrize(
    "sent",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\n",
        b"\x00\xff\xfe" * 100 + b"\n",
        b"agi_network: yes\n" * 1000 + b"\n",
        b"x" * 100_000,
        ENVIRONMENT.replace(b"lookup", b"delete-everything"),
    ],
)
async def test_whoever_does_not_speak_agi_is_let_go(sent: bytes) -> None:
    async with server() as port:
        await dialogue(port, sent)
        assert await dialogue(port, ENVIRONMENT, b"200 result=1\n") != []


async def test_a_connection_that_says_nothing_is_closed_in_time() -> None:
    async with server(limits=Limits(seconds=0.1)) as port:
        assert await dialogue(port, b"agi_network: yes\n") == []


async def test_a_verb_that_waits_for_an_answer_in_vain_is_ended() -> None:
    ended = asyncio.Event()

    async def verb(request: Request, session: Session) -> None:
        try:
            await session.set_variable("A", "1")
        finally:
            ended.set()

    async with server(verb, Limits(seconds=0.1)) as port:
        await dialogue(port, ENVIRONMENT)
    assert ended.is_set()


async def test_a_call_too_many_is_let_go_at_once_and_the_others_are_served() -> None:
    go = asyncio.Event()
    waiting = asyncio.Semaphore(0)

    async def verb(request: Request, session: Session) -> None:
        waiting.release()
        await go.wait()
        await session.set_variable("A", "1")

    async with server(verb, Limits(seconds=5, connections=2)) as port:
        served = [
            asyncio.create_task(dialogue(port, ENVIRONMENT, b"200 result=1\n")) for _ in range(2)
        ]
        for _ in served:
            await waiting.acquire()
        assert await dialogue(port, ENVIRONMENT) == []
        go.set()
        assert await asyncio.gather(*served) == [[b'SET VARIABLE A "1"\n']] * 2


async def test_a_verb_that_fails_does_not_stop_the_server() -> None:
    async def verb(request: Request, session: Session) -> None:
        raise RuntimeError("broken on purpose")

    with capture_logs() as logs:
        async with server(verb) as port:
            assert await dialogue(port, ENVIRONMENT) == []
            assert await dialogue(port, ENVIRONMENT) == []
    assert [entry["event"] for entry in logs] == ["agi_verb_failed"] * 2


async def test_a_hundred_calls_at_once_are_all_answered() -> None:
    async with server() as port:
        answers = await asyncio.gather(
            *(dialogue(port, ENVIRONMENT, b"200 result=1\n") for _ in range(100))
        )
    assert all(lines == [b'SET VARIABLE LOOKUP "trunk=a:num=%2B62"\n'] for lines in answers)
