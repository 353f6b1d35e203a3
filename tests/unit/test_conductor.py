"""The conductor when Asterisk answers badly: no caller and no leg is left behind."""

import asyncio
import wave
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from ari_app.client.errors import AriConflict, AriError, AriNotFound, AriServerError, AriTimeout
from ari_app.events import Connected
from ari_app.executor import LEAVING_SECONDS
from routing.plan import PlanReason, RoutePlan, Rung, RungDesk
from tests.unit.scripted import Script, Stage


def fails(method: str, part: str, error: Callable[[], AriError], times: int = 1) -> Script:
    """Answer the first requests that match with the error, all others well."""
    left = [times]

    def script(asked: str, uri: str) -> AriError | None:
        if asked == method and part in uri and left[0] > 0:
            left[0] -= 1
            return error()
        return None

    return script


def works(_method: str, _uri: str) -> None:
    return None


async def test_an_offered_call_is_claimed_and_its_desks_are_rung(tmp_path: Path) -> None:
    stage = Stage(tmp_path, works)
    await stage.happens("CallBroadcast")
    assert stage.ari.sent("POST", "events/claim")
    await stage.happens("StasisStart", args=["trunk=trunk"])
    (originate,) = [params for _, uri, params in stage.ari.asked if uri == "channels"]
    assert originate["endpoint"] == "PJSIP/polres-1271-desk1"
    assert originate["channelId"] == f"{stage.call_id}.1.1"
    assert originate["callerId"] == "+6281234567890"


async def test_a_desk_that_asterisk_cannot_dial_is_left_for_the_next_unit(tmp_path: Path) -> None:
    stage = Stage(tmp_path, fails("POST", "channels", AriServerError))
    await stage.happens("StasisStart", args=["trunk=trunk"])
    assert [d["unit"] for d in stage.journal.data("rung_started")] == ["polres-1271", "polda-12"]
    assert stage.journal.data("leg_ended")[0]["reason"] == "unreachable"


async def test_a_leg_whose_making_was_not_answered_is_taken_down_and_passed_over(
    tmp_path: Path,
) -> None:
    def script(method: str, uri: str) -> AriError | None:
        if (method, uri) == ("POST", "channels"):
            return AriTimeout()
        return AriNotFound() if method == "DELETE" else None

    stage = Stage(tmp_path, script)
    await stage.happens("StasisStart", args=["trunk=trunk"])
    assert f"channels/{stage.call_id}.1.1" in stage.ari.sent("DELETE", ".1.1")
    assert "rung_ended" in stage.journal.kinds()


async def test_a_hang_up_that_asterisk_failed_is_repeated_until_the_leg_is_gone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_app.executor.RETRY_HANG_UP_SECONDS", 0.0)
    stage = Stage(tmp_path, fails("DELETE", ".1.1", AriServerError, times=2))
    await stage.happens("StasisStart", args=["trunk=trunk"])
    await stage.happens("StasisEnd")
    await stage.settled()
    assert len(stage.ari.sent("DELETE", ".1.1")) >= 3
    await stage.happens("ChannelDestroyed", f"{stage.call_id}.1.1", cause=16)
    assert stage.conductor.calls == 0


async def test_a_bridge_that_fails_is_recorded_and_the_caller_goes_on_to_the_next_unit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ari_app.executor.LEAVING_SECONDS", 0.0)
    stage = Stage(tmp_path, fails("POST", "addChannel", AriConflict))
    await stage.happens("StasisStart", args=["trunk=trunk"])
    await stage.happens("StasisStart", f"{stage.call_id}.1.1", args=["leg"])
    assert stage.ari.sent("DELETE", ".bridge")
    assert stage.journal.data("fault")[0]["what"] == "bridge"
    assert stage.journal.data("rung_started")[-1]["unit"] == "polda-12"


