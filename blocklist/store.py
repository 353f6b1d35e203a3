"""The block list in Postgres, where its truth is: made and lifted with a reason, never deleted."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import numpy as np
import orjson

from blocklist.change import Change
from blocklist.sorted_numbers import Keys

PAGE_NUMBERS = 500_000
MOST_CHANGES = 100_000

_COLUMNS = (
    "id, number, reason, made_by, made_at, ends_at, evidence, lifted_at, lifted_by, lifted_reason"
)
END_BLOCKS = """
    UPDATE blocks SET lifted_at = ends_at, lifted_by = 'polri110', lifted_reason = 'its end'
    WHERE lifted_at IS NULL AND ends_at <= now()
"""
_ADD = """
    INSERT INTO blocks (number, reason, made_by, ends_at, evidence) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (number) WHERE lifted_at IS NULL DO NOTHING RETURNING id
"""
_LIFT = """
    UPDATE blocks SET lifted_at = now(), lifted_by = $2, lifted_reason = $3
    WHERE number = $1 AND lifted_at IS NULL RETURNING id
"""
_ACTIVE = f"""
    SELECT {_COLUMNS} FROM blocks
    WHERE number = $1 AND lifted_at IS NULL AND (ends_at IS NULL OR ends_at > now())
"""  # noqa: S608 - columns of this package
_HISTORY = f"SELECT {_COLUMNS} FROM blocks WHERE number = $1 ORDER BY made_at, id"  # noqa: S608
_AUDIT = "INSERT INTO audit (actor, action, subject, detail) VALUES ($1, $2, $3, $4)"

_POSITION = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
_PAGE = """
    SELECT string_agg(int8send(number), ''::bytea ORDER BY number)
    FROM (
        SELECT number FROM blocks WHERE lifted_at IS NULL AND number > $1 ORDER BY number LIMIT $2
    ) AS page
"""
_ENDS = "SELECT number, ends_at FROM blocks WHERE lifted_at IS NULL AND ends_at IS NOT NULL"
# One statement, so that the position and the rows are of one moment. xid: db.models.BlockRow.
_CHANGES = """
    WITH touched AS (
        SELECT number, bool_or(lifted_at IS NULL) AS blocked,
               max(ends_at) FILTER (WHERE lifted_at IS NULL) AS ends_at
        FROM blocks
        WHERE number IN (
            SELECT DISTINCT number FROM blocks WHERE xid >= $1::text::xid8 LIMIT $2
        )
        GROUP BY number
    )
    SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint AS position, touched.*
    FROM (VALUES (1)) AS one LEFT JOIN touched ON true
"""


@dataclass(frozen=True, slots=True)
class Block:
    """One block of one number, from its making to its lifting. evidence holds call ids."""

    id: int
    number: int
    reason: str
    made_by: str
    made_at: datetime
    ends_at: datetime | None
    evidence: list[str]
    lifted_at: datetime | None
    lifted_by: str | None
    lifted_reason: str | None


@dataclass(frozen=True, slots=True)
class WholeList:
    """The list at one moment, as BlockIndex.replace takes it."""

    keys: Keys
    ends: dict[int, float]
    position: int


async def add(
    connection: asyncpg.Connection,
    number: int,
    *,
    reason: str,
    by: str,
    ends_at: datetime | None = None,
    evidence: Sequence[str] = (),
) -> bool:
    """Block a number (E.164 as an integer), for good or until ends_at; False when it is blocked."""
    async with connection.transaction():
        await connection.execute(END_BLOCKS)
        made = await connection.fetchval(_ADD, number, reason, by, ends_at, list(evidence))
        if made is None:
            return False
        detail = {"block": made, "reason": reason, "ends_at": ends_at, "evidence": evidence}
        await _audit(connection, by, "block.made", number, detail)
        return True


async def lift(connection: asyncpg.Connection, number: int, *, reason: str, by: str) -> bool:
    """Lift the number's block; False when there is none."""
    async with connection.transaction():
        await connection.execute(END_BLOCKS)
        lifted = await connection.fetchval(_LIFT, number, by, reason)
        if lifted is None:
            return False
        detail = {"block": lifted, "reason": reason}
        await _audit(connection, by, "block.lifted", number, detail)
        return True


async def active(connection: asyncpg.Connection, number: int) -> Block | None:
    """The block that holds now."""
    row = await connection.fetchrow(_ACTIVE, number)
    return None if row is None else Block(**dict(row))


async def history(connection: asyncpg.Connection, number: int) -> list[Block]:
    """All blocks of the number that ever were, oldest first."""
    return [Block(**dict(row)) for row in await connection.fetch(_HISTORY, number)]


async def whole_list(connection: asyncpg.Connection) -> WholeList:
    """All blocked numbers, in pages, so that millions neither fill memory nor stop the loop."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        position = await connection.fetchval(_POSITION)
        pages: list[Keys] = [np.empty(0, np.uint64)]
        after = 0
        while page := await connection.fetchval(_PAGE, after, PAGE_NUMBERS):
            pages.append(np.frombuffer(page, ">u8").astype(np.uint64))
            after = int(pages[-1][-1])
        ends = await connection.fetch(_ENDS)
    return WholeList(
        await asyncio.to_thread(np.concatenate, pages),
        {row["number"]: row["ends_at"].timestamp() for row in ends},
        position,
    )


async def changes_since(
    connection: asyncpg.Connection, position: int
) -> tuple[list[Change], int] | None:
    """What has changed since that position (some of it perhaps seen before), and the present one.

    None when the whole list must be loaded: too much has changed, or the database is another one
    (a restored copy, whose history is shorter than the position).
    """
    rows = await connection.fetch(_CHANGES, str(position), MOST_CHANGES)
    now: int = rows[0]["position"]
    if now < position or len(rows) >= MOST_CHANGES:
        return None
    changes = [
        Change(
            row["number"],
            row["blocked"],
            None if row["ends_at"] is None else row["ends_at"].timestamp(),
        )
        for row in rows
        if row["number"] is not None
    ]
    return changes, now


async def _audit(
    connection: asyncpg.Connection, actor: str, action: str, number: int, detail: dict[str, Any]
) -> None:
    said = orjson.dumps(detail).decode()
    await connection.execute(_AUDIT, actor, action, f"+{number}", said)
