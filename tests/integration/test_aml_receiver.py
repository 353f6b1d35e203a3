"""The AML receiver as a stranger meets it: every POST is 200, little of it is believed."""

import base64
import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from ari_app.aml_inbox import AmlStatement
from ari_app.aml_receiver import LONGEST_BODY, AmlReceiver, application
from ari_app.settings import Settings

BODY = (
    b"v=1&device_number=%2B6281234567890&location_latitude=3.5952&location_longitude=98.6722"
    b"&location_accuracy=20"
)


@asynccontextmanager
async def receiving(**settings: Any) -> AsyncIterator[tuple[Callable[..., Any], AmlReceiver, list]]:
    said: list[AmlStatement] = []
    receiver = AmlReceiver(Settings(**settings), said.append)
    runner = web.AppRunner(application(receiver), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession() as session:

        async def post(body: bytes) -> int:
            async with session.post(f"http://127.0.0.1:{port}/aml", data=body) as answer:
                return answer.status

        yield post, receiver, said
    await runner.cleanup()


async def test_a_report_is_handed_on() -> None:
    async with receiving() as (post, _, said):
        assert await post(BODY) == 200
        assert [one.key for one in said] == [6281234567890]


@pytest.mark.parametrize(
    "body",
    [b"", b"\xff\xfe%%%", b"a=1&" * 200, b"x" * (LONGEST_BODY + 1), b"device_number=1", b"&hmac="],
)
async def test_whatever_is_sent_is_answered_200_and_believed_only_if_it_is_a_report(
    body: bytes,
) -> None:
    async with receiving() as (post, receiver, said):
        assert await post(body) == 200
        assert said == []
        assert "taken" not in receiver.counts


async def test_with_a_key_only_signed_reports_are_taken() -> None:
    signature = base64.b64encode(hmac.digest(b"rahasia", BODY, "sha1"))
    async with receiving(aml_hmac_key="rahasia") as (post, receiver, said):
        assert await post(BODY) == 200
        assert await post(BODY + b"&hmac=" + b"AAAA") == 200
        assert said == []
        assert await post(BODY + b"&hmac=" + signature) == 200
        assert len(said) == 1
        assert receiver.counts["not signed"] == 2


async def test_a_number_that_sends_too_much_is_answered_and_passed_over() -> None:
    async with receiving(aml_reports_per_minute=3) as (post, receiver, said):
        assert [await post(BODY) for _ in range(5)] == [200] * 5
        assert len(said) == 3
        assert receiver.counts["number over its limit"] == 2
