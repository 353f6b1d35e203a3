"""What every process of a node has: journal, knowledge, metrics, and its work in the background."""

import asyncio
import contextlib
import os
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import PurePosixPath
from typing import Any

import structlog

from agi.dialplan import DialplanRules
from agi.lookup import Decide
from ari_app.aml_inbox import AmlInbox, AmlStatement
from ari_app.aml_post import AmlPost
from ari_app.decision import Decision, reconsider
from ari_app.following import follow_directory, follow_files
from ari_app.intake import Found
from ari_app.knowledge import BLOCKS_SNAPSHOT, CELLS, Knowing, decider, load, routing_rules
from ari_app.logs import configure_logs
from ari_app.metrics import CountedJournal, Metrics
from ari_app.recordings import RecordingArchive
from ari_app.settings import Settings
from blocklist.follow import follow as follow_blocks
from db.cell_store import follow_cells
from db.journal import Journal, writer_name
from db.writer import Writer

log = structlog.get_logger(__name__)

RESTART_SECONDS = 2.0
SHIP_SECONDS = 3.0
INFORMED_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Process:
    """The common parts of one running process."""

    settings: Settings
    knowing: Knowing
    journal: Journal
    counted: CountedJournal
    writer: Writer | None
    metrics: Metrics
    stopping: asyncio.Event
    aml: AmlInbox

    async def informed(self) -> None:
        """Wait until there is a block list, but not long: calls are not kept waiting for Postgres.

        The other processes, or the dialplan, take the calls of that moment.
        """
        deadline = time.monotonic() + INFORMED_SECONDS
        while not self.knowing.blocks.loaded and time.monotonic() < deadline:
            if self.writer is None:
                return
            await asyncio.sleep(0.02)

    def decider(self) -> Decide:
        """The decision function, its faults counted."""
        return decider(self.knowing, routing_rules(self.settings), self.metrics.undecided.inc)

    def reconsider(self, found: Found, decision: Decision) -> Decision:
        """The decision with one more statement of where the caller is; never raises."""
        rules = routing_rules(self.settings)
        try:
            return reconsider(decision, (found,), self.knowing.known, rules, datetime.now(UTC))
        except Exception:
            log.exception("not_reconsidered")
            self.metrics.undecided.inc()
            return decision

    def archive(self) -> RecordingArchive:
        """Where finished recordings go."""
        return RecordingArchive(self.settings.spool_dir, self.settings.data_dir / "recordings")

    def dialplan_rules(self) -> DialplanRules:
        """How the dialplan shall treat a call that it is given."""
        spool = self.settings.asterisk_spool_dir
        return DialplanRules(
            answer=self.settings.answer.value,
            greeting=self.settings.greeting,
            recordings=PurePosixPath(spool, "recording") if self.settings.recording else None,
        )


@contextlib.asynccontextmanager
async def running_process(settings: Settings, name: str) -> AsyncIterator[Process]:
    """Start the common parts; SIGTERM and SIGINT set `stopping`; all is closed at the end.

    name tells this process' journal apart from the others' of the node.
    """
    configure_logs(settings.log_level)
    metrics = Metrics()
    journal = Journal(settings.data_dir / "journal", writer_name(settings.node, name), alarm=_alarm)
    journal.start()
    stopping = stop_signals()
    aml = AmlInbox(settings.aml_keep_seconds)
    url = settings.database_url.get_secret_value()
    process = Process(
        settings,
        load(settings, aml.of),
        journal,
        CountedJournal(journal, metrics),
        Writer(url, journal, alarm=_alarm) if url else None,
        metrics,
        stopping,
        aml,
    )
    _watch(process)
    background = [
        asyncio.create_task(kept_alive(name, work), name=name)
        for name, work in _background(process).items()
    ]
    try:
        yield process
    finally:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await _ship_the_rest(process)
        await journal.close()


def _watch(process: Process) -> None:
    """What an operator is alarmed by (docs/operations.md)."""
    watch, journal, blocks = process.metrics.watch, process.journal, process.knowing.blocks
    watch(
        "polri110_journal_waiting",
        "Events that are not on the disk yet",
        lambda: journal.health.waiting,
    )
    watch(
        "polri110_journal_dropped",
        "Events lost because the disk failed for too long",
        lambda: journal.health.dropped,
    )
    watch(
        "polri110_journal_failing",
        "1 while the journal's disk fails",
        lambda: float(journal.health.failing is not None),
    )
    watch(
        "polri110_block_list_loaded",
        "0 while calls pass unchecked for want of a block list",
        lambda: float(blocks.loaded),
    )
    writer = process.writer
    if writer is not None:
        watch(
            "polri110_postgres_away_seconds",
            "For how long Postgres cannot be written to",
            lambda: writer.health.away_seconds,
        )
        watch(
            "polri110_events_refused",
            "Events that Postgres refuses; they stay in the journal",
            lambda: writer.health.refused,
        )


def _background(process: Process) -> dict[str, Callable[[], Coroutine[Any, Any, None]]]:
    url = process.settings.database_url.get_secret_value()
    files = partial(follow_files, process.knowing, with_directory=not url)
    if process.writer is None:
        log.warning("no_database", effect="the record stays in the local journal")
        return {"files": files}
    return {
        "writer": process.writer.run,
        "files": files,
        "directory": partial(follow_directory, process.knowing, url),
        "cells": partial(follow_cells, url, process.knowing.data_dir / CELLS),
        "blocks": partial(
            follow_blocks, url, process.knowing.blocks, process.knowing.data_dir / BLOCKS_SNAPSHOT
        ),
    }


@contextlib.contextmanager
def aml_post(
    process: Process, name: str, received: Callable[[AmlStatement], None]
) -> Iterator[AmlPost]:
    """Receive the AML statements that reach this node; a call goes on without them."""
    post = AmlPost(process.settings.data_dir / "aml", name, received)
    try:
        post.open()
    except OSError as error:
        log.error("aml_not_received", error=str(error))
    try:
        yield post
    finally:
        post.close()


def stop_signals() -> asyncio.Event:
    """An event that SIGTERM and SIGINT set."""
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    return stopping


async def _ship_the_rest(process: Process) -> None:
    writer = process.writer
    if writer is None:
        return
    if not await writer.drain(SHIP_SECONDS):
        left = await process.journal.count_unshipped()
        log.warning("journal_left", events=left, effect="shipped at the next start")
    writer.close()


async def kept_alive(name: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    """Run work for ever; what ends it is logged, and it is begun again."""
    while True:
        try:
            await work()
        except Exception:
            log.exception("background_failed", work=name)
        await asyncio.sleep(RESTART_SECONDS)


def tell_systemd(state: str) -> None:
    """sd_notify(3): READY=1 or STOPPING=1, where systemd started us."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
        notify.connect(f"\0{address[1:]}" if address.startswith("@") else address)
        notify.send(state.encode())


def _alarm(what: str, detail: str) -> None:
    log.error("alarm", what=what, detail=detail)
