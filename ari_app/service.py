"""The Stasis application of one Asterisk: the one place where its parts are put together."""

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial

import structlog
import uvloop

from ari_app.aml_inbox import AmlStatement, text_statement
from ari_app.call.state import Rules
from ari_app.client import AriClient
from ari_app.client.errors import AriError
from ari_app.conductor import READ, Conductor
from ari_app.dead_mans_switch import DeadMansSwitch
from ari_app.executor import AriExecutor
from ari_app.load import Load, LoadGate, LoadLimits
from ari_app.metrics import serve_metrics
from ari_app.models import TextMessage
from ari_app.process import Process, aml_post, kept_alive, running_process, tell_systemd
from ari_app.settings import AnswerPolicy, Settings
from ari_app.takeover import Takeover

log = structlog.get_logger(__name__)

DRAIN_SECONDS = 30.0


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT; returns when the calls are handed over or have ended."""
    uvloop.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Conduct calls until told to stop. Raises AriError when Asterisk refuses us for good."""
    async with contextlib.AsyncExitStack() as stack:
        process = await stack.enter_async_context(running_process(settings, settings.ari_app))
        await process.informed()
        ari = await stack.enter_async_context(
            AriClient(
                settings.ari_url,
                settings.ari_user,
                settings.ari_password.get_secret_value(),
                settings.ari_app,
                read=READ,
                request_timeout=settings.ari_timeout_seconds,
            )
        )

        def reported(said: AmlStatement) -> None:
            if process.aml.take(said):
                conductor.improve(said.key, partial(process.reconsider, said.found))

        def texted(message: TextMessage) -> None:
            said = text_statement(message.sender, message.body)
            if said is not None:
                reported(said)
                post.send(said)

        conductor = _conductor(process, ari, texted)
        post = stack.enter_context(aml_post(process, settings.ari_app, reported))
        _watch(process, ari, conductor)
        if settings.metrics_port:
            runner = await serve_metrics(
                process.metrics,
                lambda: None if ari.is_connected else "no connection to Asterisk",
                settings.metrics_port,
            )
            stack.push_async_callback(runner.cleanup)
        conducting = asyncio.create_task(conductor.run(), name="conductor")
        ready = asyncio.create_task(_ready(ari, settings))
        takeover = Takeover(settings.data_dir / "journal", ari, conductor, process.journal)
        adopting = asyncio.create_task(kept_alive("takeover", takeover.run))
        stop = asyncio.create_task(process.stopping.wait())
        try:
            await asyncio.wait((conducting, stop), return_when=asyncio.FIRST_COMPLETED)
            tell_systemd("STOPPING=1")
            if not conducting.done():
                await _drain(conductor)
        finally:
            adopting.cancel()
            ready.cancel()
            stop.cancel()
            await ari.close()
            await conducting


def _conductor(
    process: Process, ari: AriClient, texted: Callable[[TextMessage], None]
) -> Conductor:
    settings = process.settings
    gate = LoadGate(
        LoadLimits(
            event_seconds=settings.handover_lag_ms / 1000,
            requests=settings.handover_requests,
            calls_in_setup=settings.handover_calls,
        ),
        time.monotonic,
    )

    def overload(calls_in_setup: int) -> str | None:
        late = max(ari.lag(), ari.delay())
        return gate.reason(Load(late, ari.in_flight, calls_in_setup))

    return Conductor(
        ari,
        AriExecutor(ari, process.dialplan_rules()),
        process.decider(),
        process.counted,
        process.archive(),
        Rules(
            answer_at_once=settings.answer is AnswerPolicy.AT_ONCE,
            greeting=settings.greeting,
            recording=settings.recording,
            progress_seconds=settings.desk_progress_ms / 1000,
            greeting_seconds=settings.greeting_seconds,
            speech_seconds=settings.speech_seconds,
        ),
        overload,
        DeadMansSwitch(ari, process.dialplan_rules(), settings.dead_mans_switch_seconds),
        texted,
        tuple(settings.trunk_units),
    )


def _watch(process: Process, ari: AriClient, conductor: Conductor) -> None:
    metrics = process.metrics
    metrics.watch("polri110_live_calls", "Live calls", lambda: conductor.calls)
    metrics.watch("polri110_event_lag_seconds", "Age of the oldest waiting event", ari.lag)
    metrics.watch("polri110_ari_connected", "1 while connected", lambda: float(ari.is_connected))


async def _ready(ari: AriClient, settings: Settings) -> None:
    with contextlib.suppress(AriError):  # the conductor raises it
        await ari.connected()
        log.info("ready", asterisk=settings.ari_url, app=settings.ari_app)
        tell_systemd("READY=1")


async def _drain(conductor: Conductor) -> None:
    """Give ringing calls to the dialplan and wait for those that are connected."""
    log.info("draining", calls=conductor.calls)
    conductor.drain("shutdown")
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_SECONDS):
            await conductor.idle()
