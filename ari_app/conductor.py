"""Conducts the calls of one Asterisk: its events into each call's machine, nothing else.

An arriving call is claimed, decided and then lives in a LiveCall until its outcome is recorded and
its last leg, bridge and recording are gone.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import structlog
from uuid_utils import uuid7

from ari_app.call import CallState, Phase
from ari_app.call import commands as do
from ari_app.call import events as on
from ari_app.call.restore import restore
from ari_app.call.state import Rules
from ari_app.causes import leg_end
from ari_app.client import AriClient
from ari_app.client.errors import AriConflict, AriError, AriNotFound
from ari_app.dead_mans_switch import DeadMansSwitch
from ari_app.decision import Decision, located, notes
from ari_app.events import (
    AriEvent,
    CallBroadcast,
    ChannelDestroyed,
    ChannelHold,
    ChannelStateChange,
    ChannelUnhold,
    Connected,
    PlaybackFinished,
    RecordingFailed,
    RecordingFinished,
    StasisEnd,
    StasisStart,
    TextMessageReceived,
)
from ari_app.executor import AriExecutor
from ari_app.live_call import JournalSink, LiveCall
from ari_app.models import Channel, ChannelState, TextMessage
from ari_app.recordings import RecordingArchive, RecordingLostError
from ari_app.recovery import catch_up, decision_from
from db.events import Event

log = structlog.get_logger(__name__)

READ: tuple[type[AriEvent], ...] = (
    CallBroadcast,
    StasisStart,
    StasisEnd,
    ChannelDestroyed,
    ChannelStateChange,
    ChannelHold,
    ChannelUnhold,
    PlaybackFinished,
    RecordingFinished,
    RecordingFailed,
    TextMessageReceived,
)
"""The events that the conductor reads; Asterisk is asked to send no others."""

LEG = "leg"
"""First Stasis argument of a channel that is a desk's leg."""

ARRIVED = frozenset({"from-trunk"})
"""Dialplan contexts from which a call is in Stasis; elsewhere the dialplan has it."""

REAP_SECONDS = 5.0
FORGET_SECONDS = 60.0


