"""What can happen to a call; each event carries its time `t` in monotonic seconds."""

from dataclasses import dataclass

from ari_app.call.state import LegEnd, Timer
from routing.plan import RoutePlan


@dataclass(frozen=True, slots=True)
class Arrived:
    """The caller is in our hands and the decision is made.

    blocked ends the call with an announcement; hand_over, when not None, names why the dialplan
    shall carry the plan out.
    """

    t: float
    plan: RoutePlan
    blocked: bool = False
    hand_over: str | None = None


@dataclass(frozen=True, slots=True)
class Replanned:
    """A better location is known; this is the plan that it makes."""

    t: float
    plan: RoutePlan


@dataclass(frozen=True, slots=True)
class CallerGone:
    """The caller's channel has left; cause is the Q.850 cause."""

    t: float
    cause: int


@dataclass(frozen=True, slots=True)
class LegCreated:
    """Asterisk accepted the leg."""

    t: float
    leg: str


@dataclass(frozen=True, slots=True)
class LegRefused:
    """Asterisk did not make the leg: no registered or reachable contact, or the request failed."""

    t: float
    leg: str
    end: LegEnd


@dataclass(frozen=True, slots=True)
class LegRinging:
    """The desk's phone rings."""

    t: float
    leg: str


@dataclass(frozen=True, slots=True)
class LegAnswered:
    """An officer took the phone."""

    t: float
    leg: str


@dataclass(frozen=True, slots=True)
class LegGone:
    """The leg's channel is destroyed; cause is the Q.850 cause, end what it means."""

    t: float
    leg: str
    cause: int
    end: LegEnd


@dataclass(frozen=True, slots=True)
class TimerFired:
    """A clock ran out; those of an earlier attempt mean nothing."""

    t: float
    timer: Timer
    attempt: int


@dataclass(frozen=True, slots=True)
class PromptFinished:
    """A playback came to its end; played is False where it failed or the caller left during it."""

    t: float
    prompt: int
    played: bool = True


@dataclass(frozen=True, slots=True)
class Bridged:
    """Caller and winning desk hear each other."""

    t: float
    leg: str


@dataclass(frozen=True, slots=True)
class BridgeFailed:
    """Asterisk could not join caller and desk."""

    t: float
    leg: str


@dataclass(frozen=True, slots=True)
class RecordingDone:
    """The recording is stored and verified, or has failed; note says which."""

    t: float


@dataclass(frozen=True, slots=True)
class Adopted:
    """Another process conducts the call from here; its state comes from the record."""

    t: float


@dataclass(frozen=True, slots=True)
class HandOverAsked:
    """The service wants the dialplan to go on with this call (overload, shutdown)."""

    t: float
    reason: str


@dataclass(frozen=True, slots=True)
class HandedOver:
    """The dialplan has the call."""

    t: float


@dataclass(frozen=True, slots=True)
class HandOverFailed:
    """The dialplan did not take the call; caller_gone when there is no channel any more."""

    t: float
    caller_gone: bool


CallEvent = (
    Arrived
    | Replanned
    | CallerGone
    | LegCreated
    | LegRefused
    | LegRinging
    | LegAnswered
    | LegGone
    | TimerFired
    | PromptFinished
    | Bridged
    | BridgeFailed
    | RecordingDone
    | Adopted
    | HandOverAsked
    | HandedOver
    | HandOverFailed
)
