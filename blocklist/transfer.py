"""Block lists as CSV files: a million numbers into Postgres within a minute, and out again.

The file has a header line with `number` and, where they are known, `reason` and `ends_at`
(ISO 8601 with zone); other columns are passed over. Numbers may be written in any form.
"""

import csv
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TextIO

import asyncpg
import orjson

from blocklist.number import read
from blocklist.store import END_BLOCKS

FETCH_ROWS = 10_000
_COPIED = ("number", "reason", "ends_at")
_MAKE_ROOM = (
    "CREATE TEMP TABLE imported (number bigint, reason text, ends_at timestamptz) ON COMMIT DROP"
)
_TAKE = """
    INSERT INTO blocks (number, reason, made_by, ends_at)
    SELECT DISTINCT ON (number) number, reason, $1, ends_at FROM imported
    WHERE ends_at IS NULL OR ends_at > now() ORDER BY number, ends_at DESC NULLS FIRST
    ON CONFLICT (number) WHERE lifted_at IS NULL DO NOTHING
"""
_AUDIT = """
    INSERT INTO audit (actor, action, subject, detail)
    VALUES ($1, 'blocks.imported', 'blocks', $2)
"""
_EXPORT = """
    SELECT number, reason, made_by, made_at, ends_at FROM blocks
    WHERE lifted_at IS NULL AND (ends_at IS NULL OR ends_at > now()) ORDER BY number
"""


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of the file that cannot be taken, and why."""

    number: int
    fault: str


Row = tuple[int, str, datetime | None]


@dataclass(frozen=True, slots=True)
class Imported:
    """How many lines were read, how many numbers were not blocked before, what was left out."""

    lines: int
    added: int
    bad: list[BadLine]


class BlockFileError(ValueError):
    """The file as a whole cannot be taken; the message says why."""


class BadLinesError(ValueError):
    """Some lines are wrong (`bad`), so nothing was taken."""

    def __init__(self, lines: int, bad: list[BadLine]) -> None:
        super().__init__(f"{len(bad):,} of {lines:,} lines are wrong: nothing was taken")
        self.bad = bad


def read_rows(file: TextIO, reason: str) -> Iterator[Row | BadLine]:
    """The file's lines, each as a row or as what is wrong with it. Raises BlockFileError.

    reason is for lines that give none.
    """
    lines = csv.DictReader(file)
    names = [name.strip().lower() for name in lines.fieldnames or ()]
    if "number" not in names:
        raise BlockFileError("the first line must name the columns, `number` among them")
    lines.fieldnames = names
    while True:
        try:
            line = next(lines)
        except StopIteration:
            return
        except csv.Error as error:
            yield BadLine(lines.line_num, str(error))
            continue
        yield _row(line, lines.line_num, reason)


async def import_rows(
    connection: asyncpg.Connection,
    lines: Iterable[Row | BadLine],
    *,
    by: str,
    source: str,
    skip_bad: bool = False,
) -> Imported:
    """Block all these numbers in one transaction.

    source names the file in the audit. Importing the same again changes nothing. Raises
    BadLinesError, and takes nothing, when a line is wrong and skip_bad is not set.
    """
    bad: list[BadLine] = []
    count = 0

    def good() -> Iterator[Row]:
        nonlocal count
        for line in lines:
            count += 1
            if isinstance(line, BadLine):
                bad.append(line)
            else:
                yield line

    async with connection.transaction():
        await connection.execute(_MAKE_ROOM)
        await connection.copy_records_to_table("imported", records=good(), columns=_COPIED)
        if bad and not skip_bad:
            raise BadLinesError(count, bad)
        await connection.execute(END_BLOCKS)
        said = await connection.execute(_TAKE, by)
        added = int(said.rpartition(" ")[2])
        if added:
            detail = orjson.dumps({"source": source, "added": added}).decode()
            await connection.execute(_AUDIT, by, detail)
    return Imported(count, added, bad)


async def export_rows(connection: asyncpg.Connection, path: Path) -> AsyncIterator[int]:
    """Write every active block to a new CSV file that `import_rows` takes; yields the count so far.

    Raises BlockFileError when the file is there already or cannot be made.
    """
    written = 0
    try:
        made = path.open("x", newline="", encoding="utf-8")
    except OSError as error:
        raise BlockFileError(error.strerror or str(error)) from None
    with made as file:
        out = csv.writer(file)
        out.writerow(("number", "reason", "made_by", "made_at", "ends_at"))
        async with connection.transaction(readonly=True):
            cursor = connection.cursor(_EXPORT, prefetch=FETCH_ROWS)
            async for row in cursor:
                ends_at = row["ends_at"].isoformat() if row["ends_at"] else ""
                made_at = row["made_at"].isoformat()
                out.writerow((f"+{row['number']}", row["reason"], row["made_by"], made_at, ends_at))
                written += 1
                if written % FETCH_ROWS == 0:
                    yield written
    yield written


def _row(line: dict[str, str | None], number: int, reason: str) -> Row | BadLine:
    written = line.get("number") or ""
    key = read(written.strip()).key
    if key is None:
        return BadLine(number, f"{written[:40]!r} is no telephone number")
    ends_at = line.get("ends_at") or ""
    if not ends_at:
        return key, line.get("reason") or reason, None
    try:
        end = datetime.fromisoformat(ends_at)
    except ValueError:
        return BadLine(number, f"{ends_at[:40]!r} is no time (2026-12-31T23:59+07:00)")
    if end.tzinfo is None:
        return BadLine(number, f"{ends_at!r} has no zone (2026-12-31T23:59+07:00)")
    return key, line.get("reason") or reason, end
