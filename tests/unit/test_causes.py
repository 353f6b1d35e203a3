"""What Asterisk's causes mean for a desk's leg."""

import pytest

from ari_app.call.state import LegEnd
from ari_app.causes import leg_end


@pytest.mark.parametrize(
    ("cause", "sip", "end"),
    [
        (17, 486, LegEnd.BUSY),
        (21, 603, LegEnd.DECLINED),
        (19, 480, LegEnd.UNREACHABLE),
        (17, None, LegEnd.BUSY),
        (20, None, LegEnd.UNREACHABLE),
        (16, 200, LegEnd.HUNG_UP),
        (127, None, LegEnd.FAILED),
    ],
)
def test_the_sip_status_says_more_than_the_cause(cause: int, sip: int | None, end: LegEnd) -> None:
    assert leg_end(cause, sip) is end
