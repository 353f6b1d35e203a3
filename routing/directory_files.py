"""Directory files: CSV (units or desks, told apart by their columns) and JSON (both)."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from pydantic import BaseModel, ConfigDict, ValidationError

from routing.directory import Desk, Directory, Level, Unit
from routing.directory_rows import DeskRow, UnitRow

UNIT_COLUMNS = tuple(UnitRow.model_fields)
DESK_COLUMNS = tuple(DeskRow.model_fields)
_MOST_FAULTS = 20


class DirectoryFileError(ValueError):
    """A directory file cannot be read; the message names each line and column, and what to do."""


@dataclass(frozen=True, slots=True)
class Rows:
    """What a file says, in its order."""

    units: tuple[UnitRow, ...] = ()
    desks: tuple[DeskRow, ...] = ()


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid")

    units: tuple[UnitRow, ...] = ()
    desks: tuple[DeskRow, ...] = ()


def read_rows(path: Path) -> Rows:
    """Read a .csv or .json file; raises DirectoryFileError naming every bad cell, or OSError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DirectoryFileError(f"{path.name}: not UTF-8 at byte {error.start}") from error
    match path.suffix.lower():
        case ".csv":
            return _read_csv(path.name, text)
        case ".json":
            return _read_json(path.name, text)
    raise DirectoryFileError(f"{path.name}: the name must end in .csv or .json")


def units_csv(units: Iterable[Unit]) -> str:
    """Units as CSV, one a line; lists are separated by spaces."""
    return _csv(UNIT_COLUMNS, (UnitRow.of(unit).model_dump() for unit in units))


def desks_csv(desks: Iterable[Desk], *, passwords: bool) -> str:
    """Desks as CSV, one a line; without passwords there is no such column."""
    columns = [column for column in DESK_COLUMNS if passwords or column != "password"]
    return _csv(columns, (DeskRow.of(desk).model_dump(include=set(columns)) for desk in desks))


def directory_json(directory: Directory, *, passwords: bool) -> str:
    """The whole directory as JSON, one unit or desk a line."""
    hidden = set() if passwords else {"password"}
    units = [UnitRow.of(unit).model_dump(mode="json") for unit in directory.units.values()]
    desks = [
        DeskRow.of(desk).model_dump(mode="json", exclude=hidden)
        for group in directory.desks_by_unit.values()
        for desk in group
    ]
    lines = [
        ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows) for rows in (units, desks)
    ]
    return f'{{"units": [\n{lines[0]}\n], "desks": [\n{lines[1]}\n]}}\n'


def _csv(columns: Iterable[str], rows: Iterable[dict[str, Any]]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, list(columns), lineterminator="\n")
    writer.writeheader()
    writer.writerows({key: _cell(value) for key, value in row.items()} for row in rows)
    return file.getvalue()


def _cell(value: object) -> object:
    match value:
        case bool():
            return "yes" if value else "no"
        case tuple():
            return " ".join(value)
        case Level():
            return value.value
        case _:
            return value


def _read_csv(name: str, text: str) -> Rows:
    cells = csv.reader(io.StringIO(text, newline=""), strict=True)
    found: dict[str, UnitRow | DeskRow] = {}
    faults: list[str] = []
    line = 1
    try:
        header = [column.strip() for column in next(cells, [])]
        kind = _kind(name, header)
        line = cells.line_num + 1
        for row in cells:
            try:
                stated = _row(kind, header, row) if row else None
                if stated is not None and stated.code in found:
                    faults.append(f"{name}, line {line}, column code: {stated.code} again")
                elif stated is not None:
                    found[stated.code] = stated
            except ValidationError as error:
                faults += [f"{name}, line {line}, {fault}" for fault in _faults(error, "column ")]
            except DirectoryFileError as error:
                faults.append(f"{name}, line {line}: {error}")
            line = cells.line_num + 1
    except csv.Error as error:
        faults.append(f"{name}, line {line}: {error}")
    if faults:
        _refuse(faults)
    return Rows(
        tuple(row for row in found.values() if isinstance(row, UnitRow)),
        tuple(row for row in found.values() if isinstance(row, DeskRow)),
    )


def _kind(name: str, header: list[str]) -> type[UnitRow] | type[DeskRow]:
    if "code" not in header:
        raise DirectoryFileError(f"{name}, line 1: there is no column code")
    if len(set(header)) < len(header):
        raise DirectoryFileError(f"{name}, line 1: a column stands there twice")
    for kind, columns in ((UnitRow, UNIT_COLUMNS), (DeskRow, DESK_COLUMNS)):
        if set(header) <= set(columns):
            return kind
    strange = [column for column in header if column not in UNIT_COLUMNS + DESK_COLUMNS]
    if strange:
        raise DirectoryFileError(f"{name}, line 1: unknown column {strange[0]!r}")
    raise DirectoryFileError(f"{name}, line 1: columns of units and of desks in one file")


def _row(
    kind: type[UnitRow] | type[DeskRow], header: list[str], cells: list[str]
) -> UnitRow | DeskRow:
    if len(cells) != len(header):
        raise DirectoryFileError(f"{len(cells)} cells for {len(header)} columns")
    return kind.model_validate(dict(zip(header, map(str.strip, cells), strict=True)))


def _read_json(name: str, text: str) -> Rows:
    try:
        read = _Document.model_validate(json.loads(text))
    except json.JSONDecodeError as error:
        raise DirectoryFileError(
            f"{name}, line {error.lineno}, column {error.colno}: {error.msg}"
        ) from error
    except ValidationError as error:
        _refuse([f"{name}, {fault}" for fault in _faults(error, "")])
    except (RecursionError, ValueError) as error:  # nested too deeply, or a number too long
        raise DirectoryFileError(f"{name}: {error}") from error
    for rows in (read.units, read.desks):
        seen: set[str] = set()
        for row in rows:
            if row.code in seen:
                raise DirectoryFileError(f"{name}: {row.code} stands there twice")
            seen.add(row.code)
    return Rows(read.units, read.desks)


def _faults(error: ValidationError, before: str) -> Iterator[str]:
    for fault in error.errors(include_url=False, include_context=False):
        place = ".".join(str(part) for part in fault["loc"])
        value = fault["input"] if isinstance(fault["input"], str | int | float) else ""
        shown = f" ({value!r})" if value != "" and "password" not in place else ""
        yield f"{before}{place or 'row'}: {fault['msg']}{shown}"


def _refuse(faults: list[str]) -> NoReturn:
    shown = faults[:_MOST_FAULTS]
    if len(faults) > len(shown):
        shown.append(f"... and {len(faults) - len(shown)} more")
    raise DirectoryFileError("\n".join([*shown, "Nothing of the file was taken."]))
