"""Advanced Mobile Location (ETSI TS 103 625): the phone's own fix, sent beside the call.

It comes as an SMS (`A"ML=1;lt=+51.53321;lg=-0.12601;rd=14;top=20220131171748;lc=68;pm=W;...`) or as
the fields of an HTTPS POST, every one of them optional. Here the text is read; matching a report to
its call, by number or IMSI, is the receiver's work.
"""

import base64
import binascii
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from math import log, sqrt

from routing.geo import Fix, FixFault, Point, RejectedFix, Source
from routing.sources.check import checked, number, rejected

_LONGEST_SMS = 1_000
_METHODS = {"G": "gnss", "W": "wifi", "C": "cell", "N": "none"}


@dataclass(frozen=True, slots=True)
class AmlReport:
    """One report: its fix (None where it says nothing of a place) and whose it is.

    number is as sent; imsi and imei are digits; method is how the phone located itself.
    """

    fix: Fix | RejectedFix | None
    number: str | None = None
    imsi: str | None = None
    imei: str | None = None
    method: str | None = None


def parse_sms(text: str) -> AmlReport | None:
    """Read an SMS (TS 103 625, clause 6); None where it is no AML. Never raises."""
    head, *parts = text.strip()[:_LONGEST_SMS].split(";")
    if not head.startswith('A"ML='):
        return None
    fields = {
        key.strip().lower(): value.strip() for key, _, value in (p.partition("=") for p in parts)
    }
    code = fields.get("pm", "").upper()
    located = {"lt", "lg"} & fields.keys()
    return AmlReport(
        fix=_fix(
            text,
            fields.get("lt", ""),
            fields.get("lg", ""),
            fields.get("rd", ""),
            fields.get("lc", ""),
            _sms_time(fields.get("top", "")),
        )
        if located
        else None,
        imsi=_digits(fields.get("si")),
        imei=_digits(fields.get("ei")),
        method=_METHODS.get(code),
    )


def parse_form(fields: Mapping[str, str]) -> AmlReport:
    """Read the fields of an HTTPS POST (TS 103 625, clause 7). Never raises."""
    get = {key: value.strip() for key, value in fields.items()}.get
    lat, lon = get("location_latitude", ""), get("location_longitude", "")
    accuracy = get("location_accuracy", "")
    raw = f"location_latitude={lat}&location_longitude={lon}&location_accuracy={accuracy}"
    return AmlReport(
        fix=_fix(
            raw,
            lat,
            lon,
            accuracy,
            get("location_confidence") or get("location_certainty", ""),
            _epoch_time(get("location_time", "")),
        )
        if lat or lon
        else None,
        number=get("device_number") or None,
        imsi=_digits(get("device_imsi")),
        imei=_digits(get("device_imei")),
        method=get("location_source", "").lower()[:20] or None,
    )


def is_signed(body: bytes, key: bytes, algorithm: str = "sha1") -> bool:
    """Whether the body ends in `&hmac=` and the keyed hash of all before it, as hex or base64."""
    signed, mark, given = body.rpartition(b"&hmac=")
    if not mark:
        return False
    text = given.strip().replace(b"%3D", b"=").replace(b"%2B", b"+").replace(b"%2F", b"/")
    expected = hmac.digest(key, signed, algorithm)
    candidates = []
    for decode in (binascii.unhexlify, base64.b64decode):
        try:
            candidates.append(decode(text))
        except (binascii.Error, ValueError):
            continue
    return any(hmac.compare_digest(expected, candidate) for candidate in candidates)


def _fix(
    raw: str, lat_text: str, lon_text: str, radius: str, confidence: str, at: datetime | None
) -> Fix | RejectedFix:
    lat, lon = number(lat_text), number(lon_text)
    if lat is None or lon is None:
        return rejected(Source.AML, FixFault.MALFORMED, raw)
    stated = number(radius)
    uncertainty_m = 0.0 if stated is None or not 0 <= stated < 1e8 else stated
    at_95_m = uncertainty_m * _to_95_percent(number(confidence))
    return checked(Fix(Point(lat, lon), at_95_m, Source.AML, at), raw)


def _to_95_percent(confidence: float | None) -> float:
    """How much wider the circle is that holds the phone in 95 of 100 cases (two-dimensional
    normal error); confidence is given as a share or in per cent.
    """
    if confidence is None:
        return 1.0
    share = confidence / 100 if confidence > 1 else confidence
    return sqrt(log(20) / -log(1 - share)) if 0.05 <= share < 0.95 else 1.0


def _sms_time(text: str) -> datetime | None:
    if len(text) != 14 or not (text.isascii() and text.isdecimal()):
        return None
    try:
        return datetime.strptime(text, "%Y%m%d%H%M%S").replace(tzinfo=UTC)
    except ValueError:
        return None


def _epoch_time(text: str) -> datetime | None:
    milliseconds = number(text)
    if milliseconds is None or not 0 < milliseconds < 4e12:
        return None
    return datetime.fromtimestamp(milliseconds / 1000, UTC)


def _digits(text: str | None) -> str | None:
    return text if text and text.isascii() and text.isdecimal() and len(text) <= 17 else None
