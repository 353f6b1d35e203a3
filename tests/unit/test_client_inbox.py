"""The queue of events: order, end, lag, fairness."""

import asyncio
from datetime import UTC, datetime

import pytest

from ari_app.client.inbox import FAIRNESS, Inbox
from ari_app.events import AriEvent, Connected


def _event(number: int) -> AriEvent:
    return Connected(timestamp=datetime.now(UTC), reconnection=number)


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


async def test_events_come_in_the_order_in_which_they_were_put() -> None:
    inbox = Inbox()
    events = [_event(number) for number in range(3 * FAIRNESS)]
    for event in events:
        inbox.put(event)
    inbox.end()
    assert [event async for event in inbox] == events


async def test_what_is_queued_is_still_given_before_the_end_is_raised() -> None:
    inbox = Inbox()
    inbox.put(_event(1))
    inbox.end(ValueError("over"))
    inbox.end(ValueError("a later end changes nothing"))
    assert await anext(inbox) is not None
    with pytest.raises(ValueError, match="over"):
        await anext(inbox)


async def test_a_waiting_consumer_learns_of_the_end() -> None:
    inbox = Inbox()
    waiting = asyncio.create_task(_all(inbox))
    await asyncio.sleep(0)
    inbox.end()
    assert await asyncio.wait_for(waiting, 1) == []


async def test_a_second_consumer_is_refused_rather_than_given_half_of_the_events() -> None:
    inbox = Inbox()
    first = asyncio.create_task(_all(inbox))
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="one consumer"):
        await anext(inbox)
    inbox.end()
    await first


async def test_a_consumer_that_gave_up_waiting_loses_no_event() -> None:
    inbox = Inbox()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(anext(inbox), 0.001)
    event = _event(1)
    inbox.put(event)
    assert await anext(inbox) is event


async def test_lag_is_the_age_of_the_oldest_event_not_yet_done_with() -> None:
    clock = Clock()
    inbox = Inbox(clock)
    assert inbox.lag() == 0
    inbox.put(_event(1))
    clock.now += 0.25
    inbox.put(_event(2))
    clock.now += 0.5
    assert inbox.lag() == 0.75
    await anext(inbox)
    assert inbox.lag() == 0.75, "the first event is still in the consumer's hands"
    await anext(inbox)
    assert inbox.lag() == 0.5
    waiting = asyncio.create_task(_all(inbox))
    await asyncio.sleep(0)
    assert inbox.lag() == 0
    inbox.end()
    await waiting


async def test_a_consumer_that_never_waits_leaves_the_others_a_turn() -> None:
    inbox = Inbox()
    for number in range(10 * FAIRNESS):
        inbox.put(_event(number))
    inbox.end()
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await _all(inbox)
    task.cancel()
    assert turns >= 9


async def _all(inbox: Inbox) -> list[AriEvent]:
    return [event async for event in inbox]
