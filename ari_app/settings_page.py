"""docs/settings.md, drawn from the settings themselves: `python -m ari_app.settings_page`."""

from enum import Enum
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from ari_app.settings import Settings

_INTRO = """# Settings

Generated from `ari_app/settings.py` by `python -m ari_app.settings_page > docs/settings.md`.

Every setting is an environment variable, read once when a process starts. Units stand in the
names: `_SECONDS`, `_MS`, `_M`. A value that cannot be read stops the process with one line.

| variable | default | what it is |
|---|---|---|
"""


def page() -> str:
    """The whole of docs/settings.md."""
    rows = []
    for name, field in Settings.model_fields.items():
        rows.append(
            f"| `POLRI110_{name.upper()}` | {_shown(field.default)} | {field.description} |"
        )
    return _INTRO + "\n".join(rows) + "\n"


def _shown(value: Any) -> str:
    if isinstance(value, SecretStr):
        return "none"
    if isinstance(value, Enum):
        value = value.value
    if isinstance(value, bool):
        value = str(value).lower()
    if isinstance(value, Path):
        value = value.as_posix()
    return f"`{value}`"


if __name__ == "__main__":
    print(page(), end="")
