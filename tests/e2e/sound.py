"""What is to be heard: in a recording, and on the wire to a phone."""

import asyncio
import re
import socket
import wave
from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from stack.sip_trace import Message, NotSeenError
from stack.tone import RATE, alaw, strength

Samples = npt.NDArray[np.float64]

AUDIBLE = 0.1  # share of the power
IP = 0x0800  # linux/if_ether.h
OUTGOING = 4  # linux/if_packet.h: loopback shows each packet going out and coming in
IP_HEADER, UDP_HEADER, RTP_HEADER = 20, 8, 12
WINDOW = RATE // 5
_CODES = np.zeros(256)
_LINEAR = np.arange(-32768, 32768, 8, dtype=np.int16)
_CODES[np.frombuffer(alaw(_LINEAR), np.uint8)] = _LINEAR  # A-law code -> a value it stands for


def heard_in(recording: Path, *tones: int) -> bool:
    """Whether each of the tones (Hz) is in the WAV file."""
    with wave.open(str(recording)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (RATE, 1)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    return all(strength(samples, hertz) > AUDIBLE for hertz in tones)


async def heard_at(
    port: int, until: Callable[[Samples], bool], within_seconds: float = 5.0
) -> None:
    """Look at what is sent to this RTP port of loopback until a fifth of a second is as wanted.

    Skips the test where packets may not be looked at (CAP_NET_RAW).
    """
    try:
        wire = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(IP))
    except PermissionError:
        pytest.skip("needs CAP_NET_RAW, to see what is on the wire")
    loop, payload = asyncio.get_running_loop(), b""
    with wire:
        wire.bind(("lo", 0))
        wire.setblocking(False)
        try:
            async with asyncio.timeout(within_seconds):
                while len(payload) < WINDOW or not until(_linear(payload[-WINDOW:])):
                    data, address = await loop.sock_recvfrom(wire, 2048)
                    to = int.from_bytes(data[IP_HEADER + 2 : IP_HEADER + 4], "big")
                    if data[9] == socket.IPPROTO_UDP and to == port and address[2] != OUTGOING:
                        payload += data[IP_HEADER + UDP_HEADER + RTP_HEADER :]
        except TimeoutError:
            level = loudness(_linear(payload[-WINDOW:]))
            raise NotSeenError(
                f"not heard in {len(payload) / RATE:.1f} s, at last a level of {level:.0f}"
            ) from None


def _linear(payload: bytes) -> Samples:
    return _CODES[np.frombuffer(payload, np.uint8)]


def loudness(samples: Samples) -> float:
    """Root of the mean square."""
    return float(np.sqrt(np.square(samples).mean())) if samples.size else 0.0


def rtp_port(message: Message) -> int:
    """Where the sender of this SDP wants to hear (RFC 4566)."""
    found = re.search(r"^m=audio (\d+)", message.body, re.MULTILINE)
    assert found is not None, message
    return int(found.group(1))
