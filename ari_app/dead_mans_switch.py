"""A dead man's switch inside Asterisk: a call whose processes all die goes on in the dialplan.

While a call is not connected, its channel carries its plan and a TIMEOUT(absolute) that the
application keeps extending. When nobody does, Asterisk takes the channel out of Stasis and goes on
in extension T (dialplan/10-from-trunk.conf), which rings the plan from the rung that was reached.

A blocked call gets the time of its announcement before that begins, and no more: while a channel
plays, Asterisk answers no request that sets its variables, nor any other on the same websocket.
"""

import asyncio
from asyncio import Future
from collections.abc import Callable, Iterable
from typing import Any

from agi.dialplan import DialplanRules, variables
from ari_app.call import Phase
from ari_app.client import AriClient
from ari_app.live_call import LiveCall

TIMEOUT = "TIMEOUT(absolute)"
WAITING = frozenset({Phase.RINGING, Phase.PAUSED, Phase.CONNECTING})


class DeadMansSwitch:
    """Arms, extends and disarms the switch of each call; `seconds` is how long it waits for us."""

    def __init__(self, ari: AriClient, rules: DialplanRules, seconds: float) -> None:
        self._ari = ari
        self._rules = rules
        self._seconds = seconds

    def moved(self, call: LiveCall) -> None:
        """Arm it when the call begins to wait, disarm it when it is connected."""
        phase = call.state.phase
        if phase in WAITING and not call.guarded:
            self._arm(call, self._seconds)
        elif phase is Phase.CONNECTED and call.guarded:
            call.guarded = False
            self._send(self._ari.channels.set_variable(call.caller, TIMEOUT, "0"))

    def before_announcement(self, call: LiveCall) -> None:
        """Arm it for a call that is to be blocked."""
        self._arm(call, call.state.rules.announcement_limit_seconds)

    def replanned(self, call: LiveCall) -> None:
        """The call has another plan: that is what the dialplan would go on with."""
        if call.guarded and call.state.phase in WAITING:
            given = variables(call.decision, call.id, self._rules)
            self._set(call, self._seconds, given | _reached(call))

    def taken_over(self, call: LiveCall) -> None:
        """The process that armed the call's switch is dead: it is ours to extend or disarm."""
        call.guarded = True
        if call.state.phase in WAITING:
            self._set(call, self._seconds, {})
        elif call.state.phase is not Phase.BLOCKED:
            self.moved(call)

    async def extend_for_ever(self, calls: Callable[[], Iterable[LiveCall]]) -> None:
        """Three times within its time, until cancelled."""
        while True:
            await asyncio.sleep(self._seconds / 3)
            for call in tuple(calls()):
                if call.guarded and call.state.phase in WAITING:
                    self._set(call, self._seconds, _reached(call))

    def _arm(self, call: LiveCall, seconds: float) -> None:
        call.guarded = True
        # The call's id in Asterisk's own CDR joins that independent record to ours.
        given = {"CDR(userfield)": call.id}
        self._set(call, seconds, given | variables(call.decision, call.id, self._rules))

    def _set(self, call: LiveCall, seconds: float, given: dict[str, str]) -> None:
        # The clock first: a channel with a plan and no clock would wait for ever.
        clock = {TIMEOUT: f"{seconds:g}"}
        self._send(self._ari.channels.set_variables(call.caller, clock | given))

    def _send(self, request: Future[Any]) -> None:
        request.add_done_callback(_ignore)


def _reached(call: LiveCall) -> dict[str, str]:
    """Greeted already, and the units before this one were rung in vain."""
    return {
        "RUNG_FIRST": str(call.state.rung + 1),
        "ATTEMPTS": str(call.state.attempt),
        "GREETING": "0",
    }


def _ignore(future: Future[Any]) -> None:
    # A caller who has just left needs no switch, and one that is not extended trips: both are safe.
    if not future.cancelled():
        future.exception()
