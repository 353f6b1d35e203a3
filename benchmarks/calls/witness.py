"""What really became of the calls: Asterisk's own events, the service's record, what is left."""

import asyncio
import csv
import io
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import asyncpg

from benchmarks.calls.scene import Scene

RECORD_SECONDS = 30.0
OUTCOMES = """
    SELECT coalesce(outcome, 'open') AS outcome, handed_over IS NOT NULL OR way <> 'ari' AS given,
           count(*) AS calls
    FROM calls WHERE began_at >= $1 GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Recorded:
    """The service's own record: calls connected, of all; how many of them the dialplan rang."""

    calls: int
    connected: int
    by_dialplan: int


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment from which on witnesses are heard."""

    at: datetime
    offset: int


def mark(scene: Scene) -> Mark:
    """Now."""
    log = _channel_events(scene)
    return Mark(datetime.now(UTC), log.stat().st_size if log.exists() else 0)


def bridged(scene: Scene, since: Mark) -> int:
    """Calls of which Asterisk says that caller and desk were in one bridge (CEL BRIDGE_ENTER)."""
    with _channel_events(scene).open("rb") as log:
        log.seek(since.offset)
        return count_bridges(log.read().decode(errors="replace"))


def count_bridges(events: str) -> int:
    """Bridges that a channel of a trunk and one of a desk have entered, in cel-custom's CSV."""
    parties: dict[str, set[str]] = {}
    for _, _, event, _, channel, _, _, extra in _rows(events):
        if event == "BRIDGE_ENTER":
            name = channel.removeprefix("PJSIP/").partition("-")[0]
            parties.setdefault(json.loads(extra)["bridge_id"], set()).add(name)
    return sum("trunk" in names and len(names) > 1 for names in parties.values())


async def recorded(scene: Scene, since: Mark, calls: int) -> Recorded:
    """What Postgres says, as soon as it says it of so many calls, or after half a minute."""
    connection = await asyncpg.connect(scene.database_url)
    try:
        deadline = time.monotonic() + RECORD_SECONDS
        while True:
            found = _sum(await connection.fetch(OUTCOMES, since.at))
            if found.calls >= calls or time.monotonic() > deadline:
                return found
            await asyncio.sleep(0.5)
    finally:
        await connection.close()


async def left_over(scene: Scene, within_seconds: float) -> tuple[int, int]:
    """Channels and bridges that Asterisk still has when there are none, or after that time."""
    deadline = time.monotonic() + within_seconds
    while True:
        channels = len(await scene.asterisk.channels())
        bridges = (await scene.asterisk.cli("bridge show all")).count("\n") - 1
        if not channels + bridges or time.monotonic() > deadline:
            return channels, max(0, bridges)
        await asyncio.sleep(0.25)


def _sum(rows: Iterable[asyncpg.Record]) -> Recorded:
    counts = [(str(row["outcome"]), bool(row["given"]), int(str(row["calls"]))) for row in rows]
    return Recorded(
        calls=sum(count for outcome, _, count in counts if outcome != "open"),
        connected=sum(count for outcome, _, count in counts if outcome == "connected"),
        by_dialplan=sum(count for _, given, count in counts if given),
    )


def _rows(events: str) -> Iterable[list[str]]:
    return (row for row in csv.reader(io.StringIO(events)) if len(row) == 8)


def _channel_events(scene: Scene) -> Path:
    return scene.asterisk.directory / "log" / "cel-custom" / "events.csv"
