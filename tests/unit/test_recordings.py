"""Recordings are verified before they are believed."""

import hashlib
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ari_app.recordings import RecordingArchive, RecordingLostError

AT = datetime(2026, 11, 24, 3, 4, 5, tzinfo=UTC)


@pytest.fixture
def archive(tmp_path: Path) -> RecordingArchive:
    (tmp_path / "spool/recording").mkdir(parents=True)
    return RecordingArchive(tmp_path / "spool", tmp_path / "data/recordings")


def record(archive: RecordingArchive, name: str, frames: int) -> Path:
    path = archive.spool / "recording" / f"{name}.wav"
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(b"\x01\x02" * frames)
    return path


def test_a_recording_moves_to_its_day_with_its_length_and_hash(archive: RecordingArchive) -> None:
    source = record(archive, "call", frames=12_000)
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    kept = archive.keep("call", AT)
    assert (kept.file, kept.seconds, kept.sha256) == (
        "recordings/2026/11/24/call.wav",
        1.5,
        digest,
    )
    assert (archive.root.parent / kept.file).stat().st_size == kept.bytes
    assert not source.exists()


def test_an_empty_recording_is_lost_not_kept(archive: RecordingArchive) -> None:
    record(archive, "call", frames=0)
    with pytest.raises(RecordingLostError, match="empty"):
        archive.keep("call", AT)


def test_a_missing_recording_is_said_to_be_missing(archive: RecordingArchive) -> None:
    with pytest.raises(RecordingLostError, match="no file"):
        archive.keep("call", AT)


def test_a_file_that_is_no_sound_is_lost(archive: RecordingArchive) -> None:
    (archive.spool / "recording/call.wav").write_bytes(b"RIFF nonsense")
    with pytest.raises(RecordingLostError, match="not a WAV"):
        archive.keep("call", AT)


def test_a_recording_that_was_kept_already_is_the_same_again(archive: RecordingArchive) -> None:
    record(archive, "call", frames=8000)
    assert archive.keep("call", AT) == archive.keep("call", AT)
