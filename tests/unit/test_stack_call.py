"""What `make call` asks for, and the lines in which it tells a call."""

import json
from pathlib import Path

import pytest

from stack.call import Wish, running_service
from stack.live_story import line
from stack.process import StackError
from stack.run import only_one


def test_without_wishes_medan_is_called_from() -> None:
    wish = Wish.of({})
    assert wish.location == (3.5952, 98.6722)
    assert wish.number == "+6281234567890"
    assert "<gml:pos>3.5952 98.6722</gml:pos>" in wish.invite().text().replace(
        "\\x3c", "<"
    ).replace("\\x3e", ">")


def test_an_empty_latitude_means_no_location() -> None:
    wish = Wish.of({"LAT": "", "FROM": "0812"})
    assert wish.location is None
    assert "Geolocation" not in wish.invite().text()
    assert "sip:0812@" in wish.invite().text()


def test_what_is_no_number_is_said_in_one_line() -> None:
    with pytest.raises(StackError, match="are numbers"):
        Wish.of({"LAT": "three"})


def test_a_call_needs_a_running_service(tmp_path: Path) -> None:
    with pytest.raises(StackError, match="make run"):
        running_service(tmp_path)
    with only_one(tmp_path):
        with pytest.raises(StackError, match="still starting"):
            running_service(tmp_path)
        (tmp_path / "run.json").write_text(json.dumps({"sip_port": 5060}))
        assert running_service(tmp_path) == {"sip_port": 5060}
        with pytest.raises(StackError, match="runs already"), only_one(tmp_path):
            pass
    with pytest.raises(StackError, match="make run"):
        running_service(tmp_path)


def test_events_are_told_as_lines() -> None:
    fix = {"lat": 3.5952, "lon": 98.6722, "uncertainty_m": 35, "source": "pidf_lo"}
    located = {"fix": fix, "polres": "polres-1271", "distance_km": 0.5, "ambiguous": False}
    told = line("located", located)
    assert told is not None
    assert "3.59520, 98.67220 within 35 m" in told
    assert "polres-1271" in told
    refused = line("located", {"fix": None, "rejected": [{"fault": "null_island"}]})
    assert refused is not None
    assert "null_island" in refused
    assert line("checked", {"verdict": "pass"}) is None
    assert line("leg_dialled", {}) is None
    assert line("ended", {"outcome": "connected", "by": "caller"}) == (
        "outcome: connected, ended by caller"
    )
