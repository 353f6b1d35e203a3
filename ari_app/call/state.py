"""A call as it stands: its phases, its legs, the rules it is conducted by.

Everything here is a frozen value. Times are `t`: monotonic seconds, only their differences count.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from routing.plan import RoutePlan, Rung


class Phase(StrEnum):
    """Where a call is. ENDED and HANDED_OVER are final for this executor."""

    ARRIVING = "arriving"
    BLOCKED = "blocked"
    RINGING = "ringing"
    PAUSED = "paused"
    CONNECTING = "connecting"
    CONNECTED = "connected"
    HANDING_OVER = "handing_over"
    HANDED_OVER = "handed_over"
    ENDED = "ended"


class LegState(StrEnum):
    """Where a desk's leg is. A leg leaves the state's table only when Asterisk says it is gone."""

    DIALLING = "dialling"
    RINGING = "ringing"
    ANSWERED = "answered"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    """How a call ended; each call has exactly one."""

    CONNECTED = "connected"
    BLOCKED = "blocked"
    ABANDONED = "abandoned"
    UNANSWERED = "unanswered"
    FAILED = "failed"


class LegEnd(StrEnum):
    """Why a leg is gone."""

    BUSY = "busy"
    DECLINED = "declined"
    UNREACHABLE = "unreachable"
    NO_ANSWER = "no_answer"
    CANCELLED = "cancelled"
    HUNG_UP = "hung_up"
    FAILED = "failed"


class Timer(StrEnum):
    """The clocks a call can run; firing is an event."""

    RUNG = "rung"
    PROGRESS = "progress"
    AGAIN = "again"
    ANNOUNCEMENT = "announcement"
    SPEECH = "speech"


@dataclass(frozen=True, slots=True)
class Leg:
    """One desk's phone in one rung attempt; end says why a cancelled leg was cancelled."""

    id: str
    desk: str
    attempt: int
    state: LegState
    end: LegEnd | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """The settings a call is conducted by. Seconds throughout."""

    answer_at_once: bool = True
    greeting: bool = True
    recording: bool = True
    progress_seconds: float = 0.9
    again_pause_seconds: float = 2.0
    greeting_seconds: float = 10.0
    speech_seconds: float = 5.5
    announcement_limit_seconds: float = 30.0
    leaving_seconds: float = 0.5


@dataclass(frozen=True, slots=True)
class CallState:
    """A call as it stands.

    attempt counts rung attempts from 1 (a rung rung again is a new attempt); rung is the index
    into plan.rungs. prompt counts what was played from 1; speaking tells that prompt is speech
    (not ringback), and pending_speech waits for its end.
    """

    id: str
    rules: Rules
    phase: Phase = Phase.ARRIVING
    plan: RoutePlan | None = None
    rung: int = 0
    attempt: int = 0
    attempt_ends: tuple[LegEnd, ...] = ()
    legs: Mapping[str, Leg] = field(default_factory=dict)
    winner: str | None = None
    prompt: int = 0
    playing: bool = False
    speaking: bool = False
    pending_speech: str | None = None
    caller_gone: bool = False
    recording_pending: bool = False
    was_connected: bool = False
    arrived_t: float = 0.0
    rung_t: float = 0.0
    connected_t: float | None = None

    @property
    def current(self) -> Rung:
        """The rung that is being rung."""
        if self.plan is None:
            raise ValueError("a call has no rung before its plan")
        return self.plan.rungs[self.rung]

    @property
    def final(self) -> bool:
        """The outcome is recorded, here or by the dialplan that took the call."""
        return self.phase in (Phase.ENDED, Phase.HANDED_OVER)

    @property
    def done(self) -> bool:
        """Nothing of the call is left to wait for."""
        return self.final and not self.legs and not self.recording_pending
