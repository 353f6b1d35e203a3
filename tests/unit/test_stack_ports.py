"""Ports that several runs on one machine never share."""

import socket
from pathlib import Path

import pytest

from stack.ports import Ports, free
from stack.process import StackError


def test_two_runs_never_have_the_same_port(tmp_path: Path) -> None:
    one, other = Ports(tmp_path), Ports(tmp_path)
    preferred = one.any()
    one.close()
    assert one.one("x", preferred) == preferred
    assert other.one("x", preferred) != preferred
    mine, theirs = one.block(300), other.block(300)
    assert len(mine) == len(theirs) == 300
    assert not set(mine) & set(theirs)
    one.close()
    assert other.one("x", preferred) == preferred
    other.close()


@pytest.mark.parametrize("kind", [socket.SOCK_STREAM, socket.SOCK_DGRAM])
def test_a_port_that_another_program_uses_is_not_taken(
    tmp_path: Path, kind: socket.SocketKind
) -> None:
    ports = Ports(tmp_path)
    with socket.socket(socket.AF_INET, kind) as used:
        used.bind(("127.0.0.1", 0))
        port = used.getsockname()[1]
        assert not free(port)
        assert ports.one("x", port) != port
    ports.close()


def test_the_environment_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ports = Ports(tmp_path)
    wanted = ports.any()
    monkeypatch.setenv("POLRI110_SIP_PORT", str(wanted))
    with pytest.raises(StackError, match=rf"Port {wanted} \(POLRI110_SIP_PORT\) is in use"):
        ports.one("sip", 5060)
    ports.close()
    assert ports.one("sip", 5060) == wanted
    ports.close()
    monkeypatch.setenv("POLRI110_SIP_PORT", "sip")
    with pytest.raises(StackError, match="give a number"):
        ports.one("sip")
