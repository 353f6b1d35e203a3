"""The root filesystem with Asterisk: made once, whole or not at all."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from stack import apt, rootfs
from stack.process import StackError
from stack.rootfs import Rootfs

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or not apt.usable(), reason="only root on Debian or Ubuntu makes one"
)


def mmdebstrap(directory: Path, script: str) -> None:
    """Put a stand-in for mmdebstrap on the PATH; $target is where the filesystem goes."""
    directory.mkdir(exist_ok=True)
    program = directory / "mmdebstrap"
    program.write_text(
        f"#!/bin/sh\nfor word; do case $word in *.making) target=$word;; esac; done\n"
        f'mkdir -p "$target"\n{script}\n'
    )
    program.chmod(0o755)


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rootfs:
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setattr(rootfs, "KEYRING", tmp_path)
    return Rootfs(tmp_path / "cache", "forky", ("asterisk",))


def test_a_complete_rootfs_is_made_once(made: Rootfs, tmp_path: Path) -> None:
    mmdebstrap(tmp_path / "bin", f'echo >> {tmp_path}/made; touch "$target/asterisk"')
    said: list[str] = []
    first = made.made(lambda root: (root / "asterisk").exists(), said.append)
    second = made.made(lambda root: False, said.append)
    assert first == second == made.ready()
    assert (tmp_path / "made").read_text() == "\n"
    assert "about 45 s" in said[0]


def test_failed_rootfs_is_never_used(made: Rootfs, tmp_path: Path) -> None:
    mmdebstrap(tmp_path / "bin", 'touch "$target/asterisk"; echo "E: no mirror" >&2; exit 1')
    with pytest.raises(StackError, match="no mirror"):
        made.made(lambda _: True, lambda _: None)
    assert made.ready() is None
    assert not list(made.cache.glob("*.making"))


def test_rootfs_without_its_programs_is_never_used(made: Rootfs, tmp_path: Path) -> None:
    mmdebstrap(tmp_path / "bin", "exit 0")
    with pytest.raises(StackError, match="lacks programs"):
        made.made(lambda root: (root / "asterisk").exists(), lambda _: None)
    assert made.ready() is None


def test_interrupted_rootfs_is_never_used(made: Rootfs, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "begun")
    mmdebstrap(tmp_path / "bin", f'touch "$target/half"; echo > {tmp_path}/begun; exec sleep 60')
    maker = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys; from pathlib import Path; from stack import rootfs\n"
            "rootfs.KEYRING = Path('/')\n"
            "rootfs.Rootfs(Path(sys.argv[1]), 'forky', ('asterisk',))"
            ".made(lambda _: True, lambda _: None)",
            str(made.cache),
        ]
    )
    assert (tmp_path / "begun").read_text() == "\n"  # waits until it is written
    children = psutil.Process(maker.pid).children(recursive=True)
    maker.kill()
    maker.wait()
    assert psutil.wait_procs(children, timeout=5)[1] == []
    assert made.ready() is None

    mmdebstrap(tmp_path / "bin", 'touch "$target/asterisk"')
    root = made.made(lambda root: (root / "asterisk").exists(), lambda _: None)
    assert not (root / "half").exists()


def test_two_makers_wait_for_each_other(made: Rootfs, tmp_path: Path) -> None:
    mmdebstrap(
        tmp_path / "bin", f'echo made >> {tmp_path}/made; sleep 0.3; touch "$target/asterisk"'
    )
    script = (
        "import sys; from pathlib import Path; from stack import rootfs\n"
        "rootfs.KEYRING = Path('/')\n"
        "print(rootfs.Rootfs(Path(sys.argv[1]), 'forky', ('asterisk',))"
        ".made(lambda root: (root / 'asterisk').exists(), lambda _: None))"
    )
    command = [sys.executable, "-c", script, str(made.cache)]
    makers = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    roots = {maker.communicate(timeout=30)[0].strip() for maker in makers}
    assert roots == {str(made.path)}
    assert (tmp_path / "made").read_text() == "made\n"


def test_other_packages_are_another_rootfs(tmp_path: Path) -> None:
    one = Rootfs(tmp_path, "forky", ("asterisk",))
    other = Rootfs(tmp_path, "forky", ("asterisk", "sox"))
    assert one.path != other.path
    assert Rootfs(tmp_path, "forky", ("sox", "asterisk")).path == other.path


def test_without_root_the_message_says_what_to_do(
    made: Rootfs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(StackError, match=r"root's rights.*docker/README.md"):
        made.made(lambda _: True, lambda _: None)


def test_recipe_takes_the_machines_own_mirror_and_an_expired_release(
    made: Rootfs, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(apt, "mirror", lambda: "http://mirror.example/debian/")
    recipe = made.recipe(tmp_path / "target")
    assert recipe[-3:] == ["forky", str(tmp_path / "target"), "http://mirror.example/debian/"]
    assert '--aptopt=Acquire::Check-Valid-Until "false"' in recipe
    monkeypatch.setattr(apt, "mirror", lambda: None)
    assert made.recipe(tmp_path / "target")[-2:] == ["forky", str(tmp_path / "target")]
