"""Receives AML reports by HTTP(S) (ETSI TS 103 625, clause 7): the process `polri110 aml`.

A process of its own, since it reads what anybody may send: whatever becomes of it, calls go on.
Every POST is answered 200, whatever is in it: a phone cannot do better, and must not try again.
"""

import asyncio
import contextlib
import ssl
from collections import Counter
from collections.abc import Callable
from urllib.parse import parse_qsl

import structlog
from aiohttp import web

from ari_app.aml_inbox import AmlInbox, AmlStatement, statement
from ari_app.aml_limit import RateLimit
from ari_app.aml_post import AmlPost
from ari_app.aml_relay import AmlRelay
from ari_app.logs import configure_logs
from ari_app.process import kept_alive, stop_signals, tell_systemd
from ari_app.settings import Settings
from routing.sources.aml import is_signed, parse_form

log = structlog.get_logger(__name__)

LONGEST_BODY = 8_192
MOST_FIELDS = 100
BODY_SECONDS = 5.0
TOLD_SECONDS = 60.0
LOOPBACK = frozenset({"127.0.0.1", "::1"})


class AmlReceiver:
    """Reads reports and hands on what they say; `counts` tells what became of them."""

    def __init__(self, settings: Settings, hand_on: Callable[[AmlStatement], None]) -> None:
        self._key = settings.aml_hmac_key.get_secret_value().encode()
        self._algorithm = settings.aml_hmac_algorithm
        self._hand_on = hand_on
        per_minute = settings.aml_reports_per_minute
        self._numbers = RateLimit(per_minute / 60, per_minute)
        per_second = settings.aml_sender_reports_per_second
        self._senders = RateLimit(per_second, per_second)
        self.counts: Counter[str] = Counter()

    async def post(self, request: web.Request) -> web.Response:
        """Take one report; always 200."""
        try:
            async with asyncio.timeout(BODY_SECONDS):
                became = await self._take(request)
        except Exception:  # what a stranger sends must not come back as a 500
            log.exception("aml_unreadable")
            became = "unreadable"
        self.counts[became] += 1
        answer = web.Response(text="")
        if became in ("too long", "unreadable"):
            answer.force_close()
        return answer

    async def _take(self, request: web.Request) -> str:
        if not self._senders.passes(_sender(request)):
            return "sender over its limit"
        body = await _body(request)
        if body is None:
            return "too long"
        if self._key and not is_signed(body, self._key, self._algorithm):
            return "not signed"
        pairs = parse_qsl(
            body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=MOST_FIELDS
        )
        try:
            said = statement(parse_form(dict(pairs)))
        except ValueError as error:
            return str(error)
        if not self._numbers.passes(said.key):
            return "number over its limit"
        self._hand_on(said)
        return "taken"


def application(receiver: AmlReceiver) -> web.Application:
    """POST on any path is a report; GET /health says that the process is there."""

    async def health(_request: web.Request) -> web.Response:
        return web.json_response(dict(receiver.counts))

    app = web.Application(client_max_size=LONGEST_BODY)
    app.router.add_get("/health", health)
    app.router.add_post("/{path:.*}", receiver.post)
    return app


async def receive(settings: Settings) -> None:
    """Receive until SIGTERM or SIGINT. Raises OSError when the port is taken or the certificate
    cannot be read.
    """
    configure_logs(settings.log_level)
    stopping = stop_signals()
    inbox = AmlInbox(settings.aml_keep_seconds)  # here only to tell what is new
    url = settings.database_url.get_secret_value()

    def from_another_node(said: AmlStatement) -> None:
        if inbox.take(said):
            post.send(said)

    relay = AmlRelay(url, settings.node, from_another_node) if url else None

    def from_this_node(said: AmlStatement) -> None:
        """A process of this node has it by SMS, and has told the others here."""
        if inbox.take(said) and relay is not None:
            relay.send(said)

    def from_outside(said: AmlStatement) -> None:
        inbox.take(said)
        post.send(said)
        if relay is not None:
            relay.send(said)

    post = AmlPost(settings.data_dir / "aml", "receiver", from_this_node)
    receiver = AmlReceiver(settings, from_outside)
    runner = web.AppRunner(application(receiver), access_log=None)
    tasks = [asyncio.create_task(_tell(receiver.counts))]
    if relay is not None:
        tasks.append(asyncio.create_task(kept_alive("aml relay", relay.run)))
    post.open()
    await runner.setup()
    try:
        site = web.TCPSite(runner, settings.aml_bind, settings.aml_port, ssl_context=_tls(settings))
        await site.start()
        log.info("ready", bind=settings.aml_bind, port=settings.aml_port)
        tell_systemd("READY=1")
        await stopping.wait()
    finally:
        tell_systemd("STOPPING=1")
        await runner.cleanup()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        post.close()


def _tls(settings: Settings) -> ssl.SSLContext | None:
    if settings.aml_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(settings.aml_certificate, settings.aml_certificate_key)
    return context


def _sender(request: web.Request) -> str:
    """The address that sent it: behind a reverse proxy on this machine, the one the proxy names."""
    peer = request.remote or ""
    forwarded = request.headers.get("X-Forwarded-For", "") if peer in LOOPBACK else ""
    return forwarded.rpartition(",")[2].strip() or peer


async def _body(request: web.Request) -> bytes | None:
    if (request.content_length or 0) > LONGEST_BODY:
        return None
    body = bytearray()
    async for chunk in request.content.iter_any():
        body.extend(chunk)
        if len(body) > LONGEST_BODY:
            return None
    return bytes(body)


async def _tell(counts: Counter[str]) -> None:
    """Log once a minute what became of reports; whose they are is nobody's business here."""
    told: dict[str, int] = {}
    while True:
        with contextlib.suppress(TimeoutError):
            await asyncio.sleep(TOLD_SECONDS)
        if dict(counts) != told:
            told = dict(counts)
            log.info("aml_reports", **{name.replace(" ", "_"): n for name, n in told.items()})
