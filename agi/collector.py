"""Collects the stories that the dialplan leaves in its spool, into the record.

A story is a file in <spool>/polri110/stories. It is removed once its events are durable in the
journal; until then a crash only means that it is read again, and its events are the same ones.
"""

import asyncio
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol

import structlog

from agi import report
from agi.lookup import Decide
from agi.story import Story, StoryError, UnfinishedStoryError, parse
from ari_app.decision import notes
from ari_app.recordings import RecordingArchive, RecordingLostError
from db.events import Event

log = structlog.get_logger(__name__)

POLL_SECONDS = 0.25
UNFINISHED_SECONDS = 60.0
"""Asterisk writes a story within milliseconds; one that is still unfinished then was cut off."""


class DurableJournal(Protocol):
    """Where events are recorded."""

    def append(self, events: Sequence[Event], /) -> None:
        """Take the events; returns at once."""

    async def flush(self) -> bool:
        """Wait until they are on the disk; False when the disk fails."""


@dataclass(frozen=True, slots=True)
class Collector:
    """Reads stories in `spool`/polri110/stories; spool is Asterisk's as this process sees it."""

    spool: Path
    journal: DurableJournal
    archive: RecordingArchive
    decide: Decide

    @property
    def stories(self) -> Path:
        """Where the dialplan writes them."""
        return self.spool / "polri110" / "stories"

    async def run(self) -> None:
        """Collect until cancelled."""
        while True:
            try:
                await self.collect()
            except OSError as error:
                log.error("stories_unreadable", error=str(error))
            await asyncio.sleep(POLL_SECONDS)

    async def collect(self) -> int:
        """Take in what is there now; returns how many stories. Raises OSError."""
        waiting = await asyncio.to_thread(lambda: list(self._waiting()))
        for _, story in waiting:
            told = report.events(story, self._decided(story))
            sound = await asyncio.to_thread(self._recording, story)
            self.journal.append([*told, *report.further(told, sound)])
        if waiting and await self.journal.flush():
            await asyncio.to_thread(_remove, [path for path, _ in waiting])
        return len(waiting)

    def _waiting(self) -> Iterator[tuple[Path, Story]]:
        self.stories.mkdir(parents=True, exist_ok=True)
        for path in sorted(self.stories.iterdir()):
            try:
                yield path, parse(path.read_text(encoding="utf-8", errors="replace"))
            except UnfinishedStoryError as error:
                if time.time() - path.stat().st_mtime > UNFINISHED_SECONDS:
                    self._set_aside(path, error)
            except StoryError as error:
                self._set_aside(path, error)

    def _set_aside(self, path: Path, error: StoryError) -> None:
        """Keep what cannot be read for whoever looks for the call."""
        log.error("story_unreadable", story=path.name, reason=str(error))
        aside = self.spool / "polri110" / "unreadable"
        aside.mkdir(exist_ok=True)
        path.replace(aside / path.name)

    def _decided(self, story: Story) -> Sequence[tuple[str, dict[str, Any]]]:
        if not story.facts:
            return ()
        uid = next((word[4:] for word in story.facts if word.startswith("uid=")), "")
        return notes(self.decide(uid, story.facts), way="static")

    def _recording(self, story: Story) -> list[report.Note]:
        connected_at = report.answered_at(story)
        if not story.recording:
            return []
        if connected_at is None:
            # MixMonitor makes its file before anybody talks.
            name = Path(story.recording).name
            (self.spool / "recording" / name).unlink(missing_ok=True)
            return []
        kind, data = self._archived(story.call_id, connected_at)
        return [
            (connected_at, "recording_started", {"name": story.call_id}),
            (story.ended_at, kind, data),
        ]

    def _archived(self, call_id: str, at: datetime) -> tuple[str, dict[str, Any]]:
        try:
            kept = self.archive.keep(call_id, at)
        except (RecordingLostError, OSError) as error:
            log.error("recording_failed", call_id=call_id, reason=str(error))
            return "recording_failed", {"reason": str(error), "file": None}
        return "recording_finished", {
            "file": kept.file,
            "seconds": kept.seconds,
            "bytes": kept.bytes,
            "sha256": kept.sha256,
        }


def _remove(paths: Sequence[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
