"""The announcements: each text is made once, and a studio recording takes its place."""

import io
import shutil
import wave
from collections.abc import Sequence
from pathlib import Path

import pytest

from ari_app.call import turn
from ari_app.prompts import CLASSES, PROMPTS, PromptError, build, texts

SAMPLES = b"\x01\x02" * 4000


class Programs:
    """Remembers what it was asked to run; every program makes half a second of sound."""

    def __init__(self) -> None:
        self.said: list[tuple[str, bytes]] = []

    def __call__(self, command: Sequence[str], data: bytes) -> bytes:
        self.said.append((command[0], data))
        return SAMPLES


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PROMPTS, tmp_path / "prompts"))


def test_every_prompt_is_a_telephone_wav(tmp_path: Path, prompts: Path) -> None:
    made = list(build(tmp_path, Programs(), prompts))
    assert set(texts(prompts / "id.txt")) < set(made)
    for name in made:
        with wave.open(str(tmp_path / "polri110" / f"{name}.wav")) as sound:
            assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (
                8000,
                2,
                1,
            )


def test_what_has_not_changed_is_not_made_again(tmp_path: Path, prompts: Path) -> None:
    list(build(tmp_path, Programs(), prompts))
    assert list(build(tmp_path, Programs(), prompts)) == []
    file = prompts / "id.txt"
    file.write_text(file.read_text().replace("Percakapan ini direkam.", "Panggilan ini direkam."))
    assert list(build(tmp_path, Programs(), prompts)) == ["recording-notice"]


def test_a_studio_recording_takes_the_texts_place(tmp_path: Path, prompts: Path) -> None:
    spoken = Programs()
    list(build(tmp_path, spoken, prompts))
    recording = io.BytesIO()
    with wave.open(recording, "wb") as sound:
        sound.setparams((1, 2, 44100, 0, "NONE", ""))
        sound.writeframes(b"\0\0" * 44100)
    (prompts / "studio" / "greeting.wav").write_bytes(recording.getvalue())
    programs = Programs()
    assert list(build(tmp_path, programs, prompts)) == ["greeting"]
    assert programs.said == [("sox", recording.getvalue())]


def test_the_classes_of_a_waiting_caller_follow_a_changed_prompt(
    tmp_path: Path, prompts: Path
) -> None:
    list(build(tmp_path, Programs(), prompts))
    ringing = tmp_path / "polri110" / "ringing"
    assert {folder.name for folder in ringing.iterdir()} == set(CLASSES)
    names = sorted(file.name for file in (ringing / "greeting-recorded").iterdir())
    assert names == ["1-greeting.wav", "2-recording-notice.wav", "3-ringback.wav"]
    (ringing / "greeting" / "9-left-over.wav").touch()
    list(build(tmp_path, Programs(), prompts))
    assert not (ringing / "greeting" / "9-left-over.wav").exists()


def test_what_the_application_says_has_a_text() -> None:
    spoken = texts(PROMPTS / "id.txt")
    assert turn.BLOCKED_ANNOUNCEMENT in spoken
    assert {turn.GREETING, turn.GREETING_WITH_NOTICE, turn.STILL_RINGING} <= set(CLASSES)
    for level in ("polsek", "polres", "polda", "mabes"):
        assert f"escalated-to-{level}" in spoken
        assert f"escalated-to-{level}" in CLASSES


@pytest.mark.parametrize(
    "line", ["no equals sign", "= text", "Name = text", "greeting = again", "ringback = x", "x ="]
)
def test_a_bad_line_is_named_by_its_number(prompts: Path, line: str) -> None:
    file = prompts / "id.txt"
    lines = len(file.read_text().splitlines())
    with file.open("a") as more:
        more.write(f"{line}\n")
    with pytest.raises(PromptError, match=f"line {lines + 1}"):
        texts(file)


def test_a_program_that_makes_no_sound_is_an_error(tmp_path: Path, prompts: Path) -> None:
    with pytest.raises(PromptError, match="greeting"):
        list(build(tmp_path, lambda command, data: b"", prompts))
