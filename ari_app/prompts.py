"""Makes the announcements: the texts of asterisk-config/prompts/id.txt into sounds for Asterisk.

A text is spoken by espeak-ng and brought to a telephone's 8 kHz, 16 bit, mono by sox; a studio
recording of the same name is taken instead of it. What is made lands in Asterisk's sounds
directory as polri110/<name>.wav, in ARI `sound:polri110/<name>`, and in the folders that are the
music-on-hold classes of a caller who waits (musiconhold.conf).
"""

import hashlib
import io
import json
import re
import wave
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Program = Callable[[Sequence[str], bytes], bytes]
"""Runs a command line, feeds it bytes, returns what it wrote to standard output.

No file name is given to a program, so it may run in another root filesystem."""

RATE_HZ = 8000
PROMPTS = Path(__file__).resolve().parent.parent / "asterisk-config" / "prompts"

_RAW = ("-t", "raw", "-r", str(RATE_HZ), "-c", "1", "-b", "16", "-e", "signed-integer", "-L", "-")
_SPEAK = ("espeak-ng", "-v", "id", "-s", "150", "--stdin", "--stdout")
_SOX = ("sox", "-D", "-V1")  # no dither: the same text gives the same file
_LINE = re.compile(r"([a-z][a-z0-9-]*)\s*=\s*(\S.*)")

TONES: Mapping[str, tuple[str, ...]] = {
    # The ring tone of indications.conf: 425 Hz, one second in five.
    "ringback": ("synth", "1", "sine", "425", "gain", "-15", "pad", "0", "4"),
    # A caller on hold hears that the line is alive.
    "hold-beep": ("synth", "0.2", "sine", "425", "gain", "-20", "pad", "0", "7.8"),
}

CLASSES: Mapping[str, tuple[str, ...]] = {
    # Class -> what is played, in order; the last one is repeated.
    "greeting": ("greeting", "ringback"),
    "greeting-recorded": ("greeting", "recording-notice", "ringback"),
    "escalated-to-polsek": ("escalated-to-polsek", "ringback"),
    "escalated-to-polres": ("escalated-to-polres", "ringback"),
    "escalated-to-polda": ("escalated-to-polda", "ringback"),
    "escalated-to-mabes": ("escalated-to-mabes", "ringback"),
    "still-ringing": ("still-ringing", "ringback"),
    "hold": ("please-hold", "hold-beep"),
}


class PromptError(ValueError):
    """The texts cannot be read, or a program made no sound of one."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one sound is made; `source` is the text or the studio recording."""

    name: str
    commands: tuple[tuple[str, ...], ...]
    source: bytes

    @property
    def fingerprint(self) -> str:
        """Changes when the sound would."""
        return hashlib.sha256(repr((self.commands, self.source)).encode()).hexdigest()


def texts(path: Path) -> dict[str, str]:
    """Read `name = text` lines; # begins a comment line. Raises PromptError with the line."""
    found: dict[str, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None or match[1] in found or match[1] in TONES:
            raise PromptError(f"{path.name}, line {number}: not `name = text` with a new name")
        found[match[1]] = match[2]
    return found


def recipes(prompts: Path = PROMPTS) -> list[Recipe]:
    """Every sound that Asterisk is to have."""
    spoken = texts(prompts / "id.txt")
    missing = {name for names in CLASSES.values() for name in names} - spoken.keys() - TONES.keys()
    if missing:
        raise PromptError(f"id.txt has no text for {', '.join(sorted(missing))}")
    made = [_spoken(name, text, prompts / "studio") for name, text in spoken.items()]
    made += [Recipe(name, ((*_SOX, "-n", *_RAW, *tone),), b"") for name, tone in TONES.items()]
    return made


def _spoken(name: str, text: str, studio: Path) -> Recipe:
    telephone = (*_SOX, "-t", "wav", "-", *_RAW, "norm", "-3")
    recording = studio / f"{name}.wav"
    if recording.exists():
        return Recipe(name, (telephone,), recording.read_bytes())
    return Recipe(name, (_SPEAK, telephone), text.encode())


def build(sounds: Path, run: Program, prompts: Path = PROMPTS) -> Iterator[str]:
    """Make what is new or changed under `sounds` (Asterisk's own sounds directory), yielding each
    name when its sound is there. A running Asterisk takes changed classes by `moh reload`.
    """
    target = sounds / "polri110"
    target.mkdir(parents=True, exist_ok=True)
    manifest = target / "built.json"
    built: dict[str, str] = json.loads(manifest.read_text()) if manifest.exists() else {}
    for recipe in recipes(prompts):
        file = target / f"{recipe.name}.wav"
        if built.get(recipe.name) == recipe.fingerprint and file.exists():
            continue
        file.write_bytes(_wav(recipe, run))
        built[recipe.name] = recipe.fingerprint
        manifest.write_text(json.dumps(built, indent=1))
        yield recipe.name
    for name, sequence in CLASSES.items():
        _write_class(target / "ringing" / name, [target / f"{sound}.wav" for sound in sequence])


def _wav(recipe: Recipe, run: Program) -> bytes:
    samples = recipe.source
    for command in recipe.commands:
        samples = run(command, samples)
    if len(samples) < RATE_HZ // 10:
        raise PromptError(f"{recipe.commands[-1][0]} made no sound of {recipe.name}")
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE_HZ)
        out.writeframes(samples)
    return file.getvalue()


def _write_class(folder: Path, files: Sequence[Path]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    wanted = {f"{number}-{file.name}": file for number, file in enumerate(files, start=1)}
    for stale in folder.iterdir():
        if stale.name not in wanted:
            stale.unlink()
    for name, file in wanted.items():
        (folder / name).write_bytes(file.read_bytes())
