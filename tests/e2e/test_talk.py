"""What is said: both ways, recorded, held and taken back, and with digits."""

import hashlib
import wave

import numpy as np
import pytest

from stack.caller import Invite
from stack.tone import strength
from tests.e2e.scene import Scene, medan, talking
from tests.e2e.sound import heard_at, loudness, rtp_port
from tests.e2e.stage import CALLER_HERTZ, DESK_HERTZ

AUDIBLE = 0.1  # of the recording's power


async def test_what_both_say_is_in_the_recording(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan())
    await talking(caller, polres)
    await talking(caller, polres)
    caller.hang_up()
    record = await scene.record()
    kept = record.recording
    file = scene.recording(record)
    assert kept["state"] == "finished"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == kept["sha256"]
    assert file.stat().st_size == kept["bytes"]
    with wave.open(str(file)) as sound:
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
        assert sound.getframerate() == 8000
        assert abs(sound.getnframes() / 8000 - kept["seconds"]) < 0.01
    assert strength(samples, CALLER_HERTZ) > AUDIBLE
    assert strength(samples, DESK_HERTZ) > AUDIBLE
    assert strength(samples, 1700) < 0.01
    assert abs(kept["seconds"] - record["talk_seconds"]) < 0.5


async def test_each_hears_the_other_and_not_itself(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan())
    await talking(caller, polres)
    to_caller = rtp_port(await caller.said("INVITE"))
    to_desk = rtp_port(await polres.said("200 INVITE"))
    await heard_at(to_caller, until=lambda said: strength(said, DESK_HERTZ) > 0.9)
    await heard_at(to_desk, until=lambda said: strength(said, CALLER_HERTZ) > 0.9)
    caller.hang_up()
    assert (await scene.record())["outcome"] == "connected"


async def test_an_invite_without_sdp_is_answered_with_an_offer(scene: Scene) -> None:
    # Without a location: PJSIP refuses a body that has no SDP in it (415).
    polda = await scene.desk("polda-12")
    caller = await scene.call(invite=Invite(number=scene.number(), offer=False))
    answer = await caller.answered()
    assert "m=audio" in answer.body
    await talking(caller, polda)
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["unit"]) == ("connected", "polda-12")


@pytest.mark.parametrize("by", ["desk", "caller"])
async def test_who_is_held_hears_so_until_taken_back(scene: Scene, by: str) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan())
    await talking(caller, polres)
    to_caller = rtp_port(await caller.said("INVITE"))
    to_desk = rtp_port(await polres.said("200 INVITE"))
    holding, held, tone, acks = {
        "desk": (polres, to_caller, DESK_HERTZ, 0),
        "caller": (caller, to_desk, CALLER_HERTZ, 1),
    }[by]
    holding.hold()
    await holding.said("ACK", count=acks + 1)
    await heard_at(held, until=lambda said: strength(said, tone) < 0.1 and loudness(said) > 100)
    holding.resume()
    await holding.said("ACK", count=acks + 2)
    await heard_at(held, until=lambda said: strength(said, tone) > 0.9)
    caller.hang_up()
    record = await scene.record()
    assert record["outcome"] == "connected"
    assert record.event("held") == record.event("resumed") == {"by": by}
    assert record.kinds.index("held") < record.kinds.index("resumed")


async def test_digits_pass_both_ways(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan())
    await talking(caller, polres)
    caller.press("110#")
    await polres.heard_digits("110#")
    polres.press("5*")
    await caller.heard_digits("5*")
    caller.hang_up()
    assert (await scene.record())["outcome"] == "connected"
