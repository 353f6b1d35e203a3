"""One trial: so many calls a second of the one or the other way, and what became of them."""

from dataclasses import dataclass

from benchmarks.calls import cost, witness
from benchmarks.calls.scene import Scene
from benchmarks.calls.traffic import Counts, Load, place

SUSTAINED = 0.999  # of the calls
DRAIN_SECONDS = 20.0
SERVICE = "110"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What callers, Asterisk and the record say of a trial, and what it cost.

    recorded is None for the native dialplan, which keeps no record. left: channels and bridges
    that were still there after the drain.
    """

    load: Load
    counts: Counts
    bridged: int
    recorded: witness.Recorded | None
    left: tuple[int, int]
    span: cost.Span

    @property
    def good(self) -> int:
        """Calls that went as they should, by the least favourable witness."""
        record = self.bridged if self.recorded is None else self.recorded.connected
        return min(self.counts.completed, self.bridged, record)

    @property
    def sustained(self) -> bool:
        """Whether 99.9% of all the calls of the load did, and none was left over."""
        return self.good >= SUSTAINED * self.load.calls and self.left == (0, 0)

    def __str__(self) -> str:
        """In a few words."""
        counts, rate = self.counts, f"{self.load.rate:g} calls/s"
        words = [f"{rate}: {self.good} of {self.load.calls} good"]
        if self.good < self.load.calls:
            words.append(
                f"(placed {counts.placed}, completed {counts.completed}, bridged {self.bridged}"
                + (f", on record {self.recorded.connected})" if self.recorded else ")")
            )
        if self.recorded and self.recorded.by_dialplan:
            words.append(f"{self.recorded.by_dialplan} by the dialplan")
        if self.left != (0, 0):
            words.append(f"LEFT: {self.left[0]} channels, {self.left[1]} bridges")
        if self.span.steal >= 0.01:
            words.append(f"steal {self.span.steal:.0%}")
        return ", ".join(words)


async def attempt(
    scene: Scene, native: bool, load: Load, *, give_up: bool = False, drain: float = DRAIN_SECONDS
) -> Outcome:
    """Make the trial; with give_up it ends as soon as too many calls are lost to be sustained."""
    bound = (1 - SUSTAINED) * load.calls

    def hopeless(counts: Counts) -> bool:
        return give_up and counts.lost > bound

    dialled = scene.task.native if native else SERVICE
    since, before = witness.mark(scene), cost.read(scene.pids)
    counts = await place(scene, dialled, load, hopeless)
    left = await witness.left_over(scene, drain)
    record = None if native else await witness.recorded(scene, since, counts.placed)
    span = cost.Span(before, cost.read(scene.pids))
    return Outcome(load, counts, witness.bridged(scene, since), record, left, span)
