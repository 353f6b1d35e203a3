"""What a call's story says, as events for the record. Pure.

The writer of these events is `dialplan` and they are counted from 1, so a story that is read
twice changes nothing.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

from agi.story import RungStory, Story
from ari_app.call.state import LegEnd, Outcome
from ari_app.call.turn import attempt_reason
from ari_app.causes import leg_end
from db.events import Event

WRITER = "dialplan"

Note = tuple[datetime, str, dict[str, Any]]

_Q850 = {486: 17, 600: 17, 603: 21, 480: 20, 404: 1, 408: 18}


def events(story: Story, decided: Sequence[tuple[str, dict[str, Any]]] = ()) -> list[Event]:
    """The events of a story, in the order of their time, `ended` last.

    decided are the events (kind, data) of a decision made from story.facts: what is known of a
    call that no process of ours decided. Of those, what the dialplan did instead takes its place.
    """
    told = [*_arrival(story, decided), *_ringing(story)]
    told.sort(key=lambda note: note[0])
    told.append((story.ended_at, "ended", _ended(story)))
    return _numbered(story.call_id, told, 1)


def further(told: Sequence[Event], notes: Sequence[Note]) -> list[Event]:
    """What is known later of the same call (its recording), counted on."""
    return _numbered(told[-1].call_id, notes, told[-1].seq + 1)


def _numbered(call_id: str, notes: Sequence[Note], first: int) -> list[Event]:
    return [
        Event(call_id, WRITER, seq, at, kind, data)
        for seq, (at, kind, data) in enumerate(notes, start=first)
    ]


def answered_at(story: Story) -> datetime | None:
    """When a desk answered, or None."""
    if story.status != "ANSWER":
        return None
    ended = story.rungs[-1].ended_at if story.rungs else story.ended_at
    return ended - timedelta(seconds=story.talk_seconds)


def _arrival(story: Story, decided: Sequence[tuple[str, dict[str, Any]]]) -> Iterator[Note]:
    for kind, data in decided:
        if kind in ("arrived", "located"):
            yield story.arrived_at, kind, data
    if story.way == "static" and story.taken_at is not None:
        unchecked = {"verdict": "unchecked", "reason": "no process of the service answered"}
        yield story.taken_at, "checked", unchecked
        yield story.taken_at, "planned", {"reason": "trunk_default", "rungs": _planned(story)}


def _planned(story: Story) -> list[dict[str, Any]]:
    return [
        {
            "unit": rung.unit,
            "name": rung.unit,
            "level": rung.unit.partition("-")[0],
            "desks": list(rung.desks),
            "ring_seconds": rung.ring_seconds,
        }
        for rung in story.plan
    ]


def _ringing(story: Story) -> Iterator[Note]:
    if story.taken_at is not None and story.answered_at_once:
        yield story.taken_at, "caller_answered", {}
        if story.greeted and story.rungs and not story.blocked:
            yield story.taken_at, "greeting_started", {}
    for count, rung in enumerate(story.rungs, start=1):
        # Of a very long wait only the last rung is told beside the first ones.
        attempt = story.rungs_rung if rung is story.rungs[-1] else count
        yield from _rung(story, story.attempts_before + attempt, rung)


def _rung(story: Story, attempt: int, rung: RungStory) -> Iterator[Note]:
    connected_at = answered_at(story) if rung is story.rungs[-1] else None
    ended_at = rung.ended_at if connected_at is None else connected_at
    place = {"rung": attempt, "unit": rung.unit}
    yield rung.began_at, "rung_started", dict(place)
    ends = []
    for number, desk in enumerate(_desks(story, rung), start=1):
        leg = f"{story.call_id}.{attempt}.{number}"
        yield rung.began_at, "leg_dialled", {"leg": leg, **place, "desk": desk}
        if connected_at is not None and desk == story.desk:
            yield connected_at, "leg_answered", {"leg": leg}
            yield connected_at, "connected", {"leg": leg, **place, "desk": desk}
            cause, reason = story.cause, LegEnd.HUNG_UP
            yield rung.ended_at, "leg_ended", {"leg": leg, "reason": reason.value, "cause": cause}
            continue
        sip = rung.said.get(desk)
        reason = _leg_end(sip, rung.status)
        ends.append(reason)
        cause = None if sip is None else _Q850.get(sip)
        yield ended_at, "leg_ended", {"leg": leg, "reason": reason.value, "cause": cause}
    yield ended_at, "rung_ended", {**place, "reason": _rung_end(rung.status, ends)}


def _desks(story: Story, rung: RungStory) -> tuple[str, ...]:
    if not 0 < rung.number <= len(story.plan):
        return tuple(rung.said)
    planned = story.plan[rung.number - 1].desks
    return (*planned, *(desk for desk in rung.said if desk not in planned))


def _leg_end(sip: int | None, status: str) -> LegEnd:
    """Why a leg that was not connected ended; 1xx is a phone that rang until Dial() gave up."""
    if sip is not None and sip >= 300:
        return leg_end(0, sip)
    if status in ("ANSWER", "CANCEL"):
        return LegEnd.CANCELLED
    if status == "NOANSWER" and sip is not None:
        return LegEnd.NO_ANSWER
    return LegEnd.UNREACHABLE


def _rung_end(status: str, ends: Sequence[LegEnd]) -> str:
    match status:
        case "ANSWER":
            return "answered"
        case "CANCEL":
            return "caller_left"
    return attempt_reason(tuple(ends)) if ends else LegEnd.UNREACHABLE.value


def _ended(story: Story) -> dict[str, Any]:
    connected_at = answered_at(story)
    waited_until = connected_at or story.ended_at
    attempt = None if not story.rungs_rung else story.attempts_before + story.rungs_rung
    if story.blocked:
        outcome, by, fault = Outcome.BLOCKED, story.ended_by, None
    elif connected_at is not None:
        outcome, by, fault = Outcome.CONNECTED, story.ended_by, None
    elif story.status in ("INVALIDARGS", "DONTCALL", "TORTURE"):
        outcome, by, fault = Outcome.FAILED, "service", f"Dial: {story.status}"
    else:
        outcome, by, fault = Outcome.ABANDONED, story.ended_by, None
    return {
        "outcome": outcome.value,
        "rung": attempt,
        "unit": story.unit or None,
        "by": by,
        "cause": story.cause,
        "fault": fault,
        "talk_seconds": None if connected_at is None else story.talk_seconds,
        "wait_seconds": round((waited_until - story.arrived_at).total_seconds(), 3),
    }
