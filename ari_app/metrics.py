"""What is counted, and the loopback page that shows it: /metrics for Prometheus, /health."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from db.events import Event
from db.journal import Journal


class Metrics:
    """Counters of one process, fed by the events that are recorded anyway."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.calls = Counter(
            "polri110_calls_total", "Calls by outcome", ["outcome"], registry=self.registry
        )
        self.answer_seconds = Histogram(
            "polri110_answer_seconds",
            "Seconds from arrival to a connected desk",
            buckets=(1, 2, 5, 10, 15, 20, 30, 60, 120),
            registry=self.registry,
        )
        self.handed_over = Counter(
            "polri110_handed_over_total", "Calls given to the dialplan", registry=self.registry
        )
        self.unchecked = Counter(
            "polri110_unchecked_total",
            "Calls let through because the block list could not be read",
            registry=self.registry,
        )
        self.undecided = Counter(
            "polri110_undecided_total",
            "Calls sent by the default plan because deciding failed",
            registry=self.registry,
        )
        self.recordings_failed = Counter(
            "polri110_recordings_failed_total", "Recordings lost", registry=self.registry
        )

    def watch(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """A gauge that is read when it is scraped."""
        Gauge(name, help_text, registry=self.registry).set_function(read)

    def count(self, event: Event) -> None:
        """Count one recorded event."""
        match event.kind:
            case "ended":
                self.calls.labels(event.data["outcome"]).inc()
                if event.data["outcome"] == "connected":
                    self.answer_seconds.observe(event.data["wait_seconds"])
            case "handed_over":
                self.handed_over.inc()
            case "recording_failed":
                self.recordings_failed.inc()
            case "checked" if event.data["verdict"] == "unchecked":
                self.unchecked.inc()


@dataclass(frozen=True, slots=True)
class CountedJournal:
    """A journal whose events are counted on their way in."""

    journal: Journal
    metrics: Metrics

    @property
    def writer(self) -> str:
        """Name of the process that writes."""
        return self.journal.writer

    def append(self, events: Sequence[Event], /) -> None:
        """Count and record."""
        for event in events:
            self.metrics.count(event)
        self.journal.append(events)

    async def flush(self) -> bool:
        """Wait until all is on the disk; False when the disk fails."""
        return await self.journal.flush()


async def serve_metrics(
    metrics: Metrics, healthy: Callable[[], str | None], port: int
) -> web.AppRunner:
    """Listen on loopback; /health is 200, or 503 with the reason that `healthy` gives."""

    async def show(_request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(metrics.registry), content_type="text/plain")

    async def health(_request: web.Request) -> web.Response:
        reason = healthy()
        return web.Response(status=503 if reason else 200, text=(reason or "ok") + "\n")

    app = web.Application()
    app.router.add_get("/metrics", show)
    app.router.add_get("/health", health)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port).start()
    return runner
