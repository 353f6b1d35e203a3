"""Who calls: what the trunk says of the caller -> one number in E.164, or why there is none.

Nothing that a caller can put into an INVITE makes this raise. A number is only as true as the
trunk: an asserted identity (P-Asserted-Identity, RFC 3325) is preferred over From.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import unquote

import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberType

LONGEST_RAW = 300
_REGION = "ID"
_COUNTRY = "62"


class NumberKind(StrEnum):
    """What sort of number it is; only the first three and FOREIGN have an E.164 form."""

    MOBILE = "mobile"
    FIXED = "fixed"
    FOREIGN = "foreign"
    SHORT = "short"  # a service's code: nobody's own number
    ANONYMOUS = "anonymous"  # nothing was sent: no identity, never counted as one number
    INVALID = "invalid"  # something was sent that is no number


@dataclass(frozen=True, slots=True)
class Number:
    """A caller's number.

    e164 has its plus sign, key is the same as an integer (what block list and tables go by); both
    are None for the kinds that name nobody. raw is what was sent, cut to 300 characters. withheld:
    the caller asked not to be shown. asserted: the trunk vouches for it.
    """

    e164: str | None
    key: int | None
    raw: str
    withheld: bool
    asserted: bool
    kind: NumberKind


@dataclass(frozen=True, slots=True)
class Reading:
    """One text read as a number."""

    kind: NumberKind
    key: int | None = None

    @property
    def e164(self) -> str | None:
        """With the plus sign."""
        return None if self.key is None else f"+{self.key}"


def identify(num: str, pres: str = "", from_user: str = "", pai: str = "") -> Number:
    """The caller's number from the facts of the INVITE.

    num is CALLERID(num), pres CALLERID(pres) ("allowed...", "prohib...", "unavailable"), from_user
    the user part of From, pai the P-Asserted-Identity header, which may name several URIs.
    """
    withheld = pres.startswith("prohib") or from_user.strip().lower() in _WITHHOLDING
    asserted = _asserted(pai)
    if asserted is not None:
        raw, reading = asserted
        return Number(reading.e164, reading.key, raw, withheld, True, reading.kind)
    raw = num.strip() or from_user.strip()
    reading = read(raw)
    if reading.key is None and from_user:
        other = read(from_user)
        if other.key is not None:
            raw, reading = from_user, other
    return Number(reading.e164, reading.key, raw[:LONGEST_RAW], withheld, False, reading.kind)


def read(text: str) -> Reading:
    """Read one text as a number dialled or written in Indonesia."""
    # By far the most frequent form, and phonenumbers takes 50 times as long.
    plain = _PLAIN_MOBILE.fullmatch(text)
    if plain is not None:
        return Reading(NumberKind.MOBILE, int(_COUNTRY + plain[1]))
    return _read_any(text[:LONGEST_RAW])


_PLAIN_MOBILE = re.compile(r"(?:\+?62|0)(8[1-35-9][0-9]{7,10})")  # as phonenumbers' own for ID
_NOBODY = frozenset(
    {
        "",
        "0",
        "anonymous",
        "unknown",
        "unavailable",
        "restricted",
        "private",
        "withheld",
        "asterisk",
    }
)
_WITHHOLDING = frozenset({"anonymous", "restricted", "private", "withheld"})
_SEPARATORS = str.maketrans("", "", " -.()/\t\u00a0\u2010\u2011\u2012\u2013")
_DIGITS = re.compile(r"\+?[0-9]+", re.ASCII)
_ABROAD = ("001", "007", "008", "00")  # Indonesia's prefixes for calls abroad, and the world's
_SHORTEST_E164, _LONGEST_E164, _LONGEST_SHORT = 7, 15, 6
_FIXED_OR_MOBILE = {PhoneNumberType.MOBILE: NumberKind.MOBILE}


@lru_cache(maxsize=4096)
def _read_any(text: str) -> Reading:
    word = text.strip().lower()
    digits = word.translate(_SEPARATORS)
    if word in _NOBODY or digits in _NOBODY:
        return Reading(NumberKind.ANONYMOUS)
    if not _DIGITS.fullmatch(digits):
        return Reading(NumberKind.INVALID)
    for candidate in _candidates(digits):
        reading = _valid(candidate)
        if reading is not None:
            return reading
    short = len(digits) <= _LONGEST_SHORT and digits[0] not in "+0"
    return Reading(NumberKind.SHORT if short else NumberKind.INVALID)


def _candidates(digits: str) -> list[str]:
    """The international forms that the digits may mean, most likely first, without plus."""
    if digits.startswith("+"):
        return [_without_trunk_zero(digits[1:])]
    abroad = [digits[len(prefix) :] for prefix in _ABROAD if digits.startswith(prefix)]
    if abroad:
        return [_without_trunk_zero(rest) for rest in abroad]
    if digits.startswith("0"):
        return [_COUNTRY + digits[1:]]
    if digits.startswith(_COUNTRY):
        return [_without_trunk_zero(digits)]
    return [_COUNTRY + digits, digits]


def _without_trunk_zero(digits: str) -> str:
    """+62 (0)812... is written often."""
    trunk = _COUNTRY + "0"
    return _COUNTRY + digits[len(trunk) :] if digits.startswith(trunk) else digits


def _valid(digits: str) -> Reading | None:
    if not _SHORTEST_E164 <= len(digits) <= _LONGEST_E164:
        return None
    try:
        number = phonenumbers.parse("+" + digits)
    except NumberParseException:
        return None
    if number.country_code != int(_COUNTRY):
        # Foreign numbering plans change faster than this table: possible is enough.
        possible = phonenumbers.is_possible_number(number)
        return Reading(NumberKind.FOREIGN, int(digits)) if possible else None
    if not phonenumbers.is_valid_number_for_region(number, _REGION):
        return None
    kind = phonenumbers.number_type(number)
    return Reading(_FIXED_OR_MOBILE.get(kind, NumberKind.FIXED), int(digits))


_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"')
_URI_USER = re.compile(r"(?:sips?|tel):([^@;>?,\s]*)", re.IGNORECASE)


def _asserted(pai: str) -> tuple[str, Reading] | None:
    """The first URI of P-Asserted-Identity that is a number."""
    if not pai:
        return None
    for user in _URI_USER.findall(_QUOTED.sub("", pai[: LONGEST_RAW * 4])):
        raw = unquote(user)[:LONGEST_RAW]
        reading = read(raw)
        if reading.key is not None:
            return raw, reading
    return None
