"""Figures of the benchmarks, and the file they are kept in."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.table import Table

FILE = Path(__file__).parent / "results.json"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: ours beside the peer's (None where there is no peer), and what to know of it."""

    name: str
    ours: float | None
    peer: float | None
    unit: str
    note: str = ""


def keep(figures: Iterable[Figure], path: Path = FILE) -> None:
    """Write the figures; those of other names that the file holds already stay in it."""
    kept = {row["name"]: row for row in _known(path)}
    kept.update({figure.name: asdict(figure) for figure in figures})
    text = json.dumps({"results": list(kept.values())}, indent=2, ensure_ascii=False)
    path.write_text(text + "\n", encoding="utf-8")


def of_script(script: str, printed: str) -> list[Figure]:
    """Figures of a script that prints {name: {value, unit}} or {"results": [...]}; else none."""
    try:
        found = json.loads(printed)
    except ValueError:
        return []
    if isinstance(found, dict) and isinstance(found.get("results"), list):
        return [Figure(**row) for row in found["results"]]
    return [
        Figure(f"{script}: {name}", value["value"], value.get("peer"), value["unit"])
        for name, value in _figures(found)
    ]


def table(figures: Iterable[Figure]) -> Table:
    """The figures as they are shown."""
    shown = Table(title="Benchmarks", title_justify="left", expand=False)
    for heading in ("figure", "ours", "peer", "unit", "note"):
        shown.add_column(heading, justify="right" if heading in ("ours", "peer") else "left")
    for figure in figures:
        shown.add_row(figure.name, _text(figure.ours), _text(figure.peer), figure.unit, figure.note)
    return shown


def _figures(found: object) -> list[tuple[str, Mapping[str, Any]]]:
    if not isinstance(found, dict):
        return []
    return [(name, value) for name, value in found.items() if isinstance(value, dict)]


def _known(path: Path) -> list[dict[str, Any]]:
    try:
        rows: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["results"]
    except (FileNotFoundError, ValueError, KeyError):
        return []
    return rows


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"
