"""The AGI protocol's words: the environment, commands and their answers. Pure, no sockets.

FastAGI (Asterisk documentation, "AGI commands"): Asterisk connects, sends `agi_<name>: <value>`
lines up to an empty one, then answers each command line with `<code> result=<n> (<value>)`. A
syntax error is answered by a block of `520-` lines; a caller's hang-up is told by a line `HANGUP`
between two answers.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

ENVIRONMENT_LINES = 200
"""More than Asterisk ever sends: 21 lines and one for each argument."""

COMMAND_BYTES = 2047
"""Asterisk's buffer for one command line (AGI_BUF_LEN in res_agi.c)."""

_RESULT = re.compile(r"([0-9]{3}) result=(-?[0-9]{1,9})(?: .*)?")
_CODE = re.compile(r"([0-9]{3})(?: .*)?")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class AgiError(Exception):
    """The other side does not speak AGI, or speaks it too slowly."""


class CommandError(ValueError):
    """The command cannot be written: its name is not one, or it is longer than Asterisk reads."""


@dataclass(frozen=True, slots=True)
class Request:
    """What Asterisk says on connecting. verb is the path of the agi:// address."""

    verb: str
    channel: str
    uniqueid: str
    args: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one command; result is None where Asterisk refused it."""

    code: int
    result: int | None = None

    @property
    def ok(self) -> bool:
        """Asterisk understood the command and carried it out."""
        return self.code == 200 and self.result is not None and self.result >= 0


class Interjection(StrEnum):
    """A line that is no answer yet."""

    HANG_UP = "hang_up"
    """The caller is gone; commands are answered all the same."""

    USAGE = "usage"
    """Lines of usage follow, up to the answer `520 End of proper usage.`"""


def request(lines: Iterable[str]) -> Request:
    """Read the environment (without its empty last line). Raises AgiError."""
    found: dict[str, str] = {}
    for number, line in enumerate(lines, start=1):
        if number > ENVIRONMENT_LINES:
            raise AgiError(f"more than {ENVIRONMENT_LINES} lines of environment")
        name, colon, value = line.partition(":")
        if not colon or not name.startswith("agi_"):
            raise AgiError(f"not a line of an AGI environment: {line[:80]!r}")
        found.setdefault(name, value.removeprefix(" "))
    if "agi_network_script" not in found:
        raise AgiError("the environment names no agi_network_script")
    return Request(
        verb=found["agi_network_script"].partition("?")[0].strip("/"),
        channel=found.get("agi_channel", ""),
        uniqueid=found.get("agi_uniqueid", ""),
        args=tuple(_args(found)),
    )


def _args(found: Mapping[str, str]) -> Iterable[str]:
    number = 1
    while (arg := found.get(f"agi_arg_{number}")) is not None:
        yield arg
        number += 1


def answer(line: str) -> Answer | Interjection:
    """Read one line that follows a command. Raises AgiError when it is none of AGI's."""
    if line == "HANGUP":
        return Interjection.HANG_UP
    if line.startswith("520-"):
        return Interjection.USAGE
    if match := _RESULT.fullmatch(line):
        return Answer(int(match[1]), int(match[2]))
    if match := _CODE.fullmatch(line):
        return Answer(int(match[1]))
    raise AgiError(f"not an answer to an AGI command: {line[:80]!r}")


def set_variable(name: str, value: str) -> bytes:
    """The command line that sets a channel variable.

    Control characters, which would end the line or are none of a dialplan's business, are left
    out. Raises CommandError.
    """
    if not _VARIABLE.fullmatch(name):
        raise CommandError(f"not a channel variable's name: {name!r}")
    kept = "".join(char for char in value if char.isprintable())
    quoted = kept.replace("\\", "\\\\").replace('"', '\\"')
    line = f'SET VARIABLE {name} "{quoted}"'.encode()
    if len(line) > COMMAND_BYTES:
        raise CommandError(f"{name} of {len(line)} bytes is longer than Asterisk reads")
    return line + b"\n"
