"""Caller numbers: however it is written, one number; whatever is sent, no exception."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blocklist.number import LONGEST_RAW, NumberKind, identify, read

ONE_MOBILE = [
    "081234567890",
    "6281234567890",
    "+6281234567890",
    "81234567890",
    "0812-3456-7890",
    "+62 812 3456 7890",
    "62812.3456.7890",
    "+62 (0)812 3456 7890",
    "006281234567890",
    "0062 812 3456 7890",
    "001 62 812 3456 7890",
    "00862 81234567890",
    " 081234567890 ",
]


@pytest.mark.parametrize("written", ONE_MOBILE)
def test_one_number_however_it_is_written(written: str):
    number = identify(written)
    assert (number.e164, number.key) == ("+6281234567890", 6281234567890)
    assert number.kind is NumberKind.MOBILE


@pytest.mark.parametrize(
    ("written", "e164", "kind"),
    [
        ("(021) 5000 1234", "+622150001234", NumberKind.FIXED),
        ("0061 2 9374 4000", "+61293744000", NumberKind.FOREIGN),
        ("0012125551234", "+12125551234", NumberKind.FOREIGN),
        ("001 44 20 7946 0958", "+442079460958", NumberKind.FOREIGN),
        ("+6591234567", "+6591234567", NumberKind.FOREIGN),
        ("62812345", None, NumberKind.INVALID),
        ("+62812345", None, NumberKind.INVALID),
        ("5551234", None, NumberKind.INVALID),
        ("+", None, NumberKind.INVALID),
        ("+0", None, NumberKind.INVALID),
        ("٠٨١٢٣٤٥٦٧٨٩٠", None, NumberKind.INVALID),
        ("08123456ABCD", None, NumberKind.INVALID),
        ("+6281234567890x99", None, NumberKind.INVALID),
        ("🚓🚓🚓", None, NumberKind.INVALID),
        ("'; DROP TABLE calls; --", None, NumberKind.INVALID),
        ('"quoted" <x>', None, NumberKind.INVALID),
        ("9" * 300, None, NumberKind.INVALID),
        ("110", None, NumberKind.SHORT),
        ("14045", None, NumberKind.SHORT),
        ("", None, NumberKind.ANONYMOUS),
        ("0", None, NumberKind.ANONYMOUS),
        ("anonymous", None, NumberKind.ANONYMOUS),
        ("Unknown", None, NumberKind.ANONYMOUS),
        ("RESTRICTED", None, NumberKind.ANONYMOUS),
    ],
)
def test_what_is_sent_is_read_as_what_it_is(written: str, e164: str | None, kind: NumberKind):
    number = identify(written)
    assert (number.e164, number.kind) == (e164, kind)
    assert number.key == (None if e164 is None else int(e164))


def test_an_asserted_identity_is_preferred_over_from():
    number = identify(
        num="+628999999999",
        pres="allowed",
        from_user="+628999999999",
        pai='"Budi <sip:+628777777777@x>" <sip:+6281234567890;npdi@ims.example;user=phone>',
    )
    assert number.e164 == "+6281234567890"
    assert number.asserted
    assert not number.withheld


def test_the_first_asserted_identity_that_is_a_number_is_taken():
    number = identify("", pai="<sip:alice@example.org>, <tel:+62-812-3456-7890>")
    assert (number.e164, number.asserted) == ("+6281234567890", True)


def test_an_asserted_identity_that_is_no_number_leaves_the_number_sent():
    number = identify("081234567890", pai="<sip:alice@example.org>")
    assert (number.e164, number.asserted) == ("+6281234567890", False)


def test_a_withheld_number_that_the_trunk_asserts_is_known_and_stays_withheld():
    number = identify(
        num="081234567890",
        pres="prohib_not_screened",
        from_user="anonymous",
        pai="<sip:+6281234567890@x>",
    )
    assert (number.e164, number.withheld, number.asserted) == ("+6281234567890", True, True)


def test_an_anonymous_caller_whom_nobody_asserts_has_no_number():
    number = identify(num="anonymous", pres="prohib", from_user="anonymous")
    assert (number.e164, number.key, number.withheld) == (None, None, True)
    assert number.kind is NumberKind.ANONYMOUS


def test_a_plain_call_is_not_withheld():
    assert not identify("081234567890").withheld
    assert not identify("081234567890", "allowed_not_screened", "081234567890").withheld


@given(st.text(max_size=400), st.text(max_size=40), st.text(max_size=400), st.text(max_size=2000))
def test_nothing_that_is_sent_makes_it_raise(num: str, pres: str, from_user: str, pai: str):
    number = identify(num, pres, from_user, pai)
    assert len(number.raw) <= LONGEST_RAW
    assert (number.key is None) == (number.e164 is None)


@given(st.text(alphabet="0123456789+-() ", max_size=20))
def test_what_has_a_number_is_stable_under_its_own_form(written: str):
    reading = read(written)
    if reading.e164 is not None:
        assert read(reading.e164) == reading


@given(st.from_regex(r"8[0-9]{5,12}", fullmatch=True))
def test_the_quick_reading_of_mobiles_agrees_with_phonenumbers(national: str):
    number = phonenumbers.parse(f"+62{national}")
    mobile = (
        phonenumbers.is_valid_number(number)
        and phonenumbers.number_type(number) == phonenumbers.PhoneNumberType.MOBILE
    )
    assert (read(f"+62{national}").kind is NumberKind.MOBILE) == mobile
