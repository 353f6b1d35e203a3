"""`polri110 blocklist`, as an officer's clerk meets it."""

import asyncio
import csv
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import pytest

from blocklist.commands import app

Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def run(
    database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Command:
    monkeypatch.setenv("POLRI110_DATABASE_URL", database_url)
    monkeypatch.setenv("POLRI110_OPERATOR", "clerk")

    async def ran(*arguments: str) -> tuple[int, str, str]:
        def command() -> int:
            try:
                app(arguments)
            except SystemExit as ended:
                return int(ended.code or 0)
            return 0

        status = await asyncio.to_thread(command)
        printed = capsys.readouterr()
        return status, printed.out, printed.err

    return ran


async def count(database_url: str) -> int:
    connection = await asyncpg.connect(database_url)
    try:
        return await connection.fetchval("SELECT count(*) FROM blocks WHERE lifted_at IS NULL")
    finally:
        await connection.close()


async def test_a_number_is_blocked_shown_lifted_and_told(run: Command):
    assert (await run("check", "0812-3456-7890"))[1] == "+6281234567890 is not blocked\n"
    added = await run("add", "081234567890", "--reason", "three pranks", "--evidence", "call-1")
    assert added == (0, "+6281234567890 is blocked\n", "")
    assert (await run("add", "+6281234567890", "--reason", "x"))[1].endswith("already\n")
    shown = (await run("check", "6281234567890"))[1]
    assert "is BLOCKED for good" in shown
    assert "by clerk: three pranks" in shown
    assert "call-1" in shown
    lifted = await run("lift", "081234567890", "--reason", "appeal", "--by", "Ipda Sari")
    assert lifted == (0, "+6281234567890 is not blocked any more\n", "")
    assert (await run("lift", "081234567890", "--reason", "appeal"))[0] == 1
    [block] = json.loads((await run("history", "081234567890", "--json"))[1])
    assert (block["number"], block["made_by"], block["lifted_by"]) == (
        "+6281234567890",
        "clerk",
        "Ipda Sari",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["check", "anonymous"], "anonymous is no telephone number"),
        (["add", "081234567890", "--reason", " "], "--reason must say something"),
        (["add", "081234567890", "--reason", "x", "--until", "soon"], "--until soon is no time"),
        (["add", "081234567890", "--reason", "x", "--until", "2020-01-01"], "is past"),
    ],
)
async def test_a_wrong_argument_is_one_clear_line(run: Command, arguments: list[str], said: str):
    status, out, err = await run(*arguments)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert said in err


async def test_a_file_is_imported_and_importing_it_twice_changes_nothing(
    run: Command, database_url: str, tmp_path: Path
):
    file = tmp_path / "blocked.csv"
    file.write_text(
        "Number,reason,province\n"
        "081234567890,three pranks,Sumut\n"
        "+62 812-3456-7890,the same number,Sumut\n"
        '"(021) 5000 1234",,DKI\n',
        encoding="utf-8-sig",
    )
    _, out, _ = await run("import", str(file), "--reason", "list of 2025")
    assert out == "3 lines read, 2 numbers blocked that were not\n"
    _, out, _ = await run("import", str(file), "--reason", "list of 2025")
    assert out == "3 lines read, 0 numbers blocked that were not\n"
    assert await count(database_url) == 2
    assert "by clerk: list of 2025" in (await run("check", "02150001234"))[1]
    connection = await asyncpg.connect(database_url)
    audited = await connection.fetch("SELECT actor, action, detail FROM audit")
    await connection.close()
    assert [(row["actor"], row["action"]) for row in audited] == [("clerk", "blocks.imported")]
    assert json.loads(audited[0]["detail"]) == {"source": "blocked.csv", "added": 2}


BAD = (
    "number,ends_at\n"
    "081234567890,\n"
    "anonymous,\n"
    "081234567891,2030-01-01\n"
    '"08123\n4567892",\n'
    "081234567893,2030-01-01T00:00+07:00\n"
)


async def test_a_file_with_wrong_lines_is_not_taken_at_all(
    run: Command, database_url: str, tmp_path: Path
):
    file = tmp_path / "bad.csv"
    file.write_text(BAD)
    status, out, err = await run("import", str(file), "--reason", "x")
    assert (status, out) == (1, "")
    assert f"{file}:3: 'anonymous' is no telephone number" in err
    assert f"{file}:4: '2030-01-01' has no zone" in err
    assert "nothing was taken (--skip-bad takes the others)" in err
    assert await count(database_url) == 0


async def test_the_good_lines_are_taken_when_that_is_asked_for(
    run: Command, database_url: str, tmp_path: Path
):
    file = tmp_path / "bad.csv"
    file.write_text(BAD)
    status, out, err = await run("import", str(file), "--reason", "x", "--skip-bad")
    assert status == 0
    assert "blocked that were not, 3 wrong lines left out" in out
    assert f"{file}:3:" in err
    assert await count(database_url) == 2


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "must name the columns"),
        ("081234567890\n", "must name the columns"),
        ("nomor;alasan\n", "must name the columns"),
    ],
)
async def test_a_file_of_another_form_says_what_is_wrong(
    run: Command, tmp_path: Path, content: str, said: str
):
    file = tmp_path / "other.csv"
    file.write_text(content)
    status, _, err = await run("import", str(file), "--reason", "x")
    assert status == 1
    assert said in err


async def test_a_file_that_is_not_there_is_one_clear_line(run: Command, tmp_path: Path):
    status, _, err = await run("import", str(tmp_path / "none.csv"), "--reason", "x")
    assert status == 1
    assert "cannot be read: No such file or directory" in err


async def test_what_is_exported_can_be_imported(run: Command, database_url: str, tmp_path: Path):
    for number, until in (("081234567890", ()), ("02150001234", ("--until", "2090-01-01"))):
        await run("add", number, "--reason", 'a "quoted", reason', *until)
    await run("add", "081234567899", "--reason", "x")
    await run("lift", "081234567899", "--reason", "appeal")
    file = tmp_path / "out.csv"
    assert (await run("export", str(file)))[1] == f"2 numbers in {file}\n"
    with file.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [(row["number"], row["reason"]) for row in rows] == [
        ("+622150001234", 'a "quoted", reason'),
        ("+6281234567890", 'a "quoted", reason'),
    ]
    status, _, err = await run("export", str(file))
    assert status == 1
    assert f"{file}: File exists" in err
    _, out, _ = await run("import", str(file), "--reason", "x")
    assert out == "2 lines read, 0 numbers blocked that were not\n"
