"""What the commands of routing share: this node's directory, and how they fail."""

from pathlib import Path
from typing import NoReturn

from rich.console import Console

from ari_app.settings import Settings
from routing.boundaries import BoundariesError, load_boundaries
from routing.directory import Directory, DirectoryError
from routing.jurisdiction import Jurisdiction
from routing.nation import Nation
from routing.snapshot import SnapshotError, local_directory

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
    """The directory of this node: its snapshot, else the nation's as built."""
    try:
        return local_directory(snapshot_path(), nation)
    except (SnapshotError, DirectoryError) as error:
        fail(str(error))


def fail(message: str, code: int = 1) -> NoReturn:
    """Say what is wrong on standard error and end the command."""
    Console(stderr=True, highlight=False, markup=False, soft_wrap=True).print(message)
    raise SystemExit(code)
