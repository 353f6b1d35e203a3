"""One journal file: SQLite in WAL mode, every commit on the disk before it returns.

Used from one thread at a time. The thread that appends belongs to db.journal; a file whose process
has died is read by db.journal_folder.
"""

import contextlib
import json
import sqlite3
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from db.events import Event

SCHEMA_VERSION = 1
CLOSING_KINDS = frozenset({"ended", "handed_over"})  # the dialplan's story tells the rest
BUSY_TIMEOUT_SECONDS = 5.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COLUMNS = "id, call_id, writer, seq, at_us, kind, data"

_SCHEMA = """
CREATE TABLE IF NOT EXISTS event (
    id INTEGER PRIMARY KEY AUTOINCREMENT,  -- a pruned event's id must not come again
    call_id TEXT NOT NULL,
    writer TEXT NOT NULL,
    seq INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    kind TEXT NOT NULL,
    data BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS event_of_call ON event (call_id);
CREATE TABLE IF NOT EXISTS open_call (call_id TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS shipped (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    up_to INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS refused (id INTEGER PRIMARY KEY, error TEXT NOT NULL);
INSERT OR IGNORE INTO shipped VALUES (1, 0);
"""


class JournalFile:
    """The events in one file, in the order in which they were written.

    Every method raises sqlite3.Error when the disk is full, the file is damaged or another process
    holds its lock for longer than BUSY_TIMEOUT_SECONDS. Nothing of a failed call is kept.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(
            path, timeout=BUSY_TIMEOUT_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")  # WAL with NORMAL may lose the last commits
            self._db.executescript(_SCHEMA)
            self._db.execute(f"PRAGMA user_version={SCHEMA_VERSION}")
            self._open = set(self.open_calls())
        except sqlite3.Error:
            self._db.close()
            raise

    def insert(self, events: Sequence[Event]) -> None:
        """Write the events in one transaction; they are on the disk when this returns."""
        rows = [
            (e.call_id, e.writer, e.seq, _to_us(e.at), e.kind, encode_data(e.data)) for e in events
        ]
        with self._transaction():
            opened, closed = self._note_open_calls(events)
            self._db.executemany(
                "INSERT INTO event (call_id, writer, seq, at_us, kind, data)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
        self._open |= opened
        self._open -= closed

    def unshipped(self, limit: int) -> list[tuple[int, Event]]:
        """The oldest events that are not shipped yet, each with its position."""
        condition = "WHERE id > (SELECT up_to FROM shipped) ORDER BY id LIMIT ?"
        return list(read_rows(self._db, condition, (limit,)))

    def count_unshipped(self) -> int:
        """How many events wait for Postgres."""
        row = self._db.execute(
            "SELECT count(*) FROM event WHERE id > (SELECT up_to FROM shipped)"
        ).fetchone()
        return int(row[0])

    def mark_shipped(self, up_to: int) -> None:
        """Everything up to that position is in Postgres; never goes backwards."""
        self._db.execute("UPDATE shipped SET up_to = max(up_to, ?)", (up_to,))

    def note_refused(self, position: int, error: str) -> None:
        """Keep in mind that Postgres refuses this event; it stays in the file for good."""
        self._db.execute("INSERT OR REPLACE INTO refused VALUES (?, ?)", (position, error))

    def count_refused(self) -> int:
        """How many events Postgres has refused for good."""
        return int(self._db.execute("SELECT count(*) FROM refused").fetchone()[0])

    def events_of(self, call_id: str) -> list[Event]:
        """All events of one call in this file, in the order in which they were written."""
        rows = read_rows(self._db, "WHERE call_id = ? ORDER BY id", (call_id,))
        return [event for _, event in rows]

    def open_calls(self) -> list[str]:
        """Calls that this file began and neither ended nor handed over, oldest first (UUIDv7)."""
        rows = self._db.execute("SELECT call_id FROM open_call ORDER BY call_id")
        return [row[0] for row in rows]

    def has_ended(self, call_id: str) -> bool:
        """Whether this file holds the call's `ended`."""
        row = self._db.execute(
            "SELECT 1 FROM event WHERE call_id = ? AND kind = 'ended' LIMIT 1", (call_id,)
        ).fetchone()
        return row is not None

    def last_at(self) -> datetime | None:
        """Time of the last event written."""
        row = self._db.execute("SELECT at_us FROM event ORDER BY id DESC LIMIT 1").fetchone()
        return None if row is None else _from_us(row[0])

    def prune(self, before: datetime, limit: int = 5000) -> int:
        """Delete up to `limit` shipped events older than `before`; how many were deleted.

        Events of calls that are still open, and events that Postgres refused, stay.
        """
        cursor = self._db.execute(
            "DELETE FROM event WHERE id IN ("
            " SELECT id FROM event WHERE id <= (SELECT up_to FROM shipped) AND at_us < ?"
            " AND call_id NOT IN (SELECT call_id FROM open_call)"
            " AND id NOT IN (SELECT id FROM refused) ORDER BY id LIMIT ?)",
            (_to_us(before), limit),
        )
        return cursor.rowcount

    def close(self) -> None:
        """Close the file; what was inserted is already on the disk."""
        self._db.close()

    def _note_open_calls(self, events: Sequence[Event]) -> tuple[set[str], set[str]]:
        opened, closed = set[str](), set[str]()
        for event in events:
            call = event.call_id
            if event.kind in CLOSING_KINDS:
                closed.add(call)
            elif call not in self._open and call not in opened and not self._knows(call):
                opened.add(call)
        opened -= closed
        self._db.executemany("INSERT OR IGNORE INTO open_call VALUES (?)", [(c,) for c in opened])
        self._db.executemany("DELETE FROM open_call WHERE call_id = ?", [(c,) for c in closed])
        return opened, closed

    def _knows(self, call_id: str) -> bool:
        row = self._db.execute("SELECT 1 FROM event WHERE call_id = ? LIMIT 1", (call_id,))
        return row.fetchone() is not None

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            with contextlib.suppress(sqlite3.Error):
                self._db.execute("ROLLBACK")
            raise


def read_rows(
    db: sqlite3.Connection, condition: str, arguments: tuple[object, ...] = ()
) -> Iterator[tuple[int, Event]]:
    """Events of a journal file with their positions; `condition` is SQL from this package."""
    for row in db.execute(f"SELECT {_COLUMNS} FROM event {condition}", arguments):  # noqa: S608
        yield row[0], _event(row)


def encode_data(data: dict[str, Any]) -> bytes:
    """JSON of an event's data; never fails, since what a caller sent may be in it.

    What JSON cannot hold is kept as text (foreign types) or as "?" (lone surrogates).
    """
    try:
        return orjson.dumps(data, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:  # orjson.JSONEncodeError is one
        pass
    try:
        text = json.dumps(data, default=str, skipkeys=True, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        text = json.dumps({"unreadable": repr(data)[:2000]}, ensure_ascii=False)
    return text.encode("utf-8", errors="replace")


def _event(row: tuple[int, str, str, int, int, str, bytes]) -> Event:
    _, call_id, writer, seq, at_us, kind, data = row
    return Event(call_id, writer, seq, _from_us(at_us), kind, _decode_data(data))


def _decode_data(data: bytes) -> dict[str, Any]:
    try:
        value = orjson.loads(data)
    except ValueError:
        return {"unreadable": data.decode("utf-8", errors="replace")}
    return value if isinstance(value, dict) else {"unreadable": value}


def _to_us(at: datetime) -> int:
    aware = at if at.tzinfo else at.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _from_us(at_us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=at_us)
