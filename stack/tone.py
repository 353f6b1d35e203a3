"""Tones as raw G.711 A-law, which is what SIPp plays, and their strength in a recording."""

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt

RATE = 8000
Samples = npt.NDArray[np.float64]


def write_tone(path: Path, hertz: float, seconds: float = 1.0, level: float = 0.4) -> Path:
    """Write a sine of `level` (0 to 1 of full scale) as raw A-law (ITU-T G.711), 8 kHz.

    Played again and again it has no click if hertz * seconds is a whole number.
    """
    times = np.arange(int(RATE * seconds)) / RATE
    wave = np.sin(2 * math.pi * hertz * times) * level * 32767
    path.write_bytes(alaw(wave.astype(np.int16)))
    return path


def alaw(samples: npt.NDArray[np.int16]) -> bytes:
    """Compress 16-bit linear samples to A-law (ITU-T G.711, 13 bits, even bits inverted)."""
    linear = samples.astype(np.int32) >> 3
    positive = linear >= 0
    size = np.where(positive, linear, -linear - 1)
    exponent = np.zeros_like(size)
    for step in range(7):
        exponent = np.where(size >= (32 << step), step + 1, exponent)
    shift = np.where(exponent < 2, 1, exponent)
    code = np.minimum((exponent << 4) | ((size >> shift) & 0x0F), 0x7F)
    return bytes((np.where(positive, code | 0x80, code) ^ 0x55).astype(np.uint8))


def strength(samples: npt.ArrayLike, hertz: float, rate: int = RATE) -> float:
    """Share (0 to 1) of the samples' power that lies within 20 Hz of `hertz`."""
    wave: Samples = np.asarray(samples, dtype=np.float64)
    if wave.size == 0:
        return 0.0
    power = np.abs(np.fft.rfft(wave * np.hanning(wave.size))) ** 2
    power[0] = 0.0
    frequencies = np.fft.rfftfreq(wave.size, 1 / rate)
    total = float(power.sum())
    near = float(power[np.abs(frequencies - hertz) <= 20].sum())
    return near / total if total else 0.0
