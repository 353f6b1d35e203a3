"""The directory on the local disk, so that a node starts without Postgres."""

import os
import tempfile
from pathlib import Path

from routing.directory import Directory, DirectoryError
from routing.directory_files import DirectoryFileError, directory_json, read_rows
from routing.directory_rows import with_rows
from routing.nation import Nation
from routing.units import national_directory


class SnapshotError(Exception):
    """The snapshot cannot be read or written; the message says which file and why."""


def save_snapshot(directory: Directory, path: Path) -> None:
    """Replace the snapshot at once and wholly, readable by the service's user only.

    The desks' passwords are in it: Asterisk's configuration is rendered from it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(".json", f".{path.stem}.", path.parent)
        try:
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(directory_json(directory, passwords=True))
                file.flush()
                os.fsync(file.fileno())
            if _read(Path(name)) != directory:
                raise SnapshotError(f"{path}: not written: it would not be read back the same")
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise SnapshotError(f"{path}: cannot be written: {error.strerror}") from error


def load_snapshot(path: Path) -> Directory | None:
    """The directory of the snapshot, None where there is none; raises SnapshotError."""
    try:
        return _read(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise SnapshotError(f"{path}: cannot be read: {error.strerror}") from error


def local_directory(path: Path, nation: Nation) -> Directory:
    """The directory of the snapshot, or the nation's as it was built where there is none."""
    return load_snapshot(path) or national_directory(nation)


def _read(path: Path) -> Directory:
    try:
        rows = read_rows(path)
        return with_rows(None, rows.units, rows.desks)
    except (DirectoryFileError, DirectoryError) as error:
        raise SnapshotError(f"{path}: {error}") from error
