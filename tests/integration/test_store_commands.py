"""`polri110 calls` and `polri110 db`, as an engineer meets them."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

import asyncpg
import cyclopts
import pytest

from db.commands import app as calls
from db.record import store
from db.schema_commands import app as schema
from tests.sample_calls import BEGAN, abandoned_call, connected_call, events, new_call_id


@dataclass(frozen=True)
class Ran:
    """What a command printed, and its exit status."""

    status: int
    out: str
    err: str


Command = Callable[..., Awaitable[Ran]]


@pytest.fixture
def run(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.setenv("POLRI110_DATABASE_URL", database_url)

    async def ran(app: cyclopts.App, *arguments: str) -> Ran:
        def command() -> int:
            try:
                app(arguments)
            except SystemExit as ended:
                return int(ended.code or 0)
            return 0

        status = await asyncio.to_thread(command)
        printed = capsys.readouterr()
        return Ran(status, printed.out, printed.err)

    return ran


@pytest.fixture
async def stored(database_url: str) -> list[str]:
    """Ids of a connected, an abandoned and an open call, each a minute after the one before."""
    ids = [new_call_id() for _ in range(3)]
    connection = await asyncpg.connect(database_url)
    await store(connection, connected_call(ids[0]))
    await store(connection, later(abandoned_call(ids[1], "+628999999999"), 1))
    await store(connection, later(abandoned_call(ids[2])[:-1], 2))
    await connection.close()
    return ids


def later(told: list, minutes: int) -> list:
    return [
        type(e)(e.call_id, e.writer, e.seq, e.at + timedelta(minutes=minutes), e.kind, e.data)
        for e in told
    ]


async def test_calls_are_listed_newest_first(run: Command, stored: list[str]):
    ran = await run(calls, "list", "--zone", "Asia/Jakarta")
    lines = ran.out.splitlines()
    assert [line.split()[3] for line in lines[1:4]] == stored[::-1]
    assert lines[0].split() == [
        "began",
        "call",
        "caller",
        "outcome",
        "unit",
        "rung",
        "wait",
        "talk",
    ]
    assert lines[3].startswith("2026-01-05 10:04:05 WIB")
    assert "connected" in lines[3]
    assert "60.0 s" in lines[3]
    assert lines[-1] == "3 calls"


@pytest.mark.parametrize(
    ("options", "which"),
    [
        (["--outcome", "connected"], [0]),
        (["--outcome", "open"], [2]),
        (["--number", "0899-9999-999"], [1]),
        (["--unit", "polda-12"], [0]),
        (["--since", "2026-01-05T03:05:00+00:00"], [2, 1]),
        (["--until", "2026-01-05T03:05:00+00:00"], [0]),
        (["--since", "2h"], []),
        (["--limit", "1"], [2]),
    ],
)
async def test_calls_can_be_chosen(
    run: Command, stored: list[str], options: list[str], which: list[int]
):
    ran = await run(calls, "list", "--json", *options)
    assert [row["call_id"] for row in json.loads(ran.out)] == [stored[n] for n in which]


async def test_a_call_is_shown_by_the_beginning_of_its_id(run: Command, database_url: str):
    connection = await asyncpg.connect(database_url)
    told = connected_call("0199aaaa-0000-7000-8000-00000000000a")
    await store(connection, told)
    await store(connection, events("0199bbbb-0000-7000-8000-00000000000b", [(0, "arrived", {})]))
    await connection.close()

    ran = await run(calls, "show", "0199A")
    assert "Outcome       CONNECTED" in ran.out
    shown = json.loads((await run(calls, "show", "0199a", "--json")).out)
    assert shown["began_at"] == BEGAN.isoformat()
    assert shown["number"] == "+6281234567890"
    assert [len(shown[part]) for part in ("rungs", "legs", "recordings")] == [2, 3, 1]
    assert len(shown["events"]) == len(told)

    several = await run(calls, "show", "0199")
    assert (several.status, several.out) == (1, "")
    assert "several calls begin with '0199'" in several.err
    for unknown in ("0199c", "", "%", "_"):
        assert "no call has an id" in (await run(calls, "show", unknown)).err


@pytest.mark.parametrize(
    "arguments",
    [
        ["list", "--since", "yesterday"],
        ["list", "--number", "0812"],
        ["list", "--zone", "Mars/Olympus"],
        ["list", "--limit", "0"],
    ],
)
async def test_a_wrong_argument_is_one_clear_line(run: Command, arguments: list[str]):
    ran = await run(calls, *arguments)
    assert (ran.status, ran.out) == (2, "")
    assert len(ran.err.splitlines()) == 1
    assert arguments[1] in ran.err


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "POLRI110_DATABASE_URL is not set"),
        ("postgresql://u:secret@127.0.0.1:1/polri110", "cannot be reached"),
        ("http://127.0.0.1/polri110", "127.0.0.1"),
    ],
)
async def test_a_database_out_of_reach_is_one_clear_line(
    run: Command, monkeypatch: pytest.MonkeyPatch, url: str, said: str
):
    monkeypatch.setenv("POLRI110_DATABASE_URL", url)
    for app, command in ((calls, "list"), (schema, "check"), (schema, "upgrade")):
        ran = await run(app, command)
        assert (ran.status, ran.out, len(ran.err.splitlines())) == (1, "", 1)
        assert said in ran.err
        assert "secret" not in ran.err


async def test_a_database_without_tables_says_what_to_do(
    run: Command, empty_database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("POLRI110_DATABASE_URL", empty_database_url)
    assert "polri110 db upgrade" in (await run(calls, "list")).err
    unready = await run(schema, "check")
    assert unready.status == 1
    assert "polri110 db upgrade" in unready.err
    assert (await run(schema, "upgrade")).out.startswith("revision ")
    assert (await run(schema, "check")).status == 0
    assert (await run(calls, "list")).out.endswith("0 calls\n")
