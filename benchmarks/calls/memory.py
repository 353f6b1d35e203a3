"""Resident memory over many calls of the whole job, the service's and Asterisk's."""

from benchmarks.calls import cost
from benchmarks.calls.effort import OURS, Effort
from benchmarks.calls.scene import APP, ASTERISK, Scene
from benchmarks.calls.traffic import Load
from benchmarks.calls.trial import attempt
from benchmarks.progress import Progress
from benchmarks.results import Figure

RATE = 40.0
BLOCK_SECONDS = 25.0


async def memory(scene: Scene, effort: Effort, progress: Progress) -> list[Figure]:
    """Places effort.memory_calls calls, a thousand at a time; the first thousand warm up."""
    names = (APP, ASTERISK)
    first: cost.Reading | None = None
    calls = 0
    while calls < effort.memory_calls:
        with progress.step(f"{scene.task.name}: memory, {calls} calls so far", BLOCK_SECONDS + 5):
            outcome = await attempt(scene, OURS, Load(RATE, BLOCK_SECONDS))
        now = outcome.span.after
        first = first or now
        calls += outcome.counts.placed
        resident = ", ".join(f"{name} {now.resident_mb[name]:.1f} MB" for name in names)
        progress.say(f"{scene.task.name}, memory after {calls} calls: {resident}; {outcome}")
    if first is None:
        return []
    return [
        Figure(
            f"{scene.task.name}_{name}_memory_growth_long_mb",
            round(now.resident_mb[name] - first.resident_mb[name], 1),
            None,
            "MB",
            f"resident memory gained from call {round(RATE * BLOCK_SECONDS)} to call {calls}",
        )
        for name in names
    ]
