"""The block list in memory and as a local file."""

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist import snapshot
from blocklist.change import Change
from blocklist.index import BlockIndex
from blocklist.number import identify
from blocklist.policy import LADDER, Sanction, Verdict, sanction
from blocklist.snapshot import SnapshotError
from blocklist.sorted_numbers import SortedNumbers

A, B, C = 6281234567890, 6281234567891, 622150001234
keys = st.integers(min_value=1, max_value=10**15 - 1)


def index(*blocked: int, clock_at: float = 0.0) -> BlockIndex:
    made = BlockIndex(clock=lambda: clock_at)
    made.replace(np.array(blocked, np.uint64), {}, 1)
    return made


@given(st.lists(keys, max_size=200), st.lists(keys, max_size=50))
def test_the_set_holds_what_was_put_in_and_nothing_else(inside: list[int], asked: list[int]):
    held = SortedNumbers(np.array(inside, np.uint64))
    near = [key + step for key in inside for step in (-1, 1, 2**32, -(2**32), 2**40)]
    for key in [*inside, *asked, *near, 0, -1, 2**70]:
        assert (key in held) == (key in set(inside))
    assert held.keys().tolist() == sorted(set(inside))
    assert len(held) == len(set(inside))


@given(
    st.lists(keys, max_size=50),
    st.lists(st.tuples(keys, st.booleans()), max_size=50),
    st.data(),
)
def test_changes_lie_over_the_list_until_it_is_compacted(
    listed: list[int], changes: list[tuple[int, bool]], data: st.DataObject
):
    changes += [(key, data.draw(st.booleans())) for key in listed[::2]]
    made = index(*listed)
    made.apply([Change(key, blocked) for key, blocked in changes], 2)
    expected = set(listed)
    for key, blocked in changes:
        (expected.add if blocked else expected.discard)(key)
    for _ in range(2):
        assert made.keys().tolist() == sorted(expected)
        assert len(made) == len(expected)
        for key in [*listed, *(key for key, _ in changes)]:
            assert made.listed(key) == (key in expected)
        made.compact()
    assert made.changes == 0


def test_a_number_beyond_e164_is_refused():
    with pytest.raises(ValueError, match=r"no E\.164 number"):
        SortedNumbers(np.array([10**15], np.uint64))


def test_a_blocked_number_is_blocked_however_it_is_written():
    made = index(A)
    for written in ("081234567890", "6281234567890", "+62 812-3456-7890"):
        assert made.check(identify(written)).verdict is Verdict.BLOCKED
    assert made.check(identify("081234567891")).verdict is Verdict.PASS


def test_an_anonymous_caller_is_never_blocked():
    made = index(A)
    assert made.check(identify("anonymous", "prohib", "anonymous")).verdict is Verdict.PASS
    assert made.check(identify("110")).verdict is Verdict.PASS


def test_an_unreadable_list_lets_the_call_through_and_counts_it():
    made = BlockIndex()
    assert made.check(identify("081234567890")).verdict is Verdict.UNCHECKED
    assert made.check(identify("anonymous")).verdict is Verdict.PASS
    assert made.unchecked == 1
    assert not made.loaded


def test_a_block_with_an_end_ends_by_itself():
    now = [1000.0]
    made = BlockIndex(clock=lambda: now[0])
    made.replace(np.array([A, B], np.uint64), {A: 2000.0}, 1)
    made.apply([Change(C, True, ends_at=1500.0)], 2)
    assert [made.listed(key) for key in (A, B, C)] == [True, True, True]
    now[0] = 1500.0
    assert [made.listed(key) for key in (A, B, C)] == [True, True, False]
    now[0] = 2000.0
    assert [made.listed(key) for key in (A, B, C)] == [False, True, False]


def test_a_block_made_for_good_forgets_its_former_end():
    made = index(clock_at=5000.0)
    made.apply([Change(A, True, ends_at=1000.0)], 2)
    assert made.listed(A) is False
    made.apply([Change(A, True)], 3)
    assert made.listed(A) is True


