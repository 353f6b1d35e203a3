"""The journals of a node together: which calls are open, what dead processes left."""

import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from db.journal_file import JournalFile
from db.journal_folder import events_of, open_calls, take_left
from db.journal_lock import WriterLock
from tests.sample_calls import abandoned_call, arrival, connected_call, events

OPEN, ENDED, HANDED_ON = "0199-a", "0199-b", "0199-c"


def write(directory: Path, name: str, *told: list) -> Path:
    file = JournalFile(directory / f"{name}.sqlite")
    for batch in told:
        file.insert(batch)
    file.close()
    return file.path


def test_a_call_that_nobody_ended_is_open_with_all_its_events(tmp_path: Path):
    write(tmp_path, "dead", events(OPEN, arrival(), "dead"), connected_call(ENDED, "dead"))
    write(tmp_path, "alive", events(OPEN, arrival(), "alive"))
    found = open_calls(tmp_path)
    assert list(found) == [OPEN]
    assert [event.writer for event in found[OPEN]].count("dead") == len(arrival())
    assert found[OPEN] == sorted(found[OPEN], key=lambda e: (e.at, e.writer, e.seq))


def test_a_call_that_another_process_ended_is_not_open(tmp_path: Path):
    write(tmp_path, "dead", events(HANDED_ON, arrival(), "dead"))
    write(tmp_path, "alive", events(HANDED_ON, [(9, "ended", {})], "alive"))
    assert open_calls(tmp_path) == {}
    assert len(events_of(tmp_path, HANDED_ON)) == len(arrival()) + 1


def test_a_dead_process_calls_are_found_without_those_of_the_living(tmp_path: Path):
    dead = write(tmp_path, "dead", events(OPEN, arrival(), "dead"))
    write(tmp_path, "alive", events(ENDED, arrival(), "alive"))
    assert list(open_calls(tmp_path, [dead])) == [OPEN]


def test_an_unreadable_journal_does_not_hide_the_others(tmp_path: Path):
    write(tmp_path, "sound", abandoned_call(OPEN)[:-1])
    (tmp_path / "broken.sqlite").write_bytes(b"no database" * 1000)
    assert list(open_calls(tmp_path)) == [OPEN]


def test_a_folder_that_is_not_there_has_no_calls(tmp_path: Path):
    assert open_calls(tmp_path / "none") == {}
    assert list(take_left(tmp_path / "none")) == []


def test_only_the_journals_of_dead_processes_are_taken(tmp_path: Path):
    write(tmp_path, "dead", abandoned_call(OPEN))
    write(tmp_path, "alive", abandoned_call(ENDED))
    holding = (
        "import sys; from pathlib import Path; from db.journal_lock import WriterLock;"
        "print(WriterLock(Path(sys.argv[1])).acquire(), flush=True); sys.stdin.read()"
    )
    alive = subprocess.Popen(
        [sys.executable, "-c", holding, str(tmp_path / "alive.sqlite")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert alive.stdout
    assert alive.stdin
    assert alive.stdout.readline() == "True\n"
    assert [left.path.stem for left in take_left(tmp_path)] == ["dead"]
    alive.kill()
    alive.wait()
    assert [left.path.stem for left in take_left(tmp_path)] == ["alive", "dead"]
    alive.stdin.close()
    alive.stdout.close()


def test_a_journal_is_held_by_one_process_at_a_time(tmp_path: Path):
    path = write(tmp_path, "dead", abandoned_call(OPEN))
    for left in take_left(tmp_path):
        assert not WriterLock(path).acquire()
        left.close()
    lock = WriterLock(path)
    assert lock.acquire()
    lock.release()


async def test_a_journal_goes_only_when_it_is_shipped_and_old(tmp_path: Path):
    told = abandoned_call(OPEN)
    path = write(tmp_path, "dead", told)
    after = told[-1].at + timedelta(seconds=1)
    for left in take_left(tmp_path):
        assert not left.delete_if_done(after)
        await left.mark_shipped(await left.unshipped(100))
        assert not left.delete_if_done(told[-1].at)
        assert left.delete_if_done(after)
    assert not path.exists()
    assert not WriterLock(path).path.exists()
