"""What the commands of routing share: this node's directory, and how they fail."""

import asyncio
from pathlib import Path
from typing import NoReturn

from rich.console import Console

from ari_app.settings import Settings
from db.command_line import operator, what_failed
from db.database import UNREACHABLE, connector
from db.directory_store import load, save
from routing.boundaries import BoundariesError, load_boundaries
from routing.directory import Directory, DirectoryError
from routing.jurisdiction import Jurisdiction
from routing.nation import Nation
from routing.snapshot import SnapshotError, local_directory, save_snapshot

SNAPSHOT = "directory.json"
BOUNDARIES = "boundaries.npz"
CELLS = "cells.npz"


def snapshot_path() -> Path:
    """Where this node keeps its directory."""
    return Settings().data_dir / SNAPSHOT


def boundaries_path() -> Path:
    """Where this node keeps the boundaries that were imported."""
    return Settings().data_dir / BOUNDARIES


def cells_path() -> Path:
    """Where this node keeps the cell table that was imported."""
    return Settings().data_dir / CELLS


def this_jurisdiction(nation: Nation, directory: Directory) -> Jurisdiction:
    """The jurisdiction of this node: by its boundaries, where they were imported, and villages."""
    try:
        return Jurisdiction(nation, directory, load_boundaries(boundaries_path()))
    except BoundariesError as error:
        fail(str(error))


def this_directory(nation: Nation) -> Directory:
    """The directory: Postgres', where one is set; else this node's, else the nation's as built.

    While Postgres cannot be reached, this node's is shown, and standard error says so.
    """
    if url := database_url():
        try:
            found = asyncio.run(_stored(url))
        except UNREACHABLE as error:
            say(f"{what_failed(url, error)}; this is the directory that this node knows")
        except DirectoryError as error:
            fail(f"the directory in Postgres contradicts itself: {error}")
        else:
            if found is not None:
                return found
    try:
        return local_directory(snapshot_path(), nation)
    except (SnapshotError, DirectoryError) as error:
        fail(str(error))


def store_directory(before: Directory, after: Directory, reason: str) -> None:
    """Make it the directory: in Postgres, where one is set, in one transaction and audited; else
    on this node's disk. Running services take it within two seconds either way.
    """
    url = database_url()
    if not url:
        try:
            save_snapshot(after, snapshot_path())
        except SnapshotError as error:
            fail(str(error))
        return

    async def stored() -> None:
        connection = await connector(url, name="directory import")()
        try:
            present = await load(connection)
            if present is not None and present != before:
                fail("the directory was changed by somebody else meanwhile: import again")
            await save(connection, after, actor=operator(), reason=reason)
        finally:
            await connection.close()

    try:
        asyncio.run(stored())
    except UNREACHABLE as error:
        fail(f"{what_failed(url, error)}. Nothing was changed.")


def database_url() -> str:
    """Where Postgres is; empty where none is set."""
    return Settings().database_url.get_secret_value()


async def _stored(url: str) -> Directory | None:
    connection = await connector(url, name="directory")()
    try:
        return await load(connection)
    finally:
        await connection.close()


def say(message: str) -> None:
    """A line on standard error."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(message)


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what is wrong on standard error and end the command."""
    say(message)
    raise SystemExit(code)
