"""Carries a call's commands out over ARI, and feeds back what became of them.

Requests are sent without waiting, in the order of the commands: Asterisk answers them in that
order over the one websocket, so a hang-up never overtakes the dialling of the same leg.
"""

import asyncio
import math
from asyncio import Future
from collections.abc import Callable
from typing import Any

import structlog

from agi.dialplan import DialplanRules, variables
from ari_app.call import Phase
from ari_app.call import commands as do
from ari_app.call import events as on
from ari_app.call.state import LegEnd
from ari_app.client import AriClient
from ari_app.client.errors import AriConflict, AriError, AriNotFound, AriRejected
from ari_app.live_call import LiveCall

log = structlog.get_logger(__name__)

# A leg outlives its ring time only if we died: Asterisk then takes it down by itself.
LEG_GRACE_SECONDS = 2
RETRY_HANG_UP_SECONDS = 1.0
LEAVING_SECONDS = 0.2
HAND_OVER_CONTEXT = "escalate"


class AriExecutor:
    """The conductor's hands: one ARI request, or two, for each command."""

    def __init__(self, ari: AriClient, rules: DialplanRules) -> None:
        self._ari = ari
        self._rules = rules

    def carry_out(self, call: LiveCall, command: do.Command) -> None:
        """Send what the command needs; never waits."""
        ari = self._ari
        match command:
            case do.DialDesk(leg, dial, ring_seconds):
                self._dial(call, leg, dial, ring_seconds)
            case do.HangUpLeg(leg):
                self._hang_up_leg(call, leg)
            case do.AnswerCaller():
                self._send(ari.channels.answer(call.caller), call)
            case do.Speak(name):
                call.hears = "moh"
                self._send(ari.channels.start_moh(call.caller, moh_class=f"polri110-{name}"), call)
            case do.Ringback():
                call.hears = "ring"
                self._send(ari.channels.ring(call.caller), call)
            case do.StopPlaying():
                self._stop_playing(call)
            case do.Announce(prompt, name):
                self._announce(call, prompt, name)
            case do.Connect(leg):
                self._connect(call, leg)
            case do.StartRecording():
                self._record(call)
            case do.StopRecording():
                self._send(ari.recordings.stop(call.id), call)
            case do.ReleaseBridge():
                self._send(ari.bridges.destroy(_bridge(call)), call)
            case do.HangUpCaller(cause):
                self._send(ari.channels.hangup(call.caller, reason_code=cause), call)
            case do.RingCaller():
                self._send(ari.channels.ring(call.caller), call)
            case do.HandOver(first):
                self._hand_over(call, first)

    def _send(
        self,
        request: Future[Any],
        call: LiveCall,
        done: Callable[[], None] | None = None,
        failed: Callable[[AriError], None] | None = None,
    ) -> None:
        """Feed back a request's answer; one that nobody waits for is logged when it fails."""

        def answered(future: Future[Any]) -> None:
            if future.cancelled():
                return
            error = future.exception()
            if error is None:
                if done is not None:
                    done()
            elif not isinstance(error, AriError):
                log.error("ari_request_broken", call_id=call.id, exc_info=error)
            elif failed is not None:
                failed(error)
            else:
                # Channel, bridge or recording has gone, or has ended, a moment before: in order.
                late = isinstance(error, AriNotFound | AriConflict)
                told = log.debug if late else log.warning
                told("ari_request_failed", call_id=call.id, error=str(error))

        request.add_done_callback(answered)

    def _dial(self, call: LiveCall, leg: str, dial: str, ring_seconds: float) -> None:
        def failed(error: AriError) -> None:
            if isinstance(error, AriRejected):
                # No contact that can be reached: Asterisk does not even make the channel.
                call.feed(on.LegRefused(call.now, leg, LegEnd.UNREACHABLE))
            else:
                # Whether the leg exists is not known: taken down by its id, gone either way.
                self._hang_up_leg(call, leg)

        request = self._ari.channels.originate(
            dial,
            channel_id=leg,
            app=self._ari.app,
            app_args="leg",
            originator=call.caller,
            caller_id=_caller_id(call),
            timeout=math.ceil(ring_seconds) + LEG_GRACE_SECONDS,
        )
        self._send(request, call, lambda: call.feed(on.LegCreated(call.now, leg)), failed)

    def _hang_up_leg(self, call: LiveCall, leg: str) -> None:
        def failed(error: AriError) -> None:
            if isinstance(error, AriNotFound):
                call.feed(on.LegGone(call.now, leg, 0, LegEnd.CANCELLED))
            elif leg in call.state.legs:
                loop = asyncio.get_running_loop()
                loop.call_later(RETRY_HANG_UP_SECONDS, self._hang_up_leg, call, leg)

        self._send(self._ari.channels.hangup(leg), call, failed=failed)

    def keep_company(self, call: LiveCall, channel: str, *, held: bool) -> None:
        """Let who is on hold hear so: in a bridge that is recorded, Asterisk itself does not."""
        moh = self._ari.channels
        self._send(moh.start_moh(channel) if held else moh.stop_moh(channel), call)

    def _stop_playing(self, call: LiveCall) -> None:
        # Of a call that was taken over it is not known which of the two it hears.
        if call.hears != "ring":
            self._send(self._ari.channels.stop_moh(call.caller), call)
        if call.hears != "moh":
            self._send(self._ari.channels.ring_stop(call.caller), call)
        call.hears = None

    def _announce(self, call: LiveCall, prompt: int, name: str) -> None:
        request = self._ari.channels.play(
            call.caller,
            [f"sound:polri110/{name}"],
            playback_id=f"{call.id}.prompt.{prompt}",
        )
        self._send(
            request,
            call,
            # An announcement that cannot be played must not hold the call up.
            failed=lambda _: call.feed(on.PromptFinished(call.now, prompt)),
        )

    def _connect(self, call: LiveCall, leg: str) -> None:
        if not call.bridge_made:
            call.bridge_made = True
            self._send(self._ari.bridges.create(_bridge(call), type="mixing"), call)
        self._send(
            self._ari.bridges.add_channel(_bridge(call), [call.caller, leg]),
            call,
            lambda: call.feed(on.Bridged(call.now, leg)),
            lambda error: self._not_bridged(call, leg, error),
        )

    def _not_bridged(self, call: LiveCall, leg: str, error: AriError) -> None:
        # It may be half there; whoever answers next gets a new one.
        self._send(self._ari.bridges.destroy(_bridge(call)), call)
        call.bridge_made = False

        def failed() -> None:
            if call.state.phase is Phase.CONNECTING and call.state.winner == leg:
                call.note("fault", {"what": "bridge", "detail": str(error)})
                call.feed(on.BridgeFailed(call.now, leg))

        # Mostly somebody has just left, and Asterisk is about to say who: no fault then.
        asyncio.get_running_loop().call_later(LEAVING_SECONDS, failed)

    def _record(self, call: LiveCall) -> None:
        def failed(error: AriError) -> None:
            call.note("recording_failed", {"reason": str(error), "file": None})
            call.feed(on.RecordingDone(call.now))

        request = self._ari.bridges.record(_bridge(call), call.id, format="wav")
        self._send(request, call, lambda: call.note("recording_started", {"name": call.id}), failed)

    def _hand_over(self, call: LiveCall, first: int) -> None:
        def failed(error: AriError) -> None:
            gone = isinstance(error, AriNotFound)
            if not gone:
                call.note("fault", {"what": "hand_over", "detail": str(error)})
            call.feed(on.HandOverFailed(call.now, gone))

        given = variables(call.decision, call.id, self._rules, first, call.state.attempt)
        if call.guarded:
            given = {"TIMEOUT(absolute)": "0", **given}
        self._send(self._ari.channels.set_variables(call.caller, given), call)
        self._send(
            self._ari.channels.continue_in_dialplan(
                call.caller, context=HAND_OVER_CONTEXT, extension="s", priority=1
            ),
            call,
            lambda: call.feed(on.HandedOver(call.now)),
            failed,
        )


def _bridge(call: LiveCall) -> str:
    return f"{call.id}.bridge"


def _caller_id(call: LiveCall) -> str | None:
    number = call.decision.facts.number
    shown = number.e164 or number.raw
    # What the caller wrote is only passed on where it cannot break out of the header.
    return shown if shown and shown.replace("+", "").isalnum() and shown.isascii() else None
