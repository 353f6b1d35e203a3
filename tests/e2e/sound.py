"""What is to be heard: in a recording, and in a packet."""

import wave
from pathlib import Path

import numpy as np

from stack.tone import RATE, alaw, strength

AUDIBLE = 0.1  # share of the recording's power
PACKET_HERTZ = 50  # what 20 ms can tell apart
_LINEAR = {
    alaw(np.array([value], np.int16))[0]: value for value in range(-32768, 32768, 8)
}  # A-law code -> a value that it stands for


def heard_in(recording: Path, *tones: int) -> bool:
    """Whether each of the tones (Hz) is in the WAV file."""
    with wave.open(str(recording)) as sound:
        assert (sound.getframerate(), sound.getnchannels()) == (RATE, 1)
        samples = np.frombuffer(sound.readframes(sound.getnframes()), np.int16)
    return all(strength(samples, hertz) > AUDIBLE for hertz in tones)


def tone_of(payload: bytes) -> float:
    """The strongest frequency (Hz, within PACKET_HERTZ) of one packet's A-law."""
    samples = np.array([_LINEAR[code] for code in payload], np.float64)
    power = np.abs(np.fft.rfft(samples * np.hanning(samples.size)))
    power[0] = 0.0
    return float(np.fft.rfftfreq(samples.size, 1 / RATE)[int(power.argmax())])
