"""The highest rate that is sustained, and what happens at twice that rate."""

from collections.abc import Mapping
from dataclasses import dataclass

from benchmarks.calls.effort import NAMES, NATIVE, OURS, WAYS, Effort
from benchmarks.calls.scene import Scene
from benchmarks.calls.search import highest_rate
from benchmarks.calls.traffic import Load
from benchmarks.calls.trial import Outcome, attempt
from benchmarks.progress import Progress
from benchmarks.results import Figure

OVERLOAD_DRAIN_SECONDS = 45.0
AFTERWARDS = Load(10.0, 5.0)


@dataclass(frozen=True, slots=True)
class Highest:
    """The highest rate that one way sustained (0.0: none), and its trial."""

    rate: float = 0.0
    outcome: Outcome | None = None


async def highest(scene: Scene, effort: Effort, progress: Progress) -> Mapping[bool, Highest]:
    """The highest rate of each way, the two searches taking turns."""
    searches = {way: highest_rate(effort.first_rate, effort.longest) for way in WAYS}
    asked = {way: next(search) for way, search in searches.items()}
    found = {way: Highest() for way in WAYS}
    while asked:
        for way in tuple(asked):
            rate, long = asked[way]
            load = Load(rate, effort.long_seconds if long else effort.short_seconds)
            title = f"{scene.task.name}, {NAMES[way]}, {load.seconds:g} s"
            with progress.step(f"{title} at {rate:g} calls/s", load.seconds + 6):
                outcome = await attempt(scene, way, load, give_up=True)
            progress.say(f"{title}: {'held' if outcome.sustained else 'DID NOT HOLD'}: {outcome}")
            if long and outcome.sustained and rate > found[way].rate:
                found[way] = Highest(rate, outcome)
            try:
                asked[way] = searches[way].send(outcome.sustained)
            except StopIteration:
                del asked[way]
    return found


def highest_figures(prefix: str, found: Mapping[bool, Highest], effort: Effort) -> list[Figure]:
    """What is kept of it."""
    ours, native = found[OURS], found[NATIVE]
    notes = [f"for {effort.long_seconds:g} s, 99.9% completed and bridged"]
    if native.rate:
        notes.insert(0, f"{ours.rate / native.rate:.2f} of the native rate")
    if ours.outcome and ours.outcome.recorded:
        given = ours.outcome.recorded.by_dialplan / max(1, ours.outcome.counts.placed)
        notes.append(f"{given:.0%} rung by the dialplan")
    return [
        Figure(
            f"{prefix}sustained_calls_per_second",
            ours.rate,
            native.rate,
            "calls/s",
            ", ".join(notes),
        )
    ]


async def overload(
    scene: Scene,
    prefix: str,
    found: Mapping[bool, Highest],
    effort: Effort,
    progress: Progress,
) -> list[Figure]:
    """Twice the rate that each way sustains: what became of the calls, what was left behind."""
    outcomes: dict[bool, Outcome] = {}
    after: dict[bool, Outcome] = {}
    for way in WAYS:
        load = Load(2 * (found[way].rate or effort.first_rate), effort.overload_seconds)
        title = f"{scene.task.name}, {NAMES[way]}, overload"
        with progress.step(f"{title} at {load.rate:g} calls/s", load.seconds + 15):
            outcomes[way] = await attempt(scene, way, load, drain=OVERLOAD_DRAIN_SECONDS)
        progress.say(f"{title}: {outcomes[way]}")
        after[way] = await attempt(scene, way, AFTERWARDS)
        progress.say(f"{title}, right after it: {after[way]}")
    ours, native = outcomes[OURS], outcomes[NATIVE]
    lost = ours.load.calls - ours.good
    by_dialplan = ours.recorded.by_dialplan if ours.recorded else 0
    afterwards = f"right after it {after[OURS].good} of {AFTERWARDS.calls} good"
    return [
        Figure(
            f"{prefix}overload_good_percent",
            _percent(ours),
            _percent(native),
            "%",
            f"at {ours.load.rate:g} and {native.load.rate:g} calls/s for {ours.load.seconds:g} s: "
            f"{lost} of {ours.load.calls} not bridged, {by_dialplan} rung by the dialplan; "
            f"{afterwards}",
        ),
        Figure(
            f"{prefix}overload_channels_and_bridges_left",
            sum(ours.left),
            sum(native.left),
            "",
            f"within {OVERLOAD_DRAIN_SECONDS:g} s",
        ),
    ]


def _percent(outcome: Outcome) -> float:
    return round(100 * outcome.good / outcome.load.calls, 1)
