"""A directory refuses to contradict itself."""

from dataclasses import replace

import pytest

from routing.directory import Desk, Directory, DirectoryError, Level, Unit, UnknownUnitError

MABES = Unit("mabes", "Mabes Polri", Level.MABES, None)
POLDA = Unit("polda-12", "Polda Sumatera Utara", Level.POLDA, "mabes")
POLRES = Unit("polres-1271", "Polrestabes Medan", Level.POLRES, "polda-12")
LAST = Desk("mabes-desk1", "mabes")


def test_the_chain_of_a_polres_ends_at_mabes() -> None:
    directory = Directory.of([POLRES, MABES, POLDA], [LAST])
    assert directory.chain("polres-1271") == (POLRES, POLDA, MABES)
    assert directory.parent("polda-12") is MABES
    assert directory.parent("mabes") is None
    assert directory.at(Level.POLRES) == (POLRES,)


def test_a_disabled_desk_is_kept_and_not_rung() -> None:
    off = Desk("polres-1271-desk1", "polres-1271", enabled=False)
    directory = Directory.of([MABES, POLDA, POLRES], [LAST, off])
    assert directory.desks("polres-1271") == (off,)
    assert directory.enabled_desks("polres-1271") == ()
    assert not directory.can_ring("polres-1271")


def test_an_unknown_unit_is_named() -> None:
    with pytest.raises(UnknownUnitError, match="polres-9999"):
        Directory.of([MABES], [LAST]).unit("polres-9999")


@pytest.mark.parametrize(
    ("units", "desks", "says"),
    [
        ([POLDA], [], "stands under mabes, which is no unit"),
        ([MABES, MABES], [LAST], "mabes is listed twice"),
        ([MABES], [LAST, LAST], "mabes-desk1 is listed twice"),
        ([MABES], [LAST, Desk("x", "polres-1")], "belongs to polres-1"),
        ([MABES, replace(POLRES, parent="mabes")], [LAST], "stands under mabes, a mabes"),
        ([MABES, replace(POLDA, level=Level.MABES)], [LAST], "only mabes"),
        ([], [], "no unit mabes"),
        ([MABES], [], "last rung"),
        ([MABES], [replace(LAST, enabled=False)], "last rung"),
        ([replace(MABES, opened=False)], [LAST], "last rung"),
        ([replace(MABES, connected=False)], [LAST], "last rung"),
    ],
)
def test_a_contradiction_is_refused_and_named(
    units: list[Unit], desks: list[Desk], says: str
) -> None:
    with pytest.raises(DirectoryError, match=says):
        Directory.of(units, desks)


def test_a_password_is_not_printed() -> None:
    assert "sesame" not in repr(Desk("d", "mabes", password="sesame"))
