"""AML by SMS and by HTTPS fields; every field may be missing."""

import base64
import hashlib
import hmac
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from routing.geo import Fix, FixFault, Point, RejectedFix, Source
from routing.sources.aml import AmlReport, is_signed, parse_form, parse_sms

SMS = (
    'A"ML=1;lt=+03.59520;lg=+098.67220;rd=14;top=20260105031748;lc=68;pm=W;'
    "si=510100000000001;ei=123456789012345;mcc=510;mnc=10;ml=126"
)
FORM = {
    "v": "1",
    "emergency_number": "110",
    "location_latitude": "3.5952",
    "location_longitude": "98.6722",
    "location_time": "1767583068000",
    "location_accuracy": "20.5",
    "location_confidence": "0.95",
    "location_source": "GPS",
    "device_number": "+6281234567890",
    "device_imsi": "510100000000001",
    "device_imei": "123456789012345",
}


def fix_of(report: AmlReport | None) -> Fix:
    assert report is not None
    assert isinstance(report.fix, Fix)
    return report.fix


def fault_of(report: AmlReport | None) -> FixFault:
    assert report is not None
    assert isinstance(report.fix, RejectedFix)
    return report.fix.fault


def test_an_sms_is_read() -> None:
    report = parse_sms(SMS)
    assert report is not None
    assert (report.imsi, report.imei) == ("510100000000001", "123456789012345")
    assert (report.method, report.number) == ("wifi", None)
    fix = fix_of(report)
    assert fix.point == Point(3.5952, 98.6722)
    assert fix.source is Source.AML
    assert fix.at == datetime(2026, 1, 5, 3, 17, 48, tzinfo=UTC)


def test_a_radius_at_68_percent_is_widened_to_95() -> None:
    assert fix_of(parse_sms(SMS)).uncertainty_m == pytest.approx(14 * 1.6216, rel=1e-3)
    assert fix_of(parse_sms(SMS.replace("lc=68", "lc=95"))).uncertainty_m == 14
    assert fix_of(parse_sms(SMS.replace("lc=68;", ""))).uncertainty_m == 14
    assert fix_of(parse_sms(SMS.replace("lc=68", "lc=0"))).uncertainty_m == 14
    assert fix_of(parse_sms(SMS.replace("lc=68", "lc=100"))).uncertainty_m == 14


def test_a_phone_without_a_fix_never_routes_to_zero() -> None:
    none = 'A"ML=1;lt=+00.00000;lg=+000.00000;rd=N;top=20260105031748;lc=0;pm=N;si=510100000000001'
    report = parse_sms(none)
    assert fault_of(report) is FixFault.ZERO
    assert report is not None
    assert (report.method, report.imsi) == ("none", "510100000000001")


@pytest.mark.parametrize(
    ("was", "becomes", "fault"),
    [
        ("lt=+03.59520", "lt=north", FixFault.MALFORMED),
        ("lt=+03.59520", "lt=+51.53321", FixFault.OUTSIDE_INDONESIA),
        ("lt=+03.59520;lg=+098.67220", "lt=+98.67220;lg=+003.59520", FixFault.SWAPPED),
        ("lg=+098.67220;", "", FixFault.MALFORMED),
    ],
)
def test_a_place_that_cannot_be_is_kept_and_named(was: str, becomes: str, fault: FixFault) -> None:
    assert fault_of(parse_sms(SMS.replace(was, becomes))) is fault


def test_a_cut_sms_gives_what_it_has() -> None:
    fix = fix_of(parse_sms(SMS[:35]))
    assert (fix.point, fix.uncertainty_m, fix.at) == (Point(3.5952, 98.6722), 0.0, None)


def test_another_sms_is_no_aml() -> None:
    assert parse_sms("Tolong, ada kebakaran") is None
    assert parse_sms("") is None


def test_a_form_is_read() -> None:
    report = parse_form(FORM)
    assert report == AmlReport(
        fix=Fix(
            Point(3.5952, 98.6722),
            20.5,
            Source.AML,
            datetime(2026, 1, 5, 3, 17, 48, tzinfo=UTC),
        ),
        number="+6281234567890",
        imsi="510100000000001",
        imei="123456789012345",
        method="gps",
    )


def test_the_older_name_of_confidence_is_read() -> None:
    fields = {key: value for key, value in FORM.items() if key != "location_confidence"}
    fix = fix_of(parse_form({**fields, "location_certainty": "68"}))
    assert fix.uncertainty_m == pytest.approx(20.5 * 1.6216, rel=1e-3)


@pytest.mark.parametrize("missing", FORM)
def test_a_form_may_lack_any_field(missing: str) -> None:
    report = parse_form({key: value for key, value in FORM.items() if key != missing})
    if missing in {"location_latitude", "location_longitude"}:
        assert fault_of(report) is FixFault.MALFORMED
    else:
        assert fix_of(report).point == Point(3.5952, 98.6722)


def test_an_empty_form_says_nothing() -> None:
    assert parse_form({}) == AmlReport(fix=None)


def test_a_signed_body_is_known_by_its_key() -> None:
    body = b"v=1&location_latitude=3.5952&device_number=%2B62812"
    for algorithm in ("sha1", "sha256"):
        digest = hmac.new(b"key", body, getattr(hashlib, algorithm)).digest()
        for written in (digest.hex().encode(), base64.b64encode(digest).replace(b"=", b"%3D")):
            assert is_signed(body + b"&hmac=" + written, b"key", algorithm)
            assert not is_signed(body + b"&hmac=" + written, b"other", algorithm)
            assert not is_signed(b"x" + body + b"&hmac=" + written, b"key", algorithm)
    assert not is_signed(body, b"key")
    assert not is_signed(body + b"&hmac=", b"key")


pieces = st.sampled_from(["lt", "lg", "rd", "top", "lc", "pm", "si", "="]) | st.text(max_size=6)


@given(st.lists(st.builds("{}={}".format, pieces, pieces), max_size=8).map(";".join))
@settings(deadline=None)
def test_no_sms_whatever_raises(text: str) -> None:
    report = parse_sms('A"ML=1;' + text)
    assert report is not None
    assert not isinstance(report.fix, Fix) or report.fix.uncertainty_m >= 0


@given(
    st.dictionaries(
        st.sampled_from([*FORM, "location_certainty"]),
        st.text(max_size=20) | st.floats().map(str) | st.integers().map(str),
    )
)
@settings(deadline=None)
def test_no_form_whatever_raises(fields: dict[str, str]) -> None:
    parse_form(fields)


@given(st.binary(), st.binary(min_size=1))
@settings(deadline=None)
def test_no_body_whatever_raises(body: bytes, key: bytes) -> None:
    assert not is_signed(body + b"&hmac=00", key)
