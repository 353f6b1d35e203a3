"""The block list in memory: what a call is checked against, in about a microsecond.

Most of it is one large unchangeable set; what has changed since it was made lies over it.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from blocklist import snapshot
from blocklist.change import Change
from blocklist.number import Number
from blocklist.policy import Check, Verdict, judge
from blocklist.sorted_numbers import Keys, SortedNumbers

COMPACT_AT = 50_000


class BlockIndex:
    """The blocked numbers of this process; not loaded at first, and then no call is stopped.

    position tells up to where of Postgres' history it is (db.models.BlockRow.xid).
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.unchecked = 0
        self.position: int | None = None
        self._clock = clock
        self._base: SortedNumbers | None = None
        self._changed: dict[int, bool] = {}
        self._ends: dict[int, float] = {}

    @property
    def loaded(self) -> bool:
        """Whether there is a list at all."""
        return self._base is not None

    def check(self, number: Number) -> Check:
        """The verdict on a caller; counts the calls that could not be checked."""
        check = judge(number, None if number.key is None else self.listed(number.key))
        if check.verdict is Verdict.UNCHECKED:
            self.unchecked += 1
        return check

    def listed(self, key: int) -> bool | None:
        """Whether the number is blocked now; None while there is no list."""
        base = self._base
        if base is None:
            return None
        blocked = self._changed.get(key)
        if blocked is None:
            blocked = key in base
        if blocked and key in self._ends:
            return self._clock() < self._ends[key]
        return blocked

    def replace(self, keys: Keys, ends: Mapping[int, float], position: int | None) -> None:
        """Take a whole list; `ends` holds the end (epoch seconds) of blocks that have one."""
        self._base = SortedNumbers(keys)
        self._changed = {}
        self._ends = dict(ends)
        self.position = position

    def apply(self, changes: Iterable[Change], position: int | None) -> None:
        """Take what has changed; taking the same again changes nothing."""
        for change in changes:
            self._changed[change.key] = change.blocked
            if change.blocked and change.ends_at is not None:
                self._ends[change.key] = change.ends_at
            else:
                self._ends.pop(change.key, None)
        self.position = position

    def is_news(self, change: Change) -> bool:
        """Whether the index says anything else yet."""
        base = self._base
        blocked = self._changed.get(change.key, base is not None and change.key in base)
        if blocked != change.blocked:
            return True
        return change.blocked and self._ends.get(change.key) != change.ends_at

    def compact(self) -> None:
        """Make one set of it again (0.3 s for 10 million: not on the event loop's thread)."""
        self._base = SortedNumbers(self.keys())
        self._changed = {}

    @property
    def changes(self) -> int:
        """How many changes lie over the large set; from COMPACT_AT on, compact() pays."""
        return len(self._changed)

    def keys(self) -> Keys:
        """All blocked numbers, sorted, those whose block has ended meanwhile among them."""
        kept = np.empty(0, np.uint64) if self._base is None else self._base.keys()
        if not self._changed:
            return kept
        touched = np.sort(np.fromiter(self._changed, np.uint64, len(self._changed)))
        added = [key for key, blocked in self._changed.items() if blocked]
        place = np.minimum(np.searchsorted(touched, kept), len(touched) - 1)
        untouched = kept[touched[place] != kept]
        return np.sort(np.concatenate([untouched, np.array(added, np.uint64)]), kind="stable")

    def __len__(self) -> int:
        if self._base is None:
            return 0
        added = sum(blocked - (key in self._base) for key, blocked in self._changed.items())
        return len(self._base) + added

    @property
    def nbytes(self) -> int:
        """Memory of the list's large part."""
        return 0 if self._base is None else self._base.nbytes

    def save(self, path: Path) -> None:
        """Write the list to a local file, for a start without Postgres. Raises OSError."""
        snapshot.write(path, snapshot.Snapshot(self.keys(), dict(self._ends), self.position))

    def load(self, path: Path) -> None:
        """Take the list from a local file. Raises OSError or snapshot.SnapshotError."""
        found = snapshot.read(path)
        self.replace(found.keys, found.ends, found.position)
        self.apply(snapshot.appended(path), found.position)