def test_a_snapshot_gives_the_same_list_back(tmp_path: Path):
    made = index(A, B, clock_at=1000.0)
    made.apply([Change(C, True, ends_at=2000.0), Change(B, False)], 77)
    made.save(tmp_path / "blocked")
    read = BlockIndex(clock=lambda: 3000.0)
    read.load(tmp_path / "blocked")
    assert read.keys().tolist() == sorted([A, C])
    assert read.position == 77
    assert read.listed(C) is False
    assert [path.name for path in tmp_path.iterdir()] == ["blocked"]


@pytest.mark.parametrize("damage", ["cut", "flipped", "foreign", "empty"])
def test_a_damaged_snapshot_is_refused(tmp_path: Path, damage: str):
    path = tmp_path / "blocked"
    index(*range(A, A + 1000)).save(path)
    content = bytearray(path.read_bytes())
    if damage == "cut":
        del content[-100:]
    elif damage == "flipped":
        content[500] ^= 1
    elif damage == "foreign":
        content[:8] = b"SQLite f"
    else:
        content.clear()
    path.write_bytes(content)
    made = BlockIndex()
    with pytest.raises(SnapshotError):
        made.load(path)
    assert not made.loaded


def test_a_snapshot_that_cannot_be_written_leaves_the_old_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    path = tmp_path / "blocked"
    index(A).save(path)

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        index(B).save(path)
    made = BlockIndex()
    made.load(path)
    assert made.keys().tolist() == [A]
    assert [file.name for file in tmp_path.iterdir()] == ["blocked"]


def test_what_changed_since_the_snapshot_is_kept_beside_it(tmp_path: Path):
    path = tmp_path / "blocked"
    index(A, B).save(path)
    snapshot.append(path, [Change(C, True, ends_at=2000.0), Change(A, False)])
    snapshot.append(path, [Change(B, False), Change(B, True)])
    read = BlockIndex(clock=lambda: 1000.0)
    read.load(path)
    assert [read.listed(key) for key in (A, B, C)] == [False, True, True]
    read.save(path)
    assert [file.name for file in tmp_path.iterdir()] == ["blocked"]
    again = BlockIndex(clock=lambda: 3000.0)
    again.load(path)
    assert [again.listed(key) for key in (A, B, C)] == [False, True, False]


@pytest.mark.parametrize("kept", [0, 1, 20, 21, 30, 41, 42])
def test_a_change_half_written_by_a_crash_costs_only_itself(tmp_path: Path, kept: int):
    path = tmp_path / "blocked"
    index().save(path)
    snapshot.append(path, [Change(A, True), Change(B, True)])
    changes = tmp_path / "blocked.changes"
    changes.write_bytes(changes.read_bytes()[:kept])
    read = BlockIndex()
    read.load(path)
    assert read.keys().tolist() == [A, B][: kept // 21]
    snapshot.append(path, [Change(C, True)])
    read.load(path)
    assert read.keys().tolist() == sorted([*[A, B][: kept // 21], C])


def test_a_damaged_change_and_what_comes_after_it_is_not_believed(tmp_path: Path):
    path = tmp_path / "blocked"
    index().save(path)
    snapshot.append(path, [Change(A, True), Change(B, True), Change(C, True)])
    changes = tmp_path / "blocked.changes"
    content = bytearray(changes.read_bytes())
    content[25] ^= 1
    changes.write_bytes(content)
    read = BlockIndex()
    read.load(path)
    assert read.keys().tolist() == [A]


def test_the_third_strike_blocks_and_so_does_every_further_one():
    assert [sanction(strikes) for strikes in range(6)] == [
        None,
        Sanction.REPRIMAND,
        Sanction.MESSAGE,
        Sanction.BLOCK,
        Sanction.BLOCK,
        Sanction.BLOCK,
    ]
    assert sanction(3, ()) is None
    assert LADDER[-1] is Sanction.BLOCK
