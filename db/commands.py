"""`polri110 calls`: what became of calls, from the record in Postgres."""

import json
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta, tzinfo
from typing import Annotated, Literal, TypeVar
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import cyclopts
from cyclopts import Parameter
from sqlalchemy.ext.asyncio import AsyncSession

from blocklist.number import read
from db.command_line import aligned, fail, with_database
from db.database import engine
from db.models import CallRow
from db.reader import CallFilter, find_call, list_calls, row_json
from db.story import moment, story

T = TypeVar("T")
Json = Annotated[bool, Parameter(name="--json", negative="")]
Outcome = Literal["connected", "blocked", "abandoned", "unanswered", "failed", "open"]

HEADINGS = ("began", "call", "caller", "outcome", "unit", "rung", "wait", "talk")

app = cyclopts.App(
    name="calls",
    help="""Calls to 110, from the record.

    For example:

        polri110 calls list                              the latest 50
        polri110 calls list --since 2h --outcome abandoned
        polri110 calls list --number 081234567890 --json
        polri110 calls show 0199aaaa                     the story of one call
    """,
    help_format="plaintext",
)


@app.command(name="list")
def list_(
    *,
    since: str | None = None,
    until: str | None = None,
    outcome: Outcome | None = None,
    unit: str | None = None,
    number: str | None = None,
    limit: int = 50,
    zone: str | None = None,
    as_json: Json = False,
) -> None:
    """List calls, newest first.

    Parameters
    ----------
    since
        From this time on: 2026-01-05, 2026-01-05T10:30+07:00, or an age such as 90s, 15m, 2h, 7d.
        Without a zone, the machine's own.
    until
        Before this time, in the same forms.
    outcome
        How it ended; `open`: it has not.
    unit
        Code of a unit that was rung, e.g. polres-1271.
    number
        The caller's number, however written.
    limit
        At most so many.
    zone
        Time zone of what is printed, e.g. Asia/Jayapura; the machine's own by default.
    as_json
        One JSON array instead of a table.
    """
    shown_in = _zone(zone)
    wanted = CallFilter(
        since=_time(since, "--since"),
        until=_time(until, "--until"),
        outcome=outcome,
        unit=unit,
        number=_number(number),
        limit=limit if limit > 0 else fail("--limit is at least 1", 2),
    )
    rows = _ask(lambda session: list_calls(session, wanted))
    if as_json:
        print(json.dumps([row_json(row) for row in rows], ensure_ascii=False, indent=2))
        return
    print("\n".join(aligned(HEADINGS, [_cells(row, shown_in) for row in rows])))
    print(f"\n{len(rows)} call{'' if len(rows) == 1 else 's'}", end="")
    print(" (the limit; --limit N gives more)" if len(rows) == limit else "")


@app.command
def show(call_id: str, /, *, zone: str | None = None, as_json: Json = False) -> None:
    """Tell the story of one call.

    Parameters
    ----------
    call_id
        Its id, or the beginning of it.
    zone
        Time zone of what is printed, e.g. Asia/Jayapura; the machine's own by default.
    as_json
        Everything recorded, with all events, as JSON.
    """
    shown_in = _zone(zone)
    try:
        record = _ask(lambda session: find_call(session, call_id))
    except LookupError as error:
        fail(f"{error}; `polri110 calls list` shows the ids")
    if as_json:
        print(json.dumps(record.as_json(), ensure_ascii=False, indent=2))
    else:
        print("\n".join(story(record, shown_in)))


def _ask(question: Callable[[AsyncSession], Awaitable[T]]) -> T:
    async def ask(url: str) -> T:
        database = engine(url, name="calls", pool_size=1)
        try:
            async with AsyncSession(database, expire_on_commit=False) as session:
                return await question(session)
        finally:
            await database.dispose()

    return with_database(ask)


def _cells(row: CallRow, zone: tzinfo | None) -> list[str]:
    waited, talked = row.wait_seconds, row.talk_seconds
    return [
        moment(row.began_at, zone, milliseconds=False),
        row.call_id,
        "-" if row.number is None else f"+{row.number}",
        row.outcome or "open",
        row.unit or "-",
        str(row.rung or "-"),
        "-" if waited is None else f"{waited:.1f} s",
        "-" if talked is None else f"{talked:.1f} s",
    ]


def _zone(name: str | None) -> tzinfo | None:
    if name is None:
        return None
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        fail(f"--zone {name} is no time zone of this machine: try Asia/Jakarta", 2)


_AGE_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def _time(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    if text[:-1].isdecimal() and text[-1:] in _AGE_SECONDS:
        return datetime.now().astimezone() - timedelta(
            seconds=int(text[:-1]) * _AGE_SECONDS[text[-1]]
        )
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        fail(f"{option} {text}: give 2026-01-05, 2026-01-05T10:30+07:00, or an age such as 2h", 2)


def _number(text: str | None) -> int | None:
    if text is None:
        return None
    key = read(text).key
    if key is None:
        fail(f"--number {text} is no telephone number", 2)
    return key
