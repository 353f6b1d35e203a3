"""The FastAGI process: decides calls that no application took, and collects their stories."""

import asyncio
import contextlib

import structlog
import uvloop

from agi.collector import Collector
from agi.lookup import Lookup
from agi.server import serving
from ari_app.aml_inbox import AmlStatement
from ari_app.process import Process, aml_post, kept_alive, running_process, tell_systemd
from ari_app.settings import Settings

log = structlog.get_logger(__name__)


def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT. Raises OSError when the port is taken."""
    uvloop.run(serve(settings))


async def serve(settings: Settings) -> None:
    """Answer FastAGI and collect stories until told to stop."""
    async with running_process(settings, "agi") as process:
        await process.informed()
        collector = Collector(
            settings.spool_dir, process.counted, process.archive(), process.decider()
        )
        lookup = Lookup(process.decider(), process.counted, process.dialplan_rules())
        # A report that comes before the call is known here too.
        with aml_post(process, "agi", lambda said: _keep(process, said)):
            await _serve(process, lookup, collector)


def _keep(process: Process, said: AmlStatement) -> None:
    process.aml.take(said)


async def _serve(process: Process, lookup: Lookup, collector: Collector) -> None:
    settings = process.settings
    async with serving({"lookup": lookup}, settings.agi_bind, settings.agi_port):
        collecting = asyncio.create_task(kept_alive("collector", collector.run))
        log.info("ready", bind=settings.agi_bind, port=settings.agi_port)
        tell_systemd("READY=1")
        await process.stopping.wait()
        tell_systemd("STOPPING=1")
        collecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await collecting
        await collector.collect()
