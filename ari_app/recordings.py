"""A finished recording: verified, hashed, moved from Asterisk's spool to the archive."""

import hashlib
import shutil
import wave
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

_CHUNK = 1 << 20


class RecordingLostError(Exception):
    """The recording is missing, empty or unreadable; the message says which."""


@dataclass(frozen=True, slots=True)
class KeptRecording:
    """A recording in the archive. file is relative to the archive's parent; seconds of sound."""

    file: str
    seconds: float
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class RecordingArchive:
    """Moves recordings from `spool`/recording to `root`/YYYY/MM/DD. Blocking: run it in a thread.

    Both are directories as this process sees them.
    """

    spool: Path
    root: Path

    def keep(self, name: str, at: datetime) -> KeptRecording:
        """Verify and archive the recording of that name; raises RecordingLostError or OSError."""
        source = self.spool / "recording" / f"{name}.wav"
        target = self.root / f"{at:%Y/%m/%d}" / source.name
        if not source.exists() and target.exists():
            source = target  # kept before, by a process that died before it could say so
        seconds = _seconds(source)
        digest, size = _digest(source)
        kept = KeptRecording(str(target.relative_to(self.root.parent)), seconds, size, digest)
        if source == target:
            return kept
        target.parent.mkdir(parents=True, exist_ok=True)
        # Under a temporary name until it is whole: a half-copied file must not look like a record.
        part = target.with_suffix(".part")
        shutil.move(source, part)
        part.replace(target)
        return kept


def _seconds(path: Path) -> float:
    try:
        with wave.open(str(path), "rb") as sound:
            frames, rate = sound.getnframes(), sound.getframerate()
    except FileNotFoundError:
        raise RecordingLostError("Asterisk left no file") from None
    except (wave.Error, EOFError) as error:
        raise RecordingLostError(f"not a WAV file: {error}") from None
    if frames == 0:
        raise RecordingLostError("the recording is empty")
    return round(frames / rate, 3)


def _digest(path: Path) -> tuple[str, int]:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return digest.hexdigest(), size
