"""`polri110 asterisk`: writes a configuration, or says in one line what is missing."""

from pathlib import Path

import pytest

from ari_app.render_commands import app
from routing.directory import Desk, Directory, Level, Unit
from routing.snapshot import save_snapshot


@pytest.fixture
def node(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A node's data directory with a directory of its own."""
    directory = Directory.of(
        [
            Unit("mabes", "Mabes Polri", Level.MABES, None),
            Unit("polda-12", "Polda Sumatera Utara", Level.POLDA, "mabes"),
        ],
        [
            Desk("mabes-desk1", "mabes", contact="sip:10.0.0.1"),
            Desk("polda-12-desk1", "polda-12"),
        ],
    )
    save_snapshot(directory, tmp_path / "directory.json")
    monkeypatch.setenv("POLRI110_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("POLRI110_ARI_PASSWORD", "secret")
    monkeypatch.setenv("POLRI110_ARI_URL", "http://127.0.0.1:8099")
    monkeypatch.setenv("POLRI110_TRUNK_UNITS", '{"trunk-a": "polda-12"}')
    return tmp_path


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        app(arguments)
    return int(end.value.code or 0)


def test_render_writes_the_node_of_the_settings(
    node: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    etc = node / "etc"
    trunk = ["--trunk", "trunk-a=10.1.2.3,10.1.2.4", "--trunk", "trunk-b=10.2.0.0/24"]
    assert run("render", "--target", str(etc), *trunk, "--sip", "10.0.0.9:5080") == 0
    assert "bind=10.0.0.9:5080" in (etc / "generated" / "transport.conf").read_text()
    assert "bindport=8099" in (etc / "generated" / "http.conf").read_text()
    assert "match=10.2.0.0/24" in (etc / "generated" / "trunks.conf").read_text()
    assert (etc / "extensions.conf").exists()
    assert (etc / "dialplan" / "20-escalate.conf").exists()
    assert "1 desks have neither a contact nor a password" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--trunk", "trunk-a"], "not NAME=ADDRESS"),
        (["--trunk", "trunk-a=example"], "example"),
        (["--trunk", "trunk-a=10.1.2.3", "--rtp", "10000"], "FIRST-LAST"),
    ],
)
def test_a_wrong_option_is_named(
    node: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], says: str
) -> None:
    assert run("render", "--target", str(node / "etc"), *arguments) == 2
    error = capsys.readouterr().err
    assert says in error
    assert len(error.strip().splitlines()) == 1


def test_without_an_ari_password_nothing_is_written(
    node: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("POLRI110_ARI_PASSWORD")
    assert run("render", "--target", str(node / "etc"), "--trunk", "t=10.1.1.1") == 2
    assert "POLRI110_ARI_PASSWORD" in capsys.readouterr().err
    assert not (node / "etc").exists()


def test_a_missing_program_is_named_with_its_package(
    node: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(node))
    assert run("prompts", str(node / "sounds")) == 1
    assert "apt-get install espeak-ng sox" in capsys.readouterr().err