async def test_a_caller_who_leaves_in_the_moment_of_answering_is_no_fault(tmp_path: Path) -> None:
    stage = Stage(tmp_path, fails("POST", "addChannel", AriConflict))
    await stage.happens("StasisStart", args=["trunk=trunk"])
    await stage.happens("StasisStart", f"{stage.call_id}.1.1", args=["leg"])
    await stage.happens("StasisEnd")
    await asyncio.sleep(LEAVING_SECONDS)
    assert [d["unit"] for d in stage.journal.data("rung_started")] == ["polres-1271"]
    assert [d["outcome"] for d in stage.journal.data("ended")] == ["abandoned"]
    assert stage.journal.data("fault") == []
    assert stage.ari.sent("DELETE", ".bridge")


async def test_an_overloaded_service_hands_the_plan_to_the_dialplan(tmp_path: Path) -> None:
    stage = Stage(tmp_path, works, overload="events 300 ms late")
    await stage.happens("StasisStart", args=["trunk=trunk"])
    (sent,) = [params for _, uri, params in stage.ari.asked if uri.endswith("/variables")]
    assert "polres-1271@10@PJSIP/polres-1271-desk1|polda-12@10@" in str(sent)
    assert stage.ari.sent("POST", "/continue")
    assert stage.journal.kinds()[-1] == "handed_over"
    assert stage.conductor.calls == 0


async def test_a_caller_who_left_before_the_hand_over_is_abandoned_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, fails("POST", "/continue", AriNotFound), overload="late")
    await stage.happens("StasisStart", args=["trunk=trunk"])
    await stage.happens("StasisEnd")
    assert [d["outcome"] for d in stage.journal.data("ended")] == ["abandoned"]


async def test_a_leg_of_no_call_is_hung_up(tmp_path: Path) -> None:
    stage = Stage(tmp_path, works)
    await stage.happens("StasisStart", "gone.1.1", args=["leg"])
    assert stage.ari.sent("DELETE", "gone.1.1")


async def test_what_happened_while_the_connection_was_cut_is_caught_up_with(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, works)
    await stage.happens("StasisStart", args=["trunk=trunk"])
    assert stage.conductor.calls == 1
    now = stage.journal.events[0].at
    stage.conductor.take(Connected(timestamp=now, reconnection=1))
    await stage.settled()
    # GET channels answers that none is left: the caller has gone, and the leg with them.
    assert [d["outcome"] for d in stage.journal.data("ended")] == ["abandoned"]
    assert stage.conductor.calls == 0


async def test_a_recording_that_asterisk_failed_is_an_event_of_the_call(tmp_path: Path) -> None:
    stage = Stage(tmp_path, works)
    await stage.happens("StasisStart", args=["trunk=trunk"])
    leg = f"{stage.call_id}.1.1"
    await stage.happens("StasisStart", leg, args=["leg"])
    await stage.happens("StasisEnd")
    await stage.happens("ChannelDestroyed", leg, cause=16)
    assert stage.conductor.calls == 1  # the recording is still awaited
    recording = {
        "name": stage.call_id,
        "format": "wav",
        "target_uri": "bridge:x",
        "state": "failed",
        "cause": "disk full",
    }
    await stage.happens("RecordingFailed", recording=recording)
    assert stage.journal.data("recording_failed")[0]["reason"] == "disk full"
    assert stage.conductor.calls == 0


@pytest.mark.parametrize("kept", [True, False])
async def test_a_recording_whose_end_is_never_told_is_looked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: bool
) -> None:
    monkeypatch.setattr("ari_app.conductor.REAP_SECONDS", 0.0)
    stage = Stage(tmp_path, fails("POST", "/stop", AriNotFound, times=2))
    await stage.happens("StasisStart", args=["trunk=trunk"])
    leg = f"{stage.call_id}.1.1"
    await stage.happens("StasisStart", leg, args=["leg"])
    if kept:
        spool = tmp_path / "spool" / "recording"
        spool.mkdir(parents=True)
        with wave.open(str(spool / f"{stage.call_id}.wav"), "wb") as sound:
            sound.setparams((1, 2, 8000, 0, "NONE", ""))
            sound.writeframes(b"\x00\x00" * 800)
    conducting = asyncio.create_task(stage.conductor.run())
    await stage.happens("StasisEnd")
    await stage.happens("ChannelDestroyed", leg, cause=16)
    async with asyncio.timeout(5):
        await stage.conductor.idle()
    conducting.cancel()
    ends = [kind for kind in stage.journal.kinds() if kind.startswith("recording_f")]
    assert ends == ["recording_finished" if kept else "recording_failed"]