class Conductor:
    """Every live call of this process.

    decide makes the decision from the channel's id and the dialplan's words, and never raises;
    overload is given the number of calls in set-up and tells why the next one shall be handed to
    the dialplan, or None.
    """

    def __init__(
        self,
        ari: AriClient,
        executor: AriExecutor,
        decide: Callable[[str, Sequence[str]], Decision],
        journal: JournalSink,
        archive: RecordingArchive,
        rules: Rules,
        overload: Callable[[int], str | None],
        switch: DeadMansSwitch,
        texted: Callable[[TextMessage], None] | None = None,
        trunks: Sequence[str] = (),
    ) -> None:
        self._ari = ari
        self._executor = executor
        self._decide = decide
        self._journal = journal
        self._archive = archive
        self._rules = rules
        self._overload = overload
        self._switch = switch
        self._texted = texted
        self._trunks = trunks
        self._calls: dict[str, LiveCall] = {}
        self._by_caller: dict[str, LiveCall] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._in_setup: set[str] = set()
        self._keeping: set[str] = set()
        self._draining = False
        self._idle = asyncio.Event()
        self._idle.set()

    @property
    def calls(self) -> int:
        """How many calls are live."""
        return len(self._calls)

    def drain(self, reason: str) -> None:
        """Take no new calls, and give those that still ring to the dialplan."""
        self._draining = True
        for call in tuple(self._calls.values()):
            call.feed(on.HandOverAsked(call.now, reason))

    async def idle(self) -> None:
        """Wait until no call is live."""
        await self._idle.wait()

    async def run(self) -> None:
        """Conduct until the client is closed; raises what ends the client."""
        reaper = asyncio.create_task(self._reap_for_ever())
        extender = asyncio.create_task(self._switch.extend_for_ever(self._calls.values))
        try:
            async for event in self._ari:
                try:
                    self.take(event)
                except Exception:
                    # One call's fault must not stop the others.
                    log.exception("event_failed", event_type=type(event).__name__)
        finally:
            reaper.cancel()
            extender.cancel()
            for task in tuple(self._tasks):
                await task

    def take(self, event: AriEvent) -> None:
        """Apply one of Asterisk's events."""
        match event:
            case ChannelStateChange(channel=channel):
                if channel.state is ChannelState.RINGING and (call := self._of_leg(channel.id)):
                    call.feed(on.LegRinging(call.now, channel.id))
            case ChannelDestroyed(channel=channel):
                self._destroyed(event)
            case StasisStart(channel=channel, args=args):
                self._started(channel, args)
            case StasisEnd(channel=channel):
                if call := self._by_caller.get(channel.id):
                    call.feed(on.CallerGone(call.now, 16))
            case CallBroadcast(channel=channel):
                self._claim(channel)
            case PlaybackFinished(playback=playback):
                call_id, _, prompt = playback.id.partition(".prompt.")
                if prompt.isdecimal() and (call := self._calls.get(call_id)):
                    played = playback.state != "failed"
                    call.feed(on.PromptFinished(call.now, int(prompt), played))
            case RecordingFinished(recording=recording):
                if call := self._calls.get(recording.name):
                    self._spawn(self._keep_recording(call))
            case RecordingFailed(recording=recording):
                if call := self._calls.get(recording.name):
                    reason = recording.cause or "Asterisk could not record"
                    self._recording_failed(call, reason)
            case ChannelHold(channel=channel):
                self._note_hold(channel, held=True)
            case ChannelUnhold(channel=channel):
                self._note_hold(channel, held=False)
            case TextMessageReceived(message=message):
                if self._texted is not None:
                    self._texted(message)
            case Connected(reconnection=reconnection):
                self._hear_texts()
                if reconnection > 0:
                    self._spawn(self._catch_up())
            case _:
                pass

    def improve(self, number: int, reconsider: Callable[[Decision], Decision]) -> None:
        """Decide a number's calls again, now that more is known of where its phone is.

        A call that still rings goes to the unit that the better location names; of one that is
        connected it is recorded.
        """
        for call in tuple(self._calls.values()):
            if call.decision.facts.number.key != number or call.state.final:
                continue
            decision = reconsider(call.decision)
            call.note("located", located(decision))
            call.feed(on.Replanned(call.now, decision.plan))
            call.decision = replace(decision, plan=call.state.plan or decision.plan)
            self._switch.replanned(call)

    def _hear_texts(self) -> None:
        for trunk in self._trunks:
            # One request each: a trunk that Asterisk does not have must not cost the others.
            request = self._ari.applications.subscribe(self._ari.app, [f"endpoint:PJSIP/{trunk}"])
            request.add_done_callback(_ignore)

    def _of_leg(self, channel_id: str) -> LiveCall | None:
        return self._calls.get(channel_id.partition(".")[0])

    def _claim(self, channel: Channel) -> None:
        if self._draining:
            return

        def answered(future: asyncio.Future[None]) -> None:
            error = None if future.cancelled() else future.exception()
            # Another process was first, or the caller has left: both are in order.
            if isinstance(error, AriError) and not isinstance(error, AriConflict | AriNotFound):
                log.warning("claim_failed", channel=channel.id, error=str(error))

        self._ari.events.claim(channel.id).add_done_callback(answered)

    def _started(self, channel: Channel, args: Sequence[str]) -> None:
        if args and args[0] == LEG:
            if call := self._of_leg(channel.id):
                call.feed(on.LegAnswered(call.now, channel.id))
            else:
                self._ari.channels.hangup(channel.id).add_done_callback(_ignore)
            return
        decision = self._decide(channel.id, args)
        call = self._hold(CallState(str(uuid7()), self._rules), decision)
        for kind, data in notes(decision, way="ari"):
            call.note(kind, data)
        overload = self._overload(len(self._in_setup))
        if decision.blocked:
            self._switch.before_announcement(call)
        call.feed(on.Arrived(call.now, decision.plan, blocked=decision.blocked, hand_over=overload))

    def adopt(self, call_id: str, events: Sequence[Event], channels: Mapping[str, Channel]) -> bool:
        """Go on with a call whose process died, from its record and Asterisk's present channels.

        False when there is nothing to go on with: the dialplan has it, or it never was decided.
        """
        record = [(self._t_of(event.at), event.kind, event.data) for event in events]
        state = restore(call_id, self._rules, record)
        if state.phase is Phase.HANDED_OVER or state.plan is None or call_id in self._calls:
            return False
        decision = decision_from(events, state.plan)
        caller = channels.get(decision.facts.channel)
        if caller is not None and caller.dialplan.context not in ARRIVED:
            return False  # its dead man's switch has tripped: the dialplan rings its desks
        call = self._hold(state, decision)
        call.bridge_made = state.phase in (Phase.CONNECTING, Phase.CONNECTED)
        log.info("call_adopted", call_id=call_id, phase=state.phase.value)
        call.note("adopted", {"phase": state.phase.value})
        sources = [f"channel:{channel}" for channel in (call.caller, *state.legs)]
        present = [source for source in sources if source.partition(":")[2] in channels]
        if call.bridge_made:
            present.append(f"bridge:{call_id}.bridge")
        for source in present:
            # One request each: a source that has just gone must not take the others with it.
            request = self._ari.applications.subscribe(self._ari.app, [source])
            request.add_done_callback(_ignore)
        if call.caller in channels:
            self._switch.taken_over(call)
            call.feed(on.Adopted(call.now))
        catch_up(call, channels, state.legs)
        return True

    def _hold(self, state: CallState, decision: Decision) -> LiveCall:
        call = LiveCall(state, decision, self._executor, self._journal, self._moved, self._done)
        self._calls[call.id] = call
        self._by_caller[call.caller] = call
        self._in_setup.add(call.id)
        self._idle.clear()
        return call

    def _t_of(self, at: datetime) -> float:
        """Monotonic seconds of something that happened at that time."""
        return asyncio.get_running_loop().time() - (datetime.now(UTC) - at).total_seconds()

    def _destroyed(self, event: ChannelDestroyed) -> None:
        channel = event.channel.id
        if call := self._by_caller.get(channel):
            call.feed(on.CallerGone(call.now, event.cause))
        elif call := self._of_leg(channel):
            end = leg_end(event.cause, event.tech_cause)
            call.feed(on.LegGone(call.now, channel, event.cause, end))

    def _note_hold(self, channel: Channel, *, held: bool) -> None:
        party = "caller"
        call = self._by_caller.get(channel.id)
        if call is None:
            party, call = "desk", self._of_leg(channel.id)
        # Of a trunk whose texts are subscribed to, each event of its channels comes twice.
        if call is not None and held != (party in call.held):
            call.held ^= {party}
            call.note("held" if held else "resumed", {"by": party})
            if call.state.phase is Phase.CONNECTED and call.state.winner is not None:
                kept_waiting = call.caller if party == "desk" else call.state.winner
                self._executor.keep_company(call, kept_waiting, held=held)

    async def _keep_recording(self, call: LiveCall) -> None:
        if call.id in self._keeping or not call.state.recording_pending:
            return
        self._keeping.add(call.id)
        try:
            kept = await asyncio.to_thread(self._archive.keep, call.id, datetime.now(UTC))
        except (RecordingLostError, OSError) as error:
            self._recording_failed(call, str(error))
            return
        finally:
            self._keeping.discard(call.id)
        call.note(
            "recording_finished",
            {
                "file": kept.file,
                "seconds": kept.seconds,
                "bytes": kept.bytes,
                "sha256": kept.sha256,
            },
        )
        call.feed(on.RecordingDone(call.now))

    def _recording_failed(self, call: LiveCall, reason: str) -> None:
        log.error("recording_failed", call_id=call.id, reason=reason)
        call.note("recording_failed", {"reason": reason, "file": None})
        call.feed(on.RecordingDone(call.now))

    async def _catch_up(self) -> None:
        legs = {call.id: tuple(call.state.legs) for call in self._calls.values()}
        try:
            channels = await self._ari.channels.list()
        except AriError as error:
            log.warning("catch_up_failed", error=str(error))  # the next connection tries again
            return
        present = {channel.id: channel for channel in channels}
        for call_id, before in legs.items():
            if call := self._calls.get(call_id):
                catch_up(call, present, before)

    async def _reap_for_ever(self) -> None:
        while True:
            await asyncio.sleep(REAP_SECONDS)
            for call in tuple(self._calls.values()):
                if call.ended_t is not None and call.now - call.ended_t > REAP_SECONDS:
                    self._reap(call)

    def _reap(self, call: LiveCall) -> None:
        """Take down again what should be gone since long; give up on it in the end."""
        ended_t = call.now if call.ended_t is None else call.ended_t
        if call.now - ended_t > FORGET_SECONDS:
            left = {"legs": list(call.state.legs), "recording": call.state.recording_pending}
            log.error("call_stuck", call_id=call.id, **left)
            call.note("fault", {"what": "stuck", "detail": str(left)})
            self._done(call)
            return
        for leg in call.state.legs:
            self._executor.carry_out(call, do.HangUpLeg(leg))
        if call.bridge_made:
            self._executor.carry_out(call, do.ReleaseBridge())
        if call.state.recording_pending:
            self._seek_recording(call)

    def _seek_recording(self, call: LiveCall) -> None:
        """End a recording whose end was not told: of a bridge that is gone, Asterisk tells nothing.

        One that it does not know (any more) is looked for on the disk.
        """

        def answered(future: asyncio.Future[None]) -> None:
            if not future.cancelled() and isinstance(future.exception(), AriNotFound):
                self._spawn(self._keep_recording(call))

        self._ari.recordings.stop(call.id).add_done_callback(answered)

    def _moved(self, call: LiveCall) -> None:
        self._switch.moved(call)
        if call.state.final or call.state.phase is Phase.CONNECTED:
            self._in_setup.discard(call.id)

    def _done(self, call: LiveCall) -> None:
        self._in_setup.discard(call.id)
        self._calls.pop(call.id, None)
        self._by_caller.pop(call.caller, None)
        if not self._calls:
            self._idle.set()

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _ignore(future: asyncio.Future[Any]) -> None:
    if not future.cancelled():
        future.exception()
