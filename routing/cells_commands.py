"""`polri110 cells`: the table of radio cells of this node."""

from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import cyclopts
from rich.console import Console
from rich.progress import Progress

from routing.command_line import cells_path, fail
from routing.sources.cells import CellTable, CellTableError, read_cells

cells_app = cyclopts.App(
    name="cells",
    help="""Where radio cells are, for callers whose network names only their cell.

    For example:

        polri110 cells import 510.csv        a table in the OpenCelliD layout
    """,
)


@cells_app.command(name="import")
def import_(file: Path, /) -> None:
    """Take the cell table of FILE in place of the one before; a bad row is named, and then nothing
    is taken.
    """
    target = cells_path()
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            table = CellTable.of(read_cells(_with_progress(lines, file.stat().st_size)))
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.with_name(f".new-{target.name}")
        table.save(unfinished)
        unfinished.replace(target)
    except CellTableError as error:
        fail(f"{file.name}, {error}. Nothing of the file was taken.")
    except OSError as error:
        fail(f"{error.filename or file}: {error.strerror}")
    except UnicodeDecodeError:
        fail(f"{file}: not UTF-8")
    print(f"{len(table)} cells")


def _with_progress(lines: TextIO, size: int) -> Iterator[str]:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading cells", total=size)
        for number, line in enumerate(lines, 1):
            yield line
            if number % 20_000 == 0:
                progress.update(task, completed=lines.buffer.tell())
