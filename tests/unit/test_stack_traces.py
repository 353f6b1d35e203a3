"""Reading a SIPp's trace while it grows, and what a caller is made to say."""

import xml.etree.ElementTree as ET
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from stack.caller import Invite, escape
from stack.pidf import pidf
from stack.sip_trace import NotSeenError, Trace
from stack.tone import alaw, strength, write_tone

INVITE = (
    "INVITE sip:polres-1271-desk1@127.0.0.1:5062 SIP/2.0\r\nVia: SIP/2.0/UDP x\r\n"
    "From: <sip:☎@x>;tag=1\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\r\nv=0\r\n"
)
RINGING = "SIP/2.0 180 Ringing\r\nCall-ID: c1\r\nCSeq: 1 INVITE\r\n\r\n"


def record(text: str, way: str, second: int) -> bytes:
    raw = text.encode()
    head = (
        f"{'-' * 47} 2026-11-24T06:09:{second:02d}.500000Z\nUDP message {way} [{len(raw)}] bytes:"
    )
    return head.encode() + b"\n\n" + raw + b"\n\n"


def test_messages_are_read_as_the_file_grows(tmp_path: Path) -> None:
    path = tmp_path / "messages.log"
    trace = Trace(path)
    assert trace.read() == []
    whole = record(INVITE, "received", 1) + record(RINGING, "sent", 2)
    cut = len(record(INVITE, "received", 1)) - 8
    path.write_bytes(whole[:cut])
    assert trace.read() == []
    path.write_bytes(whole)
    invite, ringing = trace.read()
    assert invite.at == datetime(2026, 11, 24, 6, 9, 1, 500000, UTC)
    assert (invite.what, invite.user, invite.call_id, invite.sent, invite.body) == (
        "INVITE",
        "polres-1271-desk1",
        "c1",
        False,
        "v=0\n",
    )
    assert invite.header("from") == "<sip:☎@x>;tag=1"
    assert (ringing.what, ringing.method, ringing.sent) == ("180", "INVITE", True)


async def test_waiting_finds_what_fits_and_says_what_came_instead(tmp_path: Path) -> None:
    path = tmp_path / "messages.log"
    path.write_bytes(record(INVITE, "received", 1) + record(RINGING, "sent", 2))
    trace = Trace(path)
    invite = await trace.wait("INVITE", False, user="polres-1271-desk1")
    assert (await trace.wait("180 INVITE", True, after=invite)).what == "180"
    for fitting in ({"user": "other"}, {"call_id": "c2"}, {"count": 2}, {"after": invite}):
        with pytest.raises(NotSeenError, match="180 Ringing"):
            await trace.wait("INVITE", within_seconds=0, **fitting)


def test_qualification_and_commands_are_no_part_of_a_call(tmp_path: Path) -> None:
    path = tmp_path / "messages.log"
    others = [
        "OPTIONS sip:x@y SIP/2.0\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n\r\n",
        "SIP/2.0 200 OK\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n\r\n",
        "ANSWER sip:x@y SIP/2.0\r\nCall-ID: c1\r\nCSeq: 1 ANSWER\r\n\r\n",
    ]
    path.write_bytes(b"".join(record(text, "received", 1) for text in others))
    assert Trace(path).read() == []


def test_an_invite_says_what_it_is_told() -> None:
    invite = Invite(
        number='x"[y]\\z', asserted="+62811", privacy="id", pidf=pidf(3.5, 98.6, 35), dialled="112"
    )
    text = invite.text()
    assert text.startswith("INVITE sip:112@")
    assert r'<sip:x"\x5by\x5d\x5cz@' in text
    assert "P-Asserted-Identity: <sip:+62811@" in text
    assert "Privacy: id" in text
    assert "multipart/mixed" in text
    assert "Geolocation: <cid:location@caller>" in text
    assert "Geolocation" not in Invite().text()
    assert "m=audio" not in Invite(offer=False).text()
    assert "m=audio" in Invite(offer=False).ack()


def test_escaping_keeps_what_sipp_and_xml_do_not_read() -> None:
    assert escape("a]]> & <b> ☎") == r"a\x5d\x5d\x3e \x26 \x3cb\x3e ☎"


@pytest.mark.parametrize("radius", [None, 35.0])
def test_pidf_is_well_formed_with_latitude_first(radius: float | None) -> None:
    root = ET.fromstring(pidf(3.5952, 98.6722, radius).encode())
    position = root.find(".//{http://www.opengis.net/gml}pos")
    assert position is not None
    assert position.text == "3.5952 98.6722"
    assert (root.find(".//{http://www.opengis.net/pidflo/1.0}radius") is None) is (radius is None)


def test_alaw_is_that_of_g711() -> None:
    samples = np.array([0, -1, 8, 32767, -32768, 1000, -1000], dtype=np.int16)
    assert alaw(samples) == bytes([0xD5, 0x55, 0xD5, 0xAA, 0x2A, 0xFA, 0x7A])


def test_strength_tells_a_tone_from_silence_and_another_tone(tmp_path: Path) -> None:
    times = np.arange(8000) / 8000
    tone = np.sin(2 * np.pi * 440 * times)
    assert strength(tone, 440) > 0.99
    assert strength(tone, 880) < 0.01
    assert strength(tone + np.sin(2 * np.pi * 880 * times), 880) == pytest.approx(0.5, abs=0.01)
    assert strength(np.zeros(8000), 440) == 0
    assert len(write_tone(tmp_path / "t", 440).read_bytes()) == 8000
