"""`polri110 blocklist`: who may not reach 110, since when, why, and by whose hand."""

import contextlib
import io
import json
import sys
from collections.abc import Awaitable, Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, TypeVar

import asyncpg
import cyclopts
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

from blocklist import store, transfer
from blocklist.number import read
from blocklist.store import Block
from blocklist.transfer import BadLine, BadLinesError, BlockFileError, Imported
from db.command_line import fail, operator, with_database
from db.database import connector
from db.story import moment

T = TypeVar("T")
Flag = Annotated[bool, Parameter(negative="")]
Json = Annotated[bool, Parameter(name="--json", negative="")]
MOST_FAULTS_SHOWN = 20
COMMAND_SECONDS = 600.0

app = cyclopts.App(
    name="blocklist",
    help="""The block list: numbers that no longer reach 110.

    Every change needs a reason and is audited with who made it: --by, or POLRI110_OPERATOR, or
    the account of this machine. Running services take a change over within a second.

    For example:

        polri110 blocklist check 0812-3456-7890
        polri110 blocklist add 081234567890 --reason "three pranks" --evidence 0199aaaa-...
        polri110 blocklist lift 081234567890 --reason "appeal granted" --by "Ipda Sari"
        polri110 blocklist history 081234567890
        polri110 blocklist import blocked.csv --reason "list of 2025"
        polri110 blocklist export blocked.csv
    """,
    help_format="plaintext",
)


@app.command
def check(number: str, /, *, as_json: Json = False) -> None:
    """Say whether a number is blocked, since when and why; exits 0 either way.

    Parameters
    ----------
    number
        However written.
    as_json
        As one JSON object.
    """
    key = _key(number)
    block = _ask(lambda connection: store.active(connection, key))
    if as_json:
        shown = None if block is None else _json(block)
        print(json.dumps({"number": f"+{key}", "blocked": block is not None, "block": shown}))
    elif block is None:
        print(f"+{key} is not blocked")
    else:
        print("\n".join(_told(block)))


@app.command
def add(
    number: str,
    /,
    *,
    reason: str,
    by: str | None = None,
    until: str | None = None,
    evidence: tuple[str, ...] = (),
) -> None:
    """Block a number.

    Parameters
    ----------
    number
        However written.
    reason
        Why; it is kept and shown.
    by
        Who orders it.
    until
        When the block ends, as 2026-12-31T23:59+07:00; for good by default.
    evidence
        Ids of the calls that it rests on; may be given several times.
    """
    key, ends_at = _key(number), _end(until)
    made = _ask(
        lambda connection: store.add(
            connection,
            key,
            reason=_reason(reason),
            by=by or operator(),
            ends_at=ends_at,
            evidence=evidence,
        )
    )
    print(f"+{key} is blocked" + ("" if made else " already"))


@app.command
def lift(number: str, /, *, reason: str, by: str | None = None) -> None:
    """Lift a number's block; what was, stays in its history.

    Parameters
    ----------
    number
        However written.
    reason
        Why; it is kept and shown.
    by
        Who orders it.
    """
    key = _key(number)
    lifted = _ask(
        lambda connection: store.lift(connection, key, reason=_reason(reason), by=by or operator())
    )
    if not lifted:
        fail(f"+{key} is not blocked: nothing to lift")
    print(f"+{key} is not blocked any more")


@app.command
def history(number: str, /, *, as_json: Json = False) -> None:
    """Tell every block of a number that ever was, oldest first."""
    key = _key(number)
    blocks = _ask(lambda connection: store.history(connection, key))
    if as_json:
        print(json.dumps([_json(block) for block in blocks], indent=2))
    elif not blocks:
        print(f"+{key} was never blocked")
    else:
        print("\n\n".join("\n".join(_told(block)) for block in blocks))


