"""When arriving calls are handed to the dialplan."""

import pytest

from ari_app.load import Load, LoadGate, LoadLimits

LIMITS = LoadLimits(event_seconds=0.15, requests=40, calls_in_setup=200, hold_seconds=1.0)
IDLE = Load(0.001, 1, 3)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_an_idle_service_conducts_its_calls() -> None:
    assert LoadGate(LIMITS, Clock()).reason(IDLE) is None


@pytest.mark.parametrize(
    ("load", "reason"),
    [
        (Load(0.2, 1, 1), "events 200 ms late"),
        (Load(0.0, 41, 1), "41 requests unanswered"),
        (Load(0.0, 1, 201), "201 calls in set-up"),
    ],
)
def test_each_sign_of_overload_hands_calls_over(load: Load, reason: str) -> None:
    assert LoadGate(LIMITS, Clock()).reason(load) == reason


def test_after_the_first_sign_calls_are_handed_over_until_asterisk_has_recovered() -> None:
    clock = Clock()
    gate = LoadGate(LIMITS, clock)
    gate.reason(Load(0.2, 1, 1))
    clock.now += 0.9
    assert gate.reason(IDLE) == "events 200 ms late"
    clock.now += 0.2
    assert gate.reason(IDLE) is None
