"""What is said: both ways, recorded, held and taken back, and with digits."""

import hashlib
import wave

import numpy as np

from stack.caller import Invite
from stack.tone import strength
from tests.e2e.scene import Scene, medan, talking
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


async def test_a_desk_that_holds_the_call_takes_it_back(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan())
    await talking(caller, polres)
    polres.hold()
    await polres.saw("200 INVITE")
    polres.resume()
    await polres.saw("200 INVITE", count=2)
    await talking(caller, polres)
    caller.hang_up()
    record = await scene.record()
    assert record["outcome"] == "connected"
    assert [data["by"] for kind, data in record.events if kind in ("held", "resumed")] == [
        "desk",
        "desk",
    ]
    assert record.kinds.index("held") < record.kinds.index("resumed")


async def test_a_caller_who_holds_the_call_takes_it_back(scene: Scene) -> None:
    polres = await scene.desk("polres-1271")
    caller = await scene.call(medan())
    await talking(caller, polres)
    caller.hold()
    await caller.saw("200 INVITE", count=2)
    caller.resume()
    await caller.saw("200 INVITE", count=3)
    await talking(caller, polres)
    caller.hang_up()
    record = await scene.record()
    assert record["outcome"] == "connected"
    assert record.event("held") == {"by": "caller"}
    assert record.event("resumed") == {"by": "caller"}


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
