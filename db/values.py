"""What an event says -> what a column can hold; anything else is None."""

import math
from typing import Any

LARGEST_NUMBER = 10**15 - 1  # E.164: 15 digits
_LARGEST_INT = 2**31 - 1


def as_text(value: Any) -> str | None:
    """Text; numbers as their digits. Postgres' text holds no NUL."""
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return None


def as_float(value: Any) -> float | None:
    """A finite number."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        number = float(value) if abs(value) < 1e300 else math.inf
        return number if math.isfinite(number) else None
    return None


def as_int(value: Any, largest: int = _LARGEST_INT) -> int | None:
    """A whole number that a column of that size holds."""
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) <= largest:
        return value
    return None


def as_number(value: Any) -> int | None:
    """E.164 with or without its plus sign -> the number as an integer."""
    if not isinstance(value, str):
        return None
    digits = value.removeprefix("+")
    if not (digits.isascii() and digits.isdigit()):
        return None
    number = int(digits) if len(digits) <= 15 else 0
    return number if 0 < number <= LARGEST_NUMBER else None


def is_true(value: Any) -> bool | None:
    """A truth value, where one was given."""
    return value if isinstance(value, bool) else None
