"""`make bench`, or `python -m benchmarks`: every benchmark, a table, benchmarks/results.json."""

import asyncio
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import cyclopts
from cyclopts import Parameter

from benchmarks.calls.course import measure
from benchmarks.calls.effort import DEFAULT, QUICK
from benchmarks.progress import Progress
from benchmarks.results import FILE, Figure, keep, of_script, table
from stack.process import StackError

HERE = Path(__file__).parent
CALLS = "calls"
SCRIPTS = ("ari_client", "jurisdiction", "blocklist")
SCRIPT_SECONDS = 600
LONG_CALLS = 10_000

app = cyclopts.App(
    name="python -m benchmarks",
    help="""Measure the service beside its peers, on this machine, in one run.

    Takes about 25 minutes with a quiet machine of two cores, and root. For example:

        make bench
        python -m benchmarks --quick             every part, in some minutes: a smoke test
        python -m benchmarks --only calls        calls against the native dialplan
        python -m benchmarks --only calls --long memory over 10,000 calls besides
    """,
    help_format="plaintext",
)


@app.default
def main(
    *,
    only: Annotated[list[str] | None, Parameter(consume_multiple=True)] = None,
    quick: Annotated[bool, Parameter(negative="")] = False,
    long: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Run the benchmarks and merge their figures into benchmarks/results.json.

    Parameters
    ----------
    only
        These parts alone: calls, ari_client, jurisdiction, blocklist.
    quick
        Short trials: figures are rough, and those of a real run are not overwritten.
    long
        Memory over 10,000 calls, too (six minutes more).
    """
    present = [CALLS, *(name for name in SCRIPTS if (HERE / f"{name}.py").exists())]
    unknown = sorted(set(only or ()) - set(present))
    if unknown:
        raise SystemExit(f"There is no benchmark {', '.join(unknown)}: choose of {present}")
    progress = Progress()
    figures: list[Figure] = []
    for name in only or present:
        figures += _calls(quick, long, progress) if name == CALLS else _script(name, progress)
        if not quick:
            keep(figures)
    progress.console.print(table(figures))
    if not quick:
        progress.say(f"Kept in {FILE}")


def _calls(quick: bool, long: bool, progress: Progress) -> list[Figure]:
    effort = QUICK if quick else DEFAULT
    if long:
        effort = replace(effort, memory_calls=LONG_CALLS)
    try:
        return asyncio.run(measure(effort, progress))
    except StackError as fault:
        raise SystemExit(f"The calls cannot be measured: {fault}") from fault
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _script(name: str, progress: Progress) -> list[Figure]:
    command = [sys.executable, "-m", f"benchmarks.{name}", "--json"]
    with progress.step(f"{name}"):
        ran = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=SCRIPT_SECONDS
        )
    if ran.returncode:
        last = ran.stderr.strip().rpartition("\n")[2]
        progress.say(f"{name} FAILED: {last}")
        return []
    figures = of_script(name, ran.stdout)
    progress.say(f"{name}: {len(figures)} figures" if figures else f"{name}:\n{ran.stdout}")
    return figures


if __name__ == "__main__":
    app()
