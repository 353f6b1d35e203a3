"""What is to be done for a call: the machine's only output."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ari_app.call.state import Timer


@dataclass(frozen=True, slots=True)
class AnswerCaller:
    """Answer the caller's channel."""


@dataclass(frozen=True, slots=True)
class RingCaller:
    """Send 180 Ringing to the caller."""


@dataclass(frozen=True, slots=True)
class Announce:
    """Play an announcement once, to its end; PromptFinished(prompt) follows."""

    prompt: int
    name: str


@dataclass(frozen=True, slots=True)
class Speak:
    """Say an announcement and ring back after it, until stopped."""

    name: str


@dataclass(frozen=True, slots=True)
class Ringback:
    """Ring back until stopped."""


@dataclass(frozen=True, slots=True)
class StopPlaying:
    """Stop what the caller hears."""


@dataclass(frozen=True, slots=True)
class DialDesk:
    """Ring one phone."""

    leg: str
    dial: str
    ring_seconds: float


@dataclass(frozen=True, slots=True)
class HangUpLeg:
    """Take a leg down, whatever state it is in."""

    leg: str


@dataclass(frozen=True, slots=True)
class HangUpCaller:
    """End the caller's channel with a Q.850 cause."""

    cause: int


@dataclass(frozen=True, slots=True)
class Connect:
    """Join caller and leg in the call's bridge."""

    leg: str


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Record the call's bridge."""


@dataclass(frozen=True, slots=True)
class StopRecording:
    """End the recording; RecordingDone follows."""


@dataclass(frozen=True, slots=True)
class ReleaseBridge:
    """Destroy the call's bridge."""


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Run a clock; starting it again replaces it."""

    timer: Timer
    seconds: float
    attempt: int


@dataclass(frozen=True, slots=True)
class StopTimers:
    """Stop all clocks of the call."""


@dataclass(frozen=True, slots=True)
class HandOver:
    """Give the call to the dialplan's sub-escalate, beginning with rung number first (from 1)."""

    first: int


@dataclass(frozen=True, slots=True)
class Note:
    """Record an event of the call."""

    kind: str
    data: Mapping[str, Any]


Command = (
    AnswerCaller
    | RingCaller
    | Announce
    | Speak
    | Ringback
    | StopPlaying
    | DialDesk
    | HangUpLeg
    | HangUpCaller
    | Connect
    | StartRecording
    | StopRecording
    | ReleaseBridge
    | StartTimer
    | StopTimers
    | HandOver
    | Note
)
