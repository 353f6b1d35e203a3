"""P-Access-Network-Info: the cell that a header names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.sources.pani import Cell, Radio, parse, parse_identity

LTE = Cell(Radio.LTE, 510, 10, 0x1A2B, 0x254AF11)


@pytest.mark.parametrize(
    ("header", "cell"),
    [
        ("3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=510101A2B254AF11", LTE),
        ("3GPP-E-UTRAN-TDD; utran-cell-id-3gpp=510101a2b254af11", LTE),
        ('3gpp-e-utran-fdd; UTRAN-CELL-ID-3GPP="510101A2B254aF11" ', LTE),
        (
            "3GPP-NR-TDD;utran-cell-id-3gpp=51010001A2B123456789",
            Cell(Radio.NR, 510, 10, 0x1A2B, 0x123456789),
        ),
        (
            "3GPP-UTRAN-FDD;utran-cell-id-3gpp=5101112340ABCDEF",
            Cell(Radio.UMTS, 510, 11, 0x1234, 0x0ABCDEF),
        ),
        ("3GPP-GERAN;cgi-3gpp=5100100AB12CD", Cell(Radio.GSM, 510, 1, 0xAB, 0x12CD)),
        (
            "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=3104101A2B254AF11",
            Cell(Radio.LTE, 310, 410, 0x1A2B, 0x254AF11),
        ),
        (
            "IEEE-802.11;i-wlan-node-id=ffeeddccbbaa, 3GPP-GERAN;cgi-3gpp=5100100AB12CD",
            Cell(Radio.GSM, 510, 1, 0xAB, 0x12CD),
        ),
    ],
)
def test_a_cell_is_read(header: str, cell: Cell) -> None:
    assert parse(header) == cell


def test_what_the_network_wrote_is_taken_before_what_the_phone_wrote() -> None:
    cell = parse(
        "3GPP-GERAN;cgi-3gpp=5100100AB12CD,"
        "3GPP-E-UTRAN-FDD;network-provided;utran-cell-id-3gpp=510101A2B254AF11"
    )
    assert cell == Cell(Radio.LTE, 510, 10, 0x1A2B, 0x254AF11, network_provided=True)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "3GPP-E-UTRAN-FDD",
        "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=",
        "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=510101A2B254AF1",
        "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=51010XA2B254AF11",
        "3GPP-E-UTRAN-FDD;utran-cell-id-3gpp=51010+A2B254AF11",
        "3GPP-GERAN;cgi-3gpp=\u0665\u0661\u06600100AB12CD",
        "IEEE-802.11;i-wlan-node-id=ffeeddccbbaa",
        ";;;,,,===",
    ],
)
def test_a_header_without_a_cell_names_none(header: str) -> None:
    assert parse(header) is None


@given(st.text() | st.text(alphabet='3GP-EUTRAN;=,"0123456789abcdef \\', max_size=200))
@settings(deadline=None)
def test_no_header_whatever_raises(header: str) -> None:
    parse(header)


@given(
    st.sampled_from(["E-UTRAN-FDD", "NR", "UTRAN-TDD", "GERAN"]),
    st.integers(0, 2**36 - 1),
    st.integers(0, 2**16 - 1),
)
@settings(deadline=None)
def test_every_cell_that_is_written_is_read_back(access: str, cell: int, area: int) -> None:
    digits = {"E-UTRAN-FDD": (4, 7), "NR": (6, 9), "UTRAN-TDD": (4, 7), "GERAN": (4, 4)}[access]
    cell %= 16 ** digits[1]
    name = "cgi-3gpp" if access == "GERAN" else "utran-cell-id-3gpp"
    read = parse(f"3GPP-{access}; {name}=51089{area:0{digits[0]}x}{cell:0{digits[1]}X}")
    assert read is not None
    assert (read.mcc, read.mnc, read.area, read.cell) == (510, 89, area, cell)


def test_a_cell_beside_the_identity_is_read_and_its_radio_told_by_its_length() -> None:
    uri = "<sip:+6281234567890@ims.example;{}>;screen=yes".format
    lte = parse_identity(uri("utran-cell-id-3gpp=510101A2B254AF11"))
    assert [cell.radio for cell in lte] == [Radio.LTE, Radio.UMTS]
    assert (lte[0].area, lte[0].cell) == (0x1A2B, 0x254AF11)
    (nr,) = parse_identity(uri("utran-cell-id-3gpp=51010123456ABCDEF012"))
    (gsm,) = parse_identity(uri("cgi-3gpp=5101000AA1234"))
    assert (nr.radio, gsm.radio) == (Radio.NR, Radio.GSM)
    assert parse_identity(uri("user=phone")) == ()


@given(st.text(alphabet=';=utran-cell-id-3gpp0123456789abcdef" ', max_size=200))
@settings(deadline=None)
def test_no_identity_whatever_raises(header: str) -> None:
    parse_identity(header)
    parse_identity(f";utran-cell-id-3gpp={header}")