@app.command(name="import")
def import_(file: Path, /, *, reason: str, by: str | None = None, skip_bad: Flag = False) -> None:
    """Block every number of a CSV file.

    The first line names the columns: number, and where known reason and ends_at. A line that is
    wrong is reported with its number, and then nothing of the file is taken. Importing a file
    twice changes nothing.

    Parameters
    ----------
    reason
        Why, for lines that give no reason of their own.
    by
        Who orders it.
    skip_bad
        Take the good lines of a file with wrong ones.
    """
    why = _reason(reason)

    async def imported(connection: asyncpg.Connection) -> Imported:
        with _lines(file, why) as lines:
            return await transfer.import_rows(
                connection, lines, by=by or operator(), source=file.name, skip_bad=skip_bad
            )

    try:
        done = _ask(imported)
    except BadLinesError as error:
        _show(file, error.bad)
        fail(f"{error} (--skip-bad takes the others)")
    except BlockFileError as error:
        fail(f"{file}: {error}")
    _show(file, done.bad)
    left_out = f", {len(done.bad):,} wrong lines left out" if done.bad else ""
    print(f"{done.lines:,} lines read, {done.added:,} numbers blocked that were not{left_out}")


@app.command
def export(file: Path, /) -> None:
    """Write every block that holds to a new CSV file, which `import` takes."""

    async def written(connection: asyncpg.Connection) -> int:
        count = 0
        with _bar() as bar:
            task = bar.add_task("from Postgres", total=None)
            async for count in transfer.export_rows(connection, file):
                bar.update(task, completed=count)
        return count

    try:
        count = _ask(written)
    except BlockFileError as error:
        fail(f"{file}: {error}")
    print(f"{count:,} numbers in {file}")


def _ask(question: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
    async def ask(url: str) -> T:
        connect = connector(url, name="blocklist", statement_seconds=COMMAND_SECONDS)
        connection = await connect()
        try:
            return await question(connection)
        finally:
            await connection.close()

    return with_database(ask)


@contextlib.contextmanager
def _lines(file: Path, reason: str) -> Iterator[Iterator[transfer.Row | BadLine]]:
    """The file's lines, with a bar that moves as they are taken."""
    try:
        raw = file.open("rb")
    except OSError as error:
        fail(f"{file} cannot be read: {error.strerror}")
    with (
        raw,
        io.TextIOWrapper(raw, "utf-8-sig", errors="replace", newline="") as text,
        _bar() as bar,
    ):
        task = bar.add_task(file.name, total=file.stat().st_size)

        def moving() -> Iterator[transfer.Row | BadLine]:
            for count, line in enumerate(transfer.read_rows(text, reason)):
                if count % transfer.FETCH_ROWS == 0:
                    bar.update(task, completed=raw.tell())
                yield line
            bar.update(task, completed=raw.tell(), description=f"{file.name}: into the list")

        yield moving()


def _show(file: Path, bad: list[BadLine]) -> None:
    for line in bad[:MOST_FAULTS_SHOWN]:
        print(f"{file}:{line.number}: {line.fault}", file=sys.stderr)
    if len(bad) > MOST_FAULTS_SHOWN:
        print(f"... and {len(bad) - MOST_FAULTS_SHOWN:,} more wrong lines", file=sys.stderr)


def _bar() -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn())
    return Progress(*columns, TimeElapsedColumn(), console=Console(stderr=True))


def _key(number: str) -> int:
    key = read(number).key
    if key is None:
        fail(f"{number} is no telephone number", 2)
    return key


def _reason(reason: str) -> str:
    return reason.strip() or fail("--reason must say something", 2)


def _end(until: str | None) -> datetime | None:
    if until is None:
        return None
    try:
        end = datetime.fromisoformat(until).astimezone()
    except ValueError:
        fail(f"--until {until} is no time: give 2026-12-31T23:59+07:00", 2)
    return end if end > datetime.now().astimezone() else fail(f"--until {until} is past", 2)


def _told(block: Block) -> Iterator[str]:
    until = "for good" if block.ends_at is None else f"until {moment(block.ends_at, None)}"
    state = "was BLOCKED" if block.lifted_at else "is BLOCKED"
    yield f"+{block.number} {state} {until}"
    yield f"  made      {moment(block.made_at, None)} by {block.made_by}: {block.reason}"
    if block.evidence:
        yield f"  evidence  {', '.join(block.evidence)}"
    if block.lifted_at is not None:
        why = f"by {block.lifted_by}: {block.lifted_reason}"
        yield f"  lifted    {moment(block.lifted_at, None)} {why}"


def _json(block: Block) -> dict[str, Any]:
    values = {name: getattr(block, name) for name in Block.__slots__}
    values["number"] = f"+{block.number}"
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name, value in values.items()
    }
