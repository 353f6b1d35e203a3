"""How long the client waits between attempts to connect."""

from itertools import islice

from ari_app.client import Backoff


def test_the_wait_doubles_up_to_its_ceiling() -> None:
    backoff = Backoff(0.1, 5.0, spread=lambda least, most: (least + most) / 2)
    waits = [round(wait, 3) for wait in islice(backoff.delays(), 8)]
    assert waits == [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0]


def test_waits_are_spread_so_that_processes_do_not_knock_in_step() -> None:
    firsts = {next(Backoff(1.0).delays()) for _ in range(50)}
    assert len(firsts) > 1
    assert all(0.5 <= wait <= 1.5 for wait in firsts)
