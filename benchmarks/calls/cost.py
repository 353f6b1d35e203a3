"""What processes cost: CPU time and resident memory, and how noisy the machine was meanwhile."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

TICK_MS = 10.0  # USER_HZ of Linux is 100 wherever it runs (proc(5))


@dataclass(frozen=True, slots=True)
class Reading:
    """Counters at one moment: CPU of each named process with its children, of the machine."""

    at: float
    cpu_ms: Mapping[str, float]
    resident_mb: Mapping[str, float]
    busy_ms: float
    steal_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True)
class Span:
    """From one reading to a later one."""

    before: Reading
    after: Reading

    @property
    def seconds(self) -> float:
        """How long it was."""
        return self.after.at - self.before.at

    def cpu_ms(self, *names: str) -> float:
        """CPU that these processes took, user and system."""
        return sum(self.after.cpu_ms[name] - self.before.cpu_ms[name] for name in names)

    @property
    def steal(self) -> float:
        """Share of the machine's time that the hypervisor gave to others: 0.0 to 1.0."""
        return (self.after.steal_ms - self.before.steal_ms) / self._total_ms

    @property
    def strangers(self) -> float:
        """Share of the machine's time that processes not named here took: 0.0 to 1.0."""
        named = self.cpu_ms(*self.after.cpu_ms)
        return max(0.0, self.after.busy_ms - self.before.busy_ms - named) / self._total_ms

    @property
    def _total_ms(self) -> float:
        return max(1.0, self.after.total_ms - self.before.total_ms)


def read(pids: Mapping[str, int]) -> Reading:
    """Read the counters now; a process that has ended counts as nothing."""
    cpu, resident = {}, {}
    for name, pid in pids.items():
        cpu[name], resident[name] = _of_process(pid)
    user, nice, system, idle, waiting, irq, softirq, steal, *_ = _of_machine()
    busy = user + nice + system + irq + softirq
    return Reading(time.monotonic(), cpu, resident, busy, steal, busy + idle + waiting + steal)


def _of_process(pid: int) -> tuple[float, float]:
    try:
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        times = [process.cpu_times() for process in family]
        resident = [process.memory_info().rss for process in family]
    except psutil.NoSuchProcess:
        return 0.0, 0.0
    return sum(t.user + t.system for t in times) * 1000, sum(resident) / 1e6


def _of_machine() -> list[float]:
    first = Path("/proc/stat").read_text(encoding="ascii").splitlines()[0]
    return [int(ticks) * TICK_MS for ticks in first.split()[1:]]
