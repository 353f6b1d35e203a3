"""The directory in Postgres: units and desks, changed only with an entry in the audit."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

import asyncpg
import orjson
import structlog

from db.listen import watch
from routing.directory import Desk, Directory, DirectoryError, Level, Unit
from routing.geo import Point

POLL_SECONDS = 30.0
MOST_AUDITED = 500

_log = structlog.get_logger(__name__)

_UNITS = """
    SELECT code, name, level, parent, connected, ring_seconds, lat, lon, radius_m, kabupaten,
           kecamatan, opened
    FROM units ORDER BY position, code
"""
_DESKS = "SELECT code, unit, contact, password, enabled FROM desks ORDER BY position, code"
_VERSION = "SELECT version FROM versions WHERE what = 'directory'"
_LOCK = "SELECT pg_advisory_xact_lock(110110111)"  # one change of the directory at a time
_AUDIT = """
    INSERT INTO audit (actor, action, subject, detail)
    SELECT $1, action, subject, detail
    FROM unnest($2::text[], $3::text[], $4::jsonb[]) AS made (action, subject, detail)
"""
_UNIT_COLUMNS = (
    *("code", "position", "name", "level", "parent", "connected", "opened", "ring_seconds"),
    *("lat", "lon", "radius_m", "kabupaten", "kecamatan"),
)
_DESK_COLUMNS = ("code", "position", "unit", "contact", "password", "enabled")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class DirectoryChange:
    """How many units and desks a change touched."""

    added: int
    changed: int
    removed: int

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


async def load(connection: asyncpg.Connection) -> Directory | None:
    """The directory, or None while there is none in the database. Raises DirectoryError."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        units = await connection.fetch(_UNITS)
        desks = await connection.fetch(_DESKS)
    # Thousands of units: made on another thread, since calls are conducted on this one.
    return await asyncio.to_thread(_directory, units, desks) if units else None


async def save(
    connection: asyncpg.Connection, directory: Directory, *, actor: str, reason: str
) -> DirectoryChange:
    """Make the database's directory this one, in one transaction; every change is audited.

    Running services take it over by themselves (`follow`). Saving the same again changes nothing.
    """
    units = {code: _unit_row(n, unit) for n, (code, unit) in enumerate(directory.units.items())}
    desks = {
        desk.code: _desk_row(n, desk)
        for n, desk in enumerate(
            desk for group in directory.desks_by_unit.values() for desk in group
        )
    }
    async with connection.transaction():
        await connection.execute(_LOCK)
        made = [
            *await _save_table(connection, "units", _UNIT_COLUMNS, units),
            *await _save_table(connection, "desks", _DESK_COLUMNS, desks),
        ]
        await _audit(connection, made, actor, reason)
    actions = [action.rpartition(".")[2] for action, _, _ in made]
    return DirectoryChange(
        actions.count("added"), actions.count("changed"), actions.count("removed")
    )


async def seed(
    connection: asyncpg.Connection, directory: Directory, *, actor: str, reason: str
) -> bool:
    """Put a directory into a database that has none; says whether it had none."""
    async with connection.transaction():
        await connection.execute(_LOCK)
        if await connection.fetchval("SELECT EXISTS (SELECT FROM units)"):
            return False
        await save(connection, directory, actor=actor, reason=reason)
        return True


async def follow(
    url: str,
    take: Callable[[Directory], Awaitable[None]],
    *,
    poll_seconds: float = POLL_SECONDS,
) -> NoReturn:
    """Hand each new state of the directory to `take`, the present one first, until cancelled.

    Nothing is handed over while the database has none. A directory that contradicts itself is
    logged and not taken: calls go on by the one before.
    """
    known: int | None = None

    async def look(connection: asyncpg.Connection) -> None:
        nonlocal known
        version = await connection.fetchval(_VERSION)
        if version == known:
            return
        try:
            directory = await load(connection)
        except DirectoryError as error:
            _log.error("directory_refused", error=str(error), effect="calls go by the one before")
        else:
            if directory is not None:
                await take(directory)
        known = version

    await watch(url, "directory", look, poll_seconds=poll_seconds)


