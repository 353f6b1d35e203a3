"""`polri110 cells`: the table of radio cells of this node."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import cyclopts
from rich.console import Console
from rich.progress import Progress

from db.cell_store import COPY_SECONDS, save_cells
from db.command_line import operator, what_failed
from db.database import UNREACHABLE, connector
from routing.command_line import cells_path, database_url, fail
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
        if url := database_url():
            table = table.stamped(asyncio.run(_stored(url, table, file.name)))
        table.save(target)
    except CellTableError as error:
        fail(f"{file.name}, {error}. Nothing of the file was taken.")
    except UNREACHABLE as error:
        if isinstance(error, OSError) and error.filename is not None:
            fail(f"{error.filename}: {error.strerror}")
        fail(f"{what_failed(database_url(), error)}. Nothing was changed.")
    except UnicodeDecodeError:
        fail(f"{file}: not UTF-8")
    print(f"{len(table)} cells")


async def _stored(url: str, table: CellTable, name: str) -> int:
    """Put the table into Postgres, from where every node fetches it; its version there."""
    connection = await connector(url, name="cells import", statement_seconds=COPY_SECONDS)()
    console = Console(stderr=True)
    try:
        with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
            task = progress.add_task("writing cells", total=len(table))
            return await save_cells(
                connection,
                table,
                actor=operator(),
                reason=f"import of {name}",
                progress=lambda rows: progress.update(task, advance=rows),
            )
    finally:
        await connection.close()


def _with_progress(lines: TextIO, size: int) -> Iterator[str]:
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("reading cells", total=size)
        for number, line in enumerate(lines, 1):
            yield line
            if number % 20_000 == 0:
                progress.update(task, completed=lines.buffer.tell())
