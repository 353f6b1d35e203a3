"""A damaged journal file: set aside, its readable events carried over into a new one."""

import contextlib
import sqlite3
from pathlib import Path

from db.events import Event
from db.journal_file import JournalFile, read_rows

_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
_MUST_REOPEN = _DAMAGED | {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN}
_CHUNK = 1000


def is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is broken, rather than the disk full or the lock held."""
    return _code(error) in _DAMAGED


def must_reopen(error: sqlite3.Error) -> bool:
    """Whether the connection is of no use any more."""
    return _code(error) in _MUST_REOPEN


def open_or_repair(path: Path) -> tuple[JournalFile, Path | None]:
    """Open the journal file; a damaged one is set aside first and what can be read is kept.

    Gives the file and where the damaged one was put (None: it was sound). Raises sqlite3.Error or
    OSError when the disk does not let a file be made.
    """
    try:
        return JournalFile(path), None
    except sqlite3.Error as error:
        if not is_damage(error):
            raise
    return repair(path)


def repair(path: Path) -> tuple[JournalFile, Path]:
    """Set the file aside whole and begin a new one with every event that can still be read.

    Events that were shipped before are carried over too, since the mark may be what is damaged:
    shipping them again changes nothing.
    """
    aside = _set_aside(path)
    fresh = JournalFile(path)
    events = salvage(aside)
    for start in range(0, len(events), _CHUNK):
        fresh.insert(events[start : start + _CHUNK])
    return fresh, aside


def salvage(path: Path) -> list[Event]:
    """Every event that can be read from a damaged file: from its beginning up to the damage, and
    from its end back to it."""
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as db:
        found = dict(_readable(db, "ASC"))
        found.update(_readable(db, "DESC"))
    return [found[position] for position in sorted(found)]


def _readable(db: sqlite3.Connection, direction: str) -> list[tuple[int, Event]]:
    found: list[tuple[int, Event]] = []
    with contextlib.suppress(sqlite3.Error):
        found.extend(read_rows(db, f"ORDER BY id {direction}"))
    return found


def _set_aside(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.stem}.damaged-{number}")).exists():
        number += 1
    for suffix in ("-wal", "-shm"):
        with contextlib.suppress(FileNotFoundError):
            path.with_name(path.name + suffix).rename(aside.with_name(aside.name + suffix))
    path.rename(aside)
    return aside


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
