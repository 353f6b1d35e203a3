"""One number's state on the block list."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Change:
    """A number (E.164 as an integer) is blocked or is not.

    ends_at is epoch seconds, None for a block for good.
    """

    key: int
    blocked: bool
    ends_at: float | None = None
