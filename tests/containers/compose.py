"""docker/compose.yaml as it is run: its variables filled in from an .env file, service by service.

Only what that file uses of the Compose specification is read; the specification's own schema is
what tests/unit/test_compose_file.py holds it against.
"""

import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

_VARIABLE = re.compile(r"\$(?:\$|\{(\w+)(?:(:-|:\?)([^}]*))?\})")
_MOUNT = re.compile(r"([\w-]+):(/[^:]*)(:ro)?")


class ComposeError(ValueError):
    """The compose file cannot be run: a variable is missing, or it says what is not understood."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A named volume at a place of the container."""

    volume: str
    target: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Service:
    """One container. command is empty where the image's own is run; health is the command line of
    its health check; after: the services that it waits for, and the condition that they must meet.
    """

    name: str
    image: str
    dockerfile: str | None
    command: tuple[str, ...]
    environment: Mapping[str, str]
    mounts: tuple[Mount, ...]
    health: tuple[str, ...]
    after: Mapping[str, str]
    dropped_capabilities: tuple[str, ...]
    profiles: tuple[str, ...]


def read_services(file: Path, env_file: Path) -> dict[str, Service]:
    """The services of the active profiles (COMPOSE_PROFILES); raises ComposeError."""
    variables = read_env(env_file)
    document = yaml.safe_load(file.read_text(encoding="utf-8"))
    active = set(variables.get("COMPOSE_PROFILES", "").split(",")) - {""}
    return {
        name: _service(name, filled(stated, variables), variables)
        for name, stated in document["services"].items()
        if not stated.get("profiles") or active & set(stated["profiles"])
    }


def read_env(file: Path) -> dict[str, str]:
    """NAME=value lines; a value may stand in single or double quotes."""
    found = {}
    for line in file.read_text(encoding="utf-8").splitlines():
        name, equals, value = line.strip().partition("=")
        if name and equals and not name.startswith("#"):
            quoted = value[:1] in ("'", '"')
            found[name] = "".join(shlex.split(value)) if quoted else value
    return found


def filled(value: Any, variables: Mapping[str, str]) -> Any:
    """The value with ${NAME}, ${NAME:-default} and ${NAME:?message} filled in, however deep."""
    match value:
        case str():
            return _VARIABLE.sub(lambda found: _variable(found, variables), value)
        case list():
            return [filled(part, variables) for part in value]
        case dict():
            return {key: filled(part, variables) for key, part in value.items()}
        case _:
            return value


def names(value: Any) -> Iterator[str]:
    """The names of the variables in it, however deep."""
    match value:
        case str():
            yield from (found[1] for found in _VARIABLE.finditer(value) if found[1])
        case list():
            for part in value:
                yield from names(part)
        case dict():
            for part in value.values():
                yield from names(part)


def _variable(found: re.Match[str], variables: Mapping[str, str]) -> str:
    name, operator, word = found.groups()
    if name is None:
        return "$"
    value = variables.get(name, "")
    if value or operator is None:
        return value
    if operator == ":?":
        raise ComposeError(f"{name} {word}")
    return str(word)


def _service(name: str, stated: Mapping[str, Any], variables: Mapping[str, str]) -> Service:
    environment = dict(variables) if stated.get("env_file") else {}
    environment |= {key: str(value) for key, value in stated.get("environment", {}).items()}
    return Service(
        name=name,
        image=stated["image"],
        dockerfile=stated.get("build", {}).get("dockerfile"),
        command=tuple(stated.get("command", ())),
        environment=environment,
        mounts=tuple(_mount(text) for text in stated.get("volumes", ())),
        health=tuple(stated["healthcheck"]["test"][1:]) if "healthcheck" in stated else (),
        after={
            other: how["condition"]
            for other, how in stated.get("depends_on", {}).items()
            if how.get("required", True)
        },
        dropped_capabilities=tuple(stated.get("cap_drop", ())),
        profiles=tuple(stated.get("profiles", ())),
    )


def _mount(text: str) -> Mount:
    found = _MOUNT.fullmatch(text)
    if found is None:
        raise ComposeError(f"not a named volume: {text}")
    return Mount(found[1], found[2], bool(found[3]))
