"""The story of a call that the dialplan rang, as dialplan/21-story.conf writes it. Pure.

    facts trunk=trunk-a:dialled=110:...           only where no process of ours decided the call
    plan polres-1271@10@PJSIP/polres-1271-desk1
    story call=0199...:way=agi:arrived=1795500784.782:...:rungs=1~polres-1271~...

The last line is complete when it ends with a newline; before that the call is not over.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from urllib.parse import unquote

from agi import plan_text
from agi.plan_text import PlanTextError, TextRung

_CALL_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_CHANNEL = re.compile(r"PJSIP/(.+)-[0-9a-f]{8}")
_SIP = re.compile(r"[1-6][0-9]{2}")


class StoryError(ValueError):
    """The file is not a story."""


class UnfinishedStoryError(StoryError):
    """The file's last line is still missing."""


@dataclass(frozen=True, slots=True)
class RungStory:
    """One rung as it was rung.

    number counts from 1 in the plan; status is Dial()'s DIALSTATUS; said maps a desk's code to the
    SIP status of its last answer, None where it gave none. ended_at is the end of the talk where
    a desk answered.
    """

    number: int
    unit: str
    began_at: datetime
    ended_at: datetime
    status: str
    said: Mapping[str, int | None]


@dataclass(frozen=True, slots=True)
class Story:
    """What became of a call in the dialplan.

    way is `ari`, `agi` or `static`; taken_at is when sub-escalate began, None for a caller who
    left before; attempts_before are the rungs that the application rang before it handed the call
    over; rungs may be fewer than rungs_rung when the caller waited for very long.
    """

    call_id: str
    way: str
    arrived_at: datetime
    taken_at: datetime | None
    ended_at: datetime
    answered_at_once: bool
    greeted: bool
    blocked: str
    ended_by: str
    status: str
    cause: int | None
    desk: str
    talk_seconds: float
    recording: str
    rung: int | None
    unit: str
    attempts_before: int
    rungs: tuple[RungStory, ...]
    rungs_rung: int
    plan: tuple[TextRung, ...]
    facts: tuple[str, ...]


def parse(text: str) -> Story:
    """Read one file. Raises UnfinishedStoryError while it is being written, else StoryError."""
    lines = dict(line.partition(" ")[::2] for line in text.splitlines())
    if "story" not in lines or not text.endswith("\n"):
        raise UnfinishedStoryError("the call is not over")
    found = {
        key: unquote(value, errors="replace")
        for key, _, value in (word.partition("=") for word in lines["story"].split(":"))
    }
    try:
        return _story(found, lines)
    except (ValueError, IndexError, OverflowError) as error:
        raise StoryError(f"not a story: {error}") from None


def _story(found: Mapping[str, str], lines: Mapping[str, str]) -> Story:
    def value(key: str) -> str:
        return found.get(key, "")

    if not _CALL_ID.fullmatch(value("call")):
        raise StoryError(f"not a call's id: {value('call')[:80]!r}")
    ended_at = _time(value("ended"))
    taken_at = _time(value("taken")) if value("taken") else None
    return Story(
        call_id=value("call"),
        way=value("way"),
        arrived_at=_time(value("arrived")) if value("arrived") else taken_at or ended_at,
        taken_at=taken_at,
        ended_at=ended_at,
        answered_at_once=value("answer") != "on_connect",
        greeted=value("greeting") == "1",
        blocked=value("blocked"),
        ended_by=value("by") or "caller",
        status=value("status"),
        cause=int(value("cause")) if value("cause") else None,
        desk=_desk(value("desk")) if value("desk") else "",
        talk_seconds=_talk_seconds(value("answered"), ended_at),
        recording=value("file"),
        rung=int(value("rung")) if value("rung") else None,
        unit=value("unit"),
        attempts_before=int(value("attempts") or 0),
        rungs=tuple(_rung(entry) for entry in value("rungs").split("|") if entry),
        rungs_rung=int(value("rungs_rung") or 0),
        plan=_plan(lines.get("plan", "")),
        facts=tuple(lines["facts"].split(":")) if "facts" in lines else (),
    )


def _talk_seconds(answered: str, ended_at: datetime) -> float:
    if not answered:
        return 0.0
    return max(0.0, round((ended_at - _time(answered)).total_seconds(), 3))


def _plan(text: str) -> tuple[TextRung, ...]:
    try:
        return plan_text.decode(text) if text else ()
    except PlanTextError as error:
        raise StoryError(str(error)) from None


def _rung(entry: str) -> RungStory:
    head, *legs = entry.split("^")
    number, unit, began, ended, status = head.split("~")
    said = {}
    for leg in legs:
        channel, _, sip = leg.partition("~")
        said[_desk(channel)] = int(sip) if _SIP.fullmatch(sip) else None
    return RungStory(int(number), unit, _time(began), _time(ended), status, said)


def _desk(channel: str) -> str:
    match = _CHANNEL.fullmatch(channel)
    if match is None:
        raise StoryError(f"not a desk's channel: {channel[:80]!r}")
    return match[1]


def _time(text: str) -> datetime:
    return datetime.fromtimestamp(float(text), UTC)
