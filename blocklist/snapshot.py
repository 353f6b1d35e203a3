"""The block list as a local file: written whole or not at all, and never read damaged.

Layout, little-endian: 8 bytes magic; position, count of numbers, count of ends (3 x int64); the
numbers (uint64), the numbers that have an end (uint64), their ends (float64, epoch seconds); the
BLAKE2b-256 of all before. Beside it, in `<name>.changes`, what has changed since: 21 bytes each:
number (int64), blocked (bool), end (float64, NaN: none), CRC-32 of those. Applying a
change again changes nothing, so it does no harm that several processes of a node write both.
"""

import hashlib
import math
import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from blocklist.change import Change
from blocklist.sorted_numbers import Keys

MAGIC = b"P110BL01"
_HEADER = struct.Struct("<8sqqq")
_DIGEST_BYTES = 32
_CHANGE = struct.Struct("<q?d")
_CRC = struct.Struct("<I")
_RECORD_BYTES = _CHANGE.size + _CRC.size


class SnapshotError(ValueError):
    """The file is no snapshot of a block list, or is damaged: the list comes from Postgres."""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A whole list; position as in BlockIndex, ends in epoch seconds."""

    keys: Keys
    ends: Mapping[int, float]
    position: int | None


def write(path: Path, snapshot: Snapshot) -> None:
    """Replace the file in one step; a crash leaves the old one or the new one."""
    position = -1 if snapshot.position is None else snapshot.position
    parts = [
        _HEADER.pack(MAGIC, position, len(snapshot.keys), len(snapshot.ends)),
        snapshot.keys.astype("<u8", copy=False).tobytes(),
        np.fromiter(snapshot.ends.keys(), "<u8", len(snapshot.ends)).tobytes(),
        np.fromiter(snapshot.ends.values(), "<f8", len(snapshot.ends)).tobytes(),
    ]
    digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
    path.parent.mkdir(parents=True, exist_ok=True)
    part_written = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        with part_written.open("wb") as file:
            for part in parts:
                digest.update(part)
                file.write(part)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        part_written.replace(path)
        # Only now: until the whole is there, the old one needs its changes.
        _changes_path(path).unlink(missing_ok=True)
    finally:
        part_written.unlink(missing_ok=True)


def append(path: Path, changes: Iterable[Change]) -> None:
    """Keep what has changed since the snapshot was written. Raises OSError."""
    records = bytearray()
    for change in changes:
        ends_at = math.nan if change.ends_at is None else change.ends_at
        record = _CHANGE.pack(change.key, change.blocked, ends_at)
        records += record + _CRC.pack(zlib.crc32(record))
    with _changes_path(path).open("ab", buffering=0) as file:
        written = file.tell()
        file.truncate(written - written % _RECORD_BYTES)  # half a record: the disk was full
        file.write(records)
        os.fsync(file.fileno())


def appended(path: Path) -> Iterator[Change]:
    """What has changed since the snapshot was written, up to the first damage. Raises OSError."""
    try:
        content = _changes_path(path).read_bytes()
    except FileNotFoundError:
        return
    for start in range(0, len(content) - _RECORD_BYTES + 1, _RECORD_BYTES):
        record = content[start : start + _CHANGE.size]
        if _CRC.unpack_from(content, start + _CHANGE.size)[0] != zlib.crc32(record):
            return
        key, blocked, ends_at = _CHANGE.unpack(record)
        yield Change(key, blocked, None if math.isnan(ends_at) else ends_at)


def read(path: Path) -> Snapshot:
    """Read a snapshot back. Raises OSError (FileNotFoundError: there is none) or SnapshotError."""
    content = memoryview(path.read_bytes())
    body, digest = content[:-_DIGEST_BYTES], content[-_DIGEST_BYTES:]
    if len(body) < _HEADER.size or bytes(body[:8]) != MAGIC:
        raise SnapshotError(f"{path} is no snapshot of a block list")
    if hashlib.blake2b(body, digest_size=_DIGEST_BYTES).digest() != bytes(digest):
        raise SnapshotError(f"{path} is damaged")
    _, position, count, ended = _HEADER.unpack_from(body)
    keys = np.frombuffer(body, "<u8", count, _HEADER.size)
    offset = _HEADER.size + keys.nbytes
    with_end = np.frombuffer(body, "<u8", ended, offset)
    ends = np.frombuffer(body, "<f8", ended, offset + with_end.nbytes)
    return Snapshot(
        keys,
        dict(zip(with_end.tolist(), ends.tolist(), strict=True)),
        None if position < 0 else position,
    )


def _changes_path(path: Path) -> Path:
    return path.with_name(f"{path.name}.changes")
