"""At a steady 30 calls a second: how late the desk is called, CPU a call, memory."""

import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field

from benchmarks.calls.effort import NAMES, NATIVE, OURS, WAYS, Effort
from benchmarks.calls.latency import Latency, observing, summed_up
from benchmarks.calls.scene import AGI, APP, ASTERISK, POSTGRES, Scene
from benchmarks.calls.traffic import Load
from benchmarks.calls.trial import Outcome, attempt
from benchmarks.progress import Progress
from benchmarks.results import Figure

RATE = 30.0
WARM_UP_SECONDS = 4.0


@dataclass(slots=True)
class Steady:
    """One way: the latencies of each round, what became of its calls, what they cost."""

    latencies: list[Latency] = field(default_factory=list)
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def calls(self) -> int:
        """Calls of all rounds."""
        return sum(outcome.counts.placed for outcome in self.outcomes)

    def percentile(self, name: str) -> float:
        """Milliseconds: the median of the rounds' p50, p95 or p99."""
        values: list[float] = [getattr(latency, name) for latency in self.latencies]
        return statistics.median(values)

    def cpu_ms(self, *names: str) -> float:
        """CPU milliseconds a call: the median of the rounds."""
        return statistics.median(
            outcome.span.cpu_ms(*names) / outcome.counts.placed for outcome in self.outcomes
        )

    def grown_mb(self, name: str) -> float:
        """Resident memory gained during the rounds."""
        return sum(
            outcome.span.after.resident_mb[name] - outcome.span.before.resident_mb[name]
            for outcome in self.outcomes
        )


async def steadily(scene: Scene, effort: Effort, progress: Progress) -> Mapping[bool, Steady]:
    """Rounds, the ways taking turns, after one of each that warms everything up."""
    found = {way: Steady() for way in WAYS}
    async with observing(scene) as observer:
        for way in WAYS:
            with progress.step(f"{scene.task.name}, {NAMES[way]}: warming up", WARM_UP_SECONDS):
                await attempt(scene, way, Load(RATE, WARM_UP_SECONDS))
        for count in range(effort.rounds):
            for way in WAYS if count % 2 == 0 else WAYS[::-1]:
                title = f"{scene.task.name}, {NAMES[way]}, round {count + 1} of {effort.rounds}"
                since = observer.position()
                with progress.step(title, effort.steady_seconds + 5):
                    outcome = await attempt(scene, way, Load(RATE, effort.steady_seconds))
                latency = summed_up(observer.seen(since))
                found[way].outcomes.append(outcome)
                found[way].latencies.append(latency)
                progress.say(f"{title}: {outcome}; {latency}; {_cpu(scene, outcome)}")
    return found


def steady_figures(prefix: str, found: Mapping[bool, Steady]) -> list[Figure]:
    """What is kept of them."""
    ours, native = found[OURS], found[NATIVE]
    calls = f"{ours.calls} and {native.calls} calls at {RATE:g} calls/s, {_noise(found)}"
    figures = []
    for percentile, name in (("p50", "median"), ("p95", "p95"), ("p99", "p99")):
        late, early = ours.percentile(percentile), native.percentile(percentile)
        figures.append(
            Figure(
                f"{prefix}desk_invite_latency_{name}_ms",
                round(late, 2),
                round(early, 2),
                "ms",
                f"{late - early:+.1f} ms; {calls}",
            )
        )
    given = sum(o.recorded.by_dialplan for o in ours.outcomes if o.recorded)
    costs = (
        ("app_cpu", (APP, AGI), f"application and FastAGI; {given} calls rung by the dialplan"),
        ("asterisk_cpu", (ASTERISK,), "system time included"),
        ("postgres_cpu", (POSTGRES,), "the record's, on the same machine here"),
    )
    for name, processes, note in costs:
        peer = 0.0 if ASTERISK not in processes else round(native.cpu_ms(*processes), 2)
        cost = round(ours.cpu_ms(*processes), 2)
        figures.append(Figure(f"{prefix}{name}_ms_per_call", cost, peer, "ms", note))
    for name, process in (("app_memory", APP), ("asterisk_memory", ASTERISK)):
        grown = None if process == APP else round(native.grown_mb(process), 1)
        figures.append(
            Figure(
                f"{prefix}{name}_growth_mb",
                round(ours.grown_mb(process), 1),
                grown,
                "MB",
                f"resident memory gained over {ours.calls} calls",
            )
        )
    return figures


def _cpu(scene: Scene, outcome: Outcome) -> str:
    calls = outcome.counts.placed
    parts = ", ".join(f"{name} {outcome.span.cpu_ms(name) / calls:.1f}" for name in scene.pids)
    return f"CPU a call {parts} ms (strangers {outcome.span.strangers:.0%} of the machine)"


def _noise(found: Mapping[bool, Steady]) -> str:
    spans = [outcome.span for steady in found.values() for outcome in steady.outcomes]
    steal = statistics.mean(span.steal for span in spans)
    strangers = statistics.mean(span.strangers for span in spans)
    return f"steal {steal:.0%}, SIPp and other programs {strangers:.0%}"
