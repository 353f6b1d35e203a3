"""Which programs are good enough, and the directories they work in."""

import fcntl
from pathlib import Path

import pytest

from stack.programs import Programs, cache_directory, new_enough, version


def program(directory: Path, name: str, prints: str, status: int = 0) -> None:
    path = directory / name
    path.write_text(f"#!/bin/sh\necho '{prints}'\nexit {status}\n")
    path.chmod(0o755)


def test_version_is_read_as_numbers() -> None:
    assert version("Asterisk 22.10.1+dfsg+~cs6.17.60671434-1") == (22, 10, 1)
    assert version(" SIPp v3.8.0-TLS-SCTP-PCAP.") == (3, 8, 0)
    assert version("no number") == ()
    assert version("Asterisk 22.9.0") < (22, 10, 1) < version("Asterisk 22.10.2")


@pytest.mark.parametrize(
    ("prints", "taken"),
    [("Asterisk 22.10.0", False), ("Asterisk 22.10.1", True), ("Asterisk 23.0.0", True)],
)
def test_an_asterisk_older_than_the_security_fix_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prints: str, taken: bool
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not new_enough("asterisk")
    program(tmp_path, "asterisk", prints)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert new_enough("asterisk") is taken


def test_a_program_without_a_version_floor_only_has_to_be_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not new_enough("sox")
    program(tmp_path, "sox", "sox")
    assert new_enough("sox")


def test_commands_and_paths_are_translated_for_the_root_filesystem(tmp_path: Path) -> None:
    plain = Programs(None, tmp_path)
    assert plain.command("sipp", "-v") == ["sipp", "-v"]
    assert plain.inside(tmp_path / "x") == str(tmp_path / "x")
    inner = Programs(tmp_path, tmp_path / "srv")
    assert inner.command("sipp", "-v") == ["chroot", str(tmp_path), "sipp", "-v"]
    assert inner.inside(tmp_path / "srv" / "x") == "/srv/x"


def test_an_instance_directory_is_fresh_and_goes_away(tmp_path: Path) -> None:
    programs = Programs(None, tmp_path / "shelf")
    with programs.instance("desk") as one, programs.instance("desk") as other:
        assert one != other
        (one / "file").write_text("x")
    assert [path for path in (tmp_path / "shelf").iterdir() if path.name != ".sweep"] == []


def test_what_a_killed_run_left_is_swept_and_a_living_one_is_not(tmp_path: Path) -> None:
    programs = Programs(None, tmp_path)
    for name in ("left", "living"):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name}.lock").touch()
    with (tmp_path / "living.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with programs.instance("new"):
            assert (tmp_path / "living").exists()
            assert not (tmp_path / "left").exists()
            assert not (tmp_path / "left.lock").exists()


def test_cache_is_where_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("POLRI110_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert cache_directory() == Path("/x/polri110")
    monkeypatch.setenv("POLRI110_CACHE", "/y")
    assert cache_directory() == Path("/y")
