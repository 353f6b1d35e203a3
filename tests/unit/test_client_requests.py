"""Requests and answers: encoding, matching, time-outs, errors. No sockets."""

import asyncio
from typing import Any

import orjson
import pytest

from ari_app.client import (
    AriConflict,
    AriDisconnected,
    AriError,
    AriForbidden,
    AriInvalid,
    AriNotFound,
    AriRejected,
    AriServerError,
    AriTimeout,
    AriUnauthorized,
    AriUnexpectedAnswer,
    Param,
    Response,
)
from ari_app.client.ask import as_model, as_value, part
from ari_app.client.requests import Decode, Requests
from ari_app.models import Channel


def _requests() -> Requests:
    return Requests(lambda waited_seconds: None)


def _as_it_is(response: Response) -> Response:
    return response


def _ask(
    requests: Requests,
    params: dict[str, Param] | None = None,
    body: dict[str, Any] | None = None,
    decode: Decode[Any] = _as_it_is,
    timeout_seconds: float = 60,
) -> tuple[dict[str, Any], "asyncio.Future[Any]"]:
    frame, reply = requests.ask(
        "POST", "channels", params, body, decode=decode, timeout_seconds=timeout_seconds
    )
    return orjson.loads(frame), reply


def _answer(frame: dict[str, Any], status: int = 200, body: str = "{}") -> dict[str, Any]:
    return {
        "type": "RESTResponse",
        "request_id": frame["request_id"],
        "status_code": status,
        "reason_phrase": "OK",
        "message_body": body,
    }


async def test_answers_find_their_requests_in_whatever_order_they_come() -> None:
    requests = _requests()
    asked = [_ask(requests) for _ in range(10)]
    for frame, _ in reversed(asked):
        requests.answer(_answer(frame, body=frame["request_id"]))
    assert [reply.result().body for _, reply in asked] == [f["request_id"] for f, _ in asked]
    assert len(requests) == 0


async def test_a_late_answer_reaches_nobody() -> None:
    waits: list[float] = []
    requests = Requests(waits.append)
    late, reply = _ask(requests, timeout_seconds=0)
    with pytest.raises(AriTimeout):
        await reply
    assert waits == [0]
    assert len(requests) == 0
    other, other_reply = _ask(requests)
    requests.answer(_answer(late))
    assert not other_reply.done()
    requests.answer(_answer(other))
    requests.answer(_answer(other))
    requests.answer({"type": "RESTResponse"})
    assert (await other_reply).status == 200


async def test_an_answer_to_a_cancelled_request_is_dropped() -> None:
    requests = _requests()
    frame, reply = _ask(requests)
    reply.cancel()
    requests.answer(_answer(frame))
    assert reply.cancelled()
    assert len(requests) == 0


async def test_all_requests_in_flight_fail_together() -> None:
    requests = _requests()
    replies = [_ask(requests)[1] for _ in range(3)]
    requests.fail_all(AriDisconnected, "cut")
    for reply in replies:
        error = reply.exception()
        assert isinstance(error, AriDisconnected)
        assert (error.method, error.uri, error.body) == ("POST", "channels", "cut")


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, AriInvalid),
        (401, AriUnauthorized),
        (403, AriForbidden),
        (404, AriNotFound),
        (409, AriConflict),
        (412, AriInvalid),
        (422, AriInvalid),
        (500, AriServerError),
        (503, AriServerError),
    ],
)
async def test_each_status_has_its_error(status: int, kind: type[AriRejected]) -> None:
    requests = _requests()
    frame, reply = _ask(requests)
    requests.answer(_answer(frame, status, '{"message":"No."}'))
    error = reply.exception()
    assert type(error) is kind
    assert isinstance(error, AriError)
    assert (error.status, error.body) == (status, "No.")
    assert (kind.__doc__ or "").strip().rstrip(".") in str(error)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error":"Allocation failed"}', "Allocation failed"),
        ("not JSON", "not JSON"),
        ("[1]", "[1]"),
        ("", "OK"),
    ],
)
async def test_an_error_says_what_asterisk_said(body: str, words: str) -> None:
    requests = _requests()
    frame, reply = _ask(requests)
    requests.answer(_answer(frame, 500, body))
    assert str(reply.exception()).endswith(f"(POST channels: 500 {words})")


@pytest.mark.parametrize(
    ("decode", "body"),
    [(as_model(Channel), '{"id":1}'), (as_model(Channel), ""), (as_value, "{}"), (as_value, "x")],
)
async def test_an_answer_of_another_form_is_an_error_too(decode: Decode[Any], body: str) -> None:
    requests = _requests()
    frame, reply = _ask(requests, decode=decode)
    requests.answer(_answer(frame, body=body))
    assert isinstance(reply.exception(), AriUnexpectedAnswer)


async def test_parameters_are_written_as_asterisk_reads_them() -> None:
    frame, _ = _ask(
        _requests(),
        {
            "text": 'a&b="%41" 🚓',
            "number": 10,
            "seconds": 0.5,
            "yes": True,
            "no": False,
            "absent": None,
            "media": ["sound:one", "sound:two"],
        },
        {"variables": {"CALL_ID": "0199"}},
    )
    assert {pair["name"]: pair["value"] for pair in frame["query_strings"]} == {
        "text": 'a&b="%41" 🚓',
        "number": "10",
        "seconds": "0.5",
        "yes": "true",
        "no": "false",
        "media": "sound:one,sound:two",
    }
    assert frame["content_type"] == "application/json"
    assert orjson.loads(frame["message_body"]) == {"variables": {"CALL_ID": "0199"}}


async def test_a_list_item_that_would_fall_apart_at_its_comma_is_refused() -> None:
    requests = _requests()
    with pytest.raises(ValueError, match="comma"):
        _ask(requests, {"media": ["sound:a,sound:b"]})
    assert len(requests) == 0


def test_an_id_is_one_part_of_a_path_whatever_is_in_it() -> None:
    assert part("0199abc") == "0199abc"
    assert part("0199.1/2?x#é") == "0199.1%2F2%3Fx%23%C3%A9"
