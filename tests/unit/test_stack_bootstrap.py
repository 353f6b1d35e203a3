"""How the virtual environment is made."""

import subprocess
import sys
from pathlib import Path

import pytest

from stack import bootstrap


def test_changed_lock_makes_the_environment_again(tmp_path: Path) -> None:
    (tmp_path / bootstrap.LOCK).write_text("a==1")
    (tmp_path / "pyproject.toml").write_text("")
    before = bootstrap.ingredients(tmp_path)
    assert bootstrap.ingredients(tmp_path) == before
    (tmp_path / bootstrap.LOCK).write_text("a==2")
    assert bootstrap.ingredients(tmp_path) != before


def test_an_old_python_is_told_what_to_do(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "version_info", (3, 10, 12))
    with pytest.raises(SystemExit, match="1"):
        bootstrap.main()
    assert "Python 3.11 or later is needed" in capsys.readouterr().err


def test_progress_names_the_package_and_the_last_phase() -> None:
    lines = ["Collecting aiohttp==3.14.5 (from -r x)\n", "  Downloading aiohttp.whl\n"]
    assert bootstrap.doing([]) == "beginning"
    assert bootstrap.doing(lines) == "aiohttp==3.14.5 (1)"
    assert bootstrap.doing([*lines, "Installing collected packages: x\n"]) == (
        "putting them in place"
    )


def test_failed_installation_shows_why(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="1"):
        bootstrap.attend([sys.executable, "-c", "raise SystemExit('no such hash')"], "Installing")
    assert "no such hash" in capsys.readouterr().err


def test_every_target_explains_itself() -> None:
    root = Path(bootstrap.__file__).parent.parent
    shown = subprocess.run(
        ["make", "-s", "help"], cwd=root, capture_output=True, text=True, check=True
    ).stdout
    for target in ("run", "call", "test", "lint", "test-e2e", "bench", "containers", "setup"):
        assert f"make {target} " in shown