def _directory(units: Sequence[Any], desks: Sequence[Any]) -> Directory:
    return Directory.of(
        (
            Unit(
                code=row["code"],
                name=row["name"],
                level=_level(row),
                parent=row["parent"],
                connected=row["connected"],
                ring_seconds=row["ring_seconds"],
                point=None if row["lat"] is None else Point(row["lat"], row["lon"]),
                kabupaten=tuple(row["kabupaten"]),
                kecamatan=tuple(row["kecamatan"]),
                radius_m=row["radius_m"],
                opened=row["opened"],
            )
            for row in units
        ),
        (Desk(**dict(row)) for row in desks),
    )


def _level(row: Mapping[str, Any]) -> Level:
    try:
        return Level(row["level"])
    except ValueError:
        raise DirectoryError(f"unit {row['code']} is of no level: {row['level']}") from None


def _unit_row(position: int, unit: Unit) -> Row:
    row = asdict(unit)
    point = row.pop("point")
    return row | {
        "position": position,
        "level": unit.level.value,
        "lat": point and point["lat"],
        "lon": point and point["lon"],
        "kabupaten": list(unit.kabupaten),
        "kecamatan": list(unit.kecamatan),
    }


def _desk_row(position: int, desk: Desk) -> Row:
    return asdict(desk) | {"position": position}


Change = tuple[str, str, Row]


async def _save_table(
    connection: asyncpg.Connection, table: str, columns: Sequence[str], wanted: Mapping[str, Row]
) -> list[Change]:
    """Upsert what differs and delete what is gone; what was done, for the audit."""
    names = ", ".join(columns)
    present = {
        row["code"]: dict(row)
        for row in await connection.fetch(f"SELECT {names} FROM {table}")  # noqa: S608 - ours
    }
    differing = {code: row for code, row in wanted.items() if present.get(code) != row}
    gone = [code for code in present if code not in wanted]
    if differing:
        others = [name for name in columns if name != "code"]
        await connection.execute(
            f"INSERT INTO {table} ({names})"  # noqa: S608 - ours
            f" SELECT {names} FROM jsonb_populate_recordset(NULL::{table}, $1::jsonb)"
            f" ON CONFLICT (code) DO UPDATE SET ({', '.join(others)})"
            f" = ROW ({', '.join(f'excluded.{name}' for name in others)})",
            orjson.dumps(list(differing.values())).decode(),
        )
    if gone:
        await connection.execute(f"DELETE FROM {table} WHERE code = ANY($1::text[])", gone)  # noqa: S608
    made = [_change(table, code, present.get(code), row) for code, row in differing.items()]
    made += [_change(table, code, present[code], None) for code in gone]
    return [change for change in made if change[2]]


def _change(table: str, code: str, before: Row | None, after: Row | None) -> Change:
    """A change as the audit tells it; a position in the list is no news, a password no reading."""
    kind = table.removesuffix("s")
    if before is None or after is None:
        row = before or after or {}
        done = "added" if before is None else "removed"
        return f"{kind}.{done}", code, _readable(row, row)
    changed = [name for name in after if after[name] != before[name] and name != "position"]
    detail = {"before": _readable(before, changed), "after": _readable(after, changed)}
    return f"{kind}.changed", code, detail if changed else {}


def _readable(row: Row, names: Sequence[str] | Row) -> Row:
    return {
        name: "(secret)" if name == "password" and row[name] is not None else row[name]
        for name in names
    }


async def _audit(
    connection: asyncpg.Connection, made: Sequence[Change], actor: str, reason: str
) -> None:
    if not made:
        return
    entries = [(action, code, detail | {"reason": reason}) for action, code, detail in made]
    if len(entries) > MOST_AUDITED:  # a whole nation at once: what came, not each unit of it
        counts: dict[str, int] = {}
        for action, _, _ in made:
            counts[action] = counts.get(action, 0) + 1
        entries = [("directory.imported", "directory", {"reason": reason, **counts})]
    await connection.execute(
        _AUDIT,
        actor,
        [action for action, _, _ in entries],
        [subject for _, subject, _ in entries],
        [orjson.dumps(detail).decode() for _, _, detail in entries],
    )
