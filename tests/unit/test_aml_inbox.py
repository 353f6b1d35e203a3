"""AML reports wait for their call, within bounds, whichever way they come."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ari_app.aml_inbox import MOST_OF_ONE, AmlInbox, AmlStatement, statement, text_statement
from ari_app.aml_limit import RateLimit
from ari_app.aml_post import AmlPost, decode, encode
from routing.geo import Fix, FixFault, Point, RejectedFix, Source
from routing.sources.aml import parse_form

NOW = datetime(2026, 7, 1, 12, tzinfo=UTC)
MEDAN = Fix(Point(3.5952, 98.6722), 20.0, Source.AML, NOW)
NUMBER = 6281234567890
SMS = 'A"ML=1;lt=+3.59520;lg=+98.67220;rd=20;top=20260701120000;lc=95;pm=G;si=510100000000000'


class Clock:
    def __init__(self) -> None:
        self.t = 0.0

    def __call__(self) -> float:
        return self.t


def test_a_report_is_kept_for_its_number_and_forgotten_in_time() -> None:
    clock = Clock()
    inbox = AmlInbox(300.0, clock)
    assert inbox.take(AmlStatement(NUMBER, MEDAN))
    assert inbox.of(NUMBER) == (MEDAN,)
    assert inbox.of(NUMBER + 1) == ()
    clock.t = 301.0
    assert inbox.of(NUMBER) == ()
    inbox.take(AmlStatement(NUMBER + 1, MEDAN))
    assert len(inbox) == 1


def test_the_same_report_over_two_ways_is_news_once() -> None:
    inbox = AmlInbox(300.0, Clock())
    assert inbox.take(AmlStatement(NUMBER, MEDAN))
    assert not inbox.take(AmlStatement(NUMBER, MEDAN))


def test_of_one_number_only_the_latest_reports_are_kept() -> None:
    inbox = AmlInbox(300.0, Clock())
    fixes = [
        Fix(Point(3.5 + n / 100, 98.6), 20.0, Source.AML, NOW + timedelta(seconds=n))
        for n in range(20)
    ]
    for fix in fixes:
        inbox.take(AmlStatement(NUMBER, fix))
    assert inbox.of(NUMBER) == tuple(fixes[-MOST_OF_ONE:])


def test_a_report_by_form_is_of_its_number_and_of_now_when_it_says_no_time() -> None:
    fields = {
        "device_number": "0812-3456-7890",
        "location_latitude": "3.5952",
        "location_longitude": "98.6722",
    }
    said = statement(parse_form(fields), now=NOW)
    assert said.key == NUMBER
    assert isinstance(said.found, Fix)
    assert said.found.at == NOW


@pytest.mark.parametrize("fields", [{}, {"device_number": "081234567890"}, {"v": "1"}])
def test_a_report_that_helps_nobody_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"of no number|without a place"):
        statement(parse_form(fields))


def test_a_text_is_of_its_sender() -> None:
    said = text_statement('"x" <sip:+6281234567890@10.0.0.1>', SMS)
    assert said is not None
    assert (said.key, said.found) == (NUMBER, MEDAN)


@given(st.text(), st.text())
def test_no_text_whatever_raises(sender: str, body: str) -> None:
    text_statement(sender, body)
    text_statement(f"sip:{sender}", f'A"ML={body}')


@pytest.mark.parametrize(
    "found", [MEDAN, RejectedFix(Source.AML, FixFault.ZERO, "lt=0", MEDAN)], ids=["fix", "rejected"]
)
def test_what_is_sent_to_another_process_comes_out_the_same(found: Fix | RejectedFix) -> None:
    said = AmlStatement(NUMBER, found)
    assert decode(encode(said)) == said


async def test_every_process_of_the_node_gets_a_report_and_a_dead_one_is_passed_over(
    tmp_path: Path,
) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)  # deeper than a socket's address may be long
    got: asyncio.Queue[tuple[str, AmlStatement]] = asyncio.Queue()
    posts = [
        AmlPost(deep, name, lambda said, name=name: got.put_nowait((name, said)))  # type: ignore[misc]
        for name in ("receiver", "app", "agi")
    ]
    for post in posts:
        post.open()
    said = AmlStatement(NUMBER, MEDAN)
    try:
        assert posts[0].send(said) == 2
        heard = {(await got.get())[0], (await got.get())[0]}
        assert heard == {"app", "agi"}
        assert posts[2]._socket is not None
        asyncio.get_running_loop().remove_reader(posts[2]._socket)
        posts[2]._socket.close()  # as when its process is killed: the file stays
        posts[2]._socket = None
        assert posts[0].send(said) == 1
    finally:
        for post in posts:
            post.close()


def test_a_sender_is_let_through_at_its_rate_and_others_are_not_touched() -> None:
    clock = Clock()
    limit = RateLimit(1.0, 2.0, clock)
    assert [limit.passes("a") for _ in range(3)] == [True, True, False]
    assert limit.passes("b")
    clock.t = 1.0
    assert [limit.passes("a") for _ in range(2)] == [True, False]
