"""When arriving calls are handed to the dialplan."""

from ari_app.load import LoadGate


def gate(lag: float = 0.0, delay: float = 0.0) -> LoadGate:
    return LoadGate(lambda: lag, lambda: delay, most_lag_seconds=0.15, most_calls=200)


def test_an_idle_service_conducts_its_calls() -> None:
    assert gate().reason(calls_in_setup=3) is None


def test_late_events_hand_calls_over() -> None:
    assert gate(lag=0.2).reason(1) == "events 200 ms late"
    assert gate(delay=0.3).reason(1) == "events 300 ms late"


def test_too_many_calls_in_set_up_hand_calls_over() -> None:
    assert gate().reason(201) == "201 calls in set-up"
