"""The queue between the websocket's reader and the one consumer of events.

It has no bound. A full queue would have two ways out, and both lose calls: dropping events, or
making the reader wait, upon which Asterisk cuts the connection (websocket_write_timeout). What
grows instead is the lag, and the lag is there to be read: who sees it grow takes fewer calls.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from ari_app.events import AriEvent

FAIRNESS = 32
"""Events handed out before the consumer lets the reader and the others have a turn."""


class Inbox:
    """Events in order of arrival, for one consumer, which iterates over it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._events: deque[tuple[float, AriEvent]] = deque()
        self._in_hand: float | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._end: Exception | None = None
        self._ended = False
        self._since_turn = 0
        self.delay = 0.0

    def __len__(self) -> int:
        return len(self._events)

    def put(self, event: AriEvent) -> None:
        """Queue an event."""
        self._events.append((self._clock(), event))
        self._wake()

    def end(self, error: Exception | None = None) -> None:
        """Nothing more comes: once the queue is empty, the consumer gets `error`, or the end."""
        if not self._ended:
            self._ended, self._end = True, error
            self._wake()

    def __aiter__(self) -> "Inbox":
        return self

    async def __anext__(self) -> AriEvent:
        self._in_hand = None
        self._since_turn += 1
        if self._since_turn >= FAIRNESS:
            self._since_turn = 0
            await asyncio.sleep(0)
        while not self._events:
            if self._ended:
                raise self._end or StopAsyncIteration
            if self._waiter is not None:
                raise RuntimeError("events have one consumer")
            self._since_turn = 0
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        arrived, event = self._events.popleft()
        self._in_hand = arrived
        self.delay = (datetime.now(UTC) - event.timestamp).total_seconds()
        return event

    def lag(self) -> float:
        """Seconds since the arrival of the oldest event that is not yet done with, 0 if none.

        An event is done with when the consumer asks for the next one.
        """
        oldest = self._in_hand
        if oldest is None:
            if not self._events:
                return 0.0
            oldest = self._events[0][0]
        return self._clock() - oldest

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
