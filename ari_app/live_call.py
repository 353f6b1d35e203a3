"""One call in progress: its state, its clocks, its place in the record."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from ari_app.call import CallState, step
from ari_app.call import commands as do
from ari_app.call.events import CallEvent, TimerFired
from ari_app.call.state import Timer
from ari_app.decision import Decision
from db.events import Event


class JournalSink(Protocol):
    """Where events are recorded; returns at once."""

    @property
    def writer(self) -> str:
        """Name of the process that writes."""

    def append(self, events: list[Event], /) -> None:
        """Take the events."""


class Executor(Protocol):
    """What carries a call's commands out."""

    def carry_out(self, call: "LiveCall", command: do.Command) -> None:
        """Begin to do it; results come back through `call.feed`."""


class LiveCall:
    """Feeds events to the call's machine and hands its commands on.

    caller is Asterisk's id of the caller's channel. Clocks and notes are kept here; all else goes
    to the executor. moved is told of each new phase, done when nothing is left to wait for.
    """

    __slots__ = (
        "_done",
        "_executor",
        "_journal",
        "_loop",
        "_moved",
        "_seq",
        "_timers",
        "bridge_made",
        "caller",
        "decision",
        "ended_t",
        "guarded",
        "hears",
        "held",
        "id",
        "state",
    )

    def __init__(
        self,
        state: CallState,
        decision: Decision,
        executor: Executor,
        journal: JournalSink,
        moved: Callable[["LiveCall"], None],
        done: Callable[["LiveCall"], None],
    ) -> None:
        self.id = state.id
        self.caller = decision.facts.channel
        self.decision = decision
        self.state = state
        self.bridge_made = False
        self.guarded = False
        self.held: set[str] = set()
        self.hears: Literal["moh", "ring"] | None = None
        self.ended_t: float | None = None
        self._executor = executor
        self._journal = journal
        self._moved = moved
        self._done = done
        self._seq = 0
        self._timers: dict[Timer, asyncio.TimerHandle] = {}
        self._loop = asyncio.get_running_loop()

    @property
    def now(self) -> float:
        """Monotonic seconds, the time of the machine's events."""
        return self._loop.time()

    def feed(self, event: CallEvent) -> None:
        """Apply an event and begin what follows from it."""
        before = self.state.phase
        self.state, commands = step(self.state, event)
        for command in commands:
            match command:
                case do.Note(kind, data):
                    self.note(kind, dict(data))
                case do.StartTimer(timer, seconds, attempt):
                    self._start_timer(timer, seconds, attempt)
                case do.StopTimers():
                    self._stop_timers()
                case _:
                    self._executor.carry_out(self, command)
        if self.state.phase is not before:
            self._moved(self)
        if self.state.final and self.ended_t is None:
            self.ended_t = event.t
        if self.state.done:
            self._stop_timers()
            self._done(self)

    def note(self, kind: str, data: dict[str, Any]) -> None:
        """Record something that happened to the call, now."""
        self._seq += 1
        event = Event(self.id, self._journal.writer, self._seq, datetime.now(UTC), kind, data)
        self._journal.append([event])

    def _start_timer(self, timer: Timer, seconds: float, attempt: int) -> None:
        running = self._timers.get(timer)
        if running is not None:
            running.cancel()
        self._timers[timer] = self._loop.call_later(seconds, self._fire, timer, attempt)

    def _fire(self, timer: Timer, attempt: int) -> None:
        self._timers.pop(timer, None)
        self.feed(TimerFired(self.now, timer, attempt))

    def _stop_timers(self) -> None:
        for handle in self._timers.values():
            handle.cancel()
        self._timers.clear()
