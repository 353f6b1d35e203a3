"""AGI's words: Asterisk's are understood, anything else is refused by one error."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi.protocol import (
    COMMAND_BYTES,
    AgiError,
    Answer,
    CommandError,
    Interjection,
    answer,
    request,
    set_variable,
)

ENVIRONMENT = [
    "agi_network: yes",
    "agi_network_script: lookup",
    "agi_request: agi://127.0.0.1:4573/lookup",
    "agi_channel: PJSIP/trunk-a-00000001",
    "agi_uniqueid: 1795500784.88",
    "agi_callerid: +628123",
    "agi_arg_1: trunk=trunk-a:num=%2B628123:from=a%20b",
    "agi_arg_2: ",
]


def test_the_environment_names_verb_channel_and_arguments() -> None:
    asked = request(ENVIRONMENT)
    assert (asked.verb, asked.uniqueid) == ("lookup", "1795500784.88")
    assert asked.channel == "PJSIP/trunk-a-00000001"
    assert asked.args == ("trunk=trunk-a:num=%2B628123:from=a%20b", "")


def test_a_caller_cannot_name_the_verb_again() -> None:
    assert request([*ENVIRONMENT, "agi_network_script: report"]).verb == "lookup"


@pytest.mark.parametrize(
    "lines",
    [[], ["GET / HTTP/1.1"], ["agi_channel: x"], ["agi_x: y"] * 300, ["agi_network_script"]],
)
def test_whoever_is_not_asterisk_is_refused(lines: list[str]) -> None:
    with pytest.raises(AgiError):
        request(lines)


@given(st.lists(st.text(max_size=60), max_size=250))
def test_any_environment_is_read_or_refused(lines: list[str]) -> None:
    try:
        request(lines)
    except AgiError:
        return


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        ("200 result=1", Answer(200, 1)),
        ("200 result=1 (some value)", Answer(200, 1)),
        ("200 result=-1", Answer(200, -1)),
        ("200 result=0 endpos=1200", Answer(200, 0)),
        ("510 Invalid or unknown command", Answer(510)),
        ("511 Command Not Permitted on a dead channel or intercept routine", Answer(511)),
        ("520-Invalid command syntax.  Proper usage follows:", Interjection.USAGE),
        ("520 End of proper usage.", Answer(520)),
        ("HANGUP", Interjection.HANG_UP),
    ],
)
def test_answers_are_understood(line: str, meant: Answer | Interjection) -> None:
    assert answer(line) == meant


def test_only_a_carried_out_command_is_ok() -> None:
    assert [Answer(200, 1).ok, Answer(200, -1).ok, Answer(510).ok] == [True, False, False]


@given(st.text())
def test_any_line_is_an_answer_or_refused(line: str) -> None:
    try:
        answer(line)
    except AgiError:
        return


def test_a_variable_is_quoted_as_asterisk_reads_it() -> None:
    assert set_variable("PLAN", 'a"b\\c') == b'SET VARIABLE PLAN "a\\"b\\\\c"\n'


@given(st.text(max_size=600))
def test_no_value_ends_the_command_or_begins_another(value: str) -> None:
    try:
        line = set_variable("BLOCKED", value)
    except CommandError:
        return
    assert line.count(b"\n") == 1
    assert line.endswith(b'"\n')
    assert len(line) <= COMMAND_BYTES + 1


@pytest.mark.parametrize("name", ["", "A B", 'A"', "FILE(/etc/passwd)", "A\n"])
def test_a_name_is_a_variables_name(name: str) -> None:
    with pytest.raises(CommandError):
        set_variable(name, "1")


def test_what_asterisk_would_cut_is_refused() -> None:
    with pytest.raises(CommandError):
        set_variable("PLAN", "x" * COMMAND_BYTES)