@pytest.mark.parametrize("connected", [False, True])
async def test_a_better_location_is_recorded_and_moves_the_call_only_while_it_rings(
    tmp_path: Path, connected: bool
) -> None:
    stage = Stage(tmp_path, works)
    await stage.happens("StasisStart", args=["trunk=trunk"])
    if connected:
        await stage.happens("StasisStart", f"{stage.call_id}.1.1", args=["leg"])
    kupang = Rung("polres-5371", "x", "polres", (RungDesk("d", "PJSIP/d"),), 10.0)
    plan = RoutePlan((kupang,), PlanReason.LOCATION)
    before = len(stage.journal.data("located"))
    stage.conductor.improve(6281234567890, lambda decision: replace(decision, plan=plan))
    stage.conductor.improve(6281111111111, lambda decision: replace(decision, plan=plan))
    await stage.settled()
    assert len(stage.journal.data("located")) == before + 1
    rung = [data["unit"] for data in stage.journal.data("rung_started")]
    assert rung == (["polres-1271"] if connected else ["polres-1271", "polres-5371"])


async def test_a_hold_that_asterisk_tells_twice_is_noted_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path, works)
    await stage.happens("StasisStart", args=["trunk=trunk"])
    leg = f"{stage.call_id}.1.1"
    await stage.happens("StasisStart", leg, args=["leg"])
    for kind in ("ChannelHold", "ChannelUnhold", "ChannelHold"):
        await stage.happens(kind)
        await stage.happens(kind)
    await stage.happens("ChannelHold", leg)
    assert stage.journal.data("held") == [{"by": "caller"}, {"by": "caller"}, {"by": "desk"}]
    assert stage.journal.data("resumed") == [{"by": "caller"}]


async def test_who_is_on_hold_is_not_left_in_silence(tmp_path: Path) -> None:
    stage = Stage(tmp_path, works)
    await stage.happens("StasisStart", args=["trunk=trunk"])
    leg = f"{stage.call_id}.1.1"
    await stage.happens("StasisStart", leg, args=["leg"])
    await stage.happens("ChannelHold", leg)
    assert stage.ari.sent("POST", "/moh")[-1] == "channels/caller/moh"
    await stage.happens("ChannelUnhold", leg)
    assert stage.ari.sent("DELETE", "/moh")[-1] == "channels/caller/moh"
    await stage.happens("ChannelHold")
    assert stage.ari.sent("POST", "/moh")[-1] == f"channels/{leg}/moh"


@pytest.mark.parametrize("verdict", ["pass", "blocked"])
async def test_no_variable_of_a_channel_that_plays_is_set(tmp_path: Path, verdict: str) -> None:
    stage = Stage(tmp_path, works, verdict=verdict, switch_seconds=0.03)
    await stage.happens("StasisStart", args=["trunk=trunk"])
    conducting = asyncio.create_task(stage.conductor.run())
    await asyncio.sleep(0.1)
    conducting.cancel()
    sent = [params for _, uri, params in stage.ari.asked if uri.endswith("/variables")]
    clocks = [params["variables"]["TIMEOUT(absolute)"] for params in sent]
    if verdict == "blocked":
        # Asterisk would answer nobody until the announcement is over.
        assert clocks == ["30"]
        uris = [uri for _, uri, _ in stage.ari.asked]
        assert uris.index("channels/caller/variables") < uris.index("channels/caller/play")
    else:
        assert len(clocks) > 2
        assert set(clocks) == {"0.03"}
