"""The course of the measurement: the two tasks one after the other, the two ways in turns."""

from benchmarks.calls.effort import Effort
from benchmarks.calls.limit import highest, highest_figures, overload
from benchmarks.calls.memory import memory
from benchmarks.calls.scene import BARE, WHOLE, running_scene
from benchmarks.calls.steady import steadily, steady_figures
from benchmarks.progress import Progress
from benchmarks.results import Figure
from stack.programs import find_programs
from stack.prompts import made_prompts


async def measure(effort: Effort, progress: Progress) -> list[Figure]:
    """All figures of both tasks, on one Asterisk. Raises StackError when something cannot be."""
    programs = find_programs(say=progress.say)
    sounds = made_prompts(programs, say=progress.say)
    figures: list[Figure] = []
    async with running_scene(programs, sounds) as scene:
        progress.say("Asterisk, Postgres, the service and the desks are up")
        for task in (BARE, WHOLE):
            prefix = "" if task is BARE else f"{task.name}_"
            with progress.step(f"{task.name}: the service starts with its settings"):
                await scene.set(task)
            figures += steady_figures(prefix, await steadily(scene, effort, progress))
            if effort.memory_calls and task is WHOLE:
                figures += await memory(scene, effort, progress)
            rates = await highest(scene, effort, progress)
            figures += highest_figures(prefix, rates, effort)
            figures += await overload(scene, prefix, rates, effort, progress)
        for line in scene.asterisk.complaints()[:5]:
            progress.say(f"Asterisk: {line}")
    return figures
