"""docs/call.md, drawn from the machine's own table: `python -m ari_app.call.diagram`."""

from collections import defaultdict

from ari_app.call.machine import TABLE
from ari_app.call.state import Phase

_INTRO = """# The states of a call

Generated from `ari_app/call/machine.py` by `python -m ari_app.call.diagram > docs/call.md`.

Every call begins in `arriving`. `ended` and `handed_over` are final: the outcome is recorded, by
the application or by the dialplan that carries the plan out.
"""


def diagram() -> str:
    """The whole of docs/call.md: a Mermaid state diagram and a table of what means what where."""
    edges: dict[tuple[Phase, Phase], list[str]] = defaultdict(list)
    rows: dict[Phase, list[str]] = defaultdict(list)
    for (phase, event), transition in TABLE.items():
        targets = sorted(transition.leads_to - {phase})
        for target in targets:
            edges[phase, target].append(event.__name__)
        rows[phase].append(f"| `{event.__name__}` | {', '.join(targets) or 'stays'} |")
    lines = [_INTRO, "```mermaid", "stateDiagram-v2", "    [*] --> arriving"]
    for (phase, target), events in sorted(edges.items()):
        lines.append(f"    {phase} --> {target}: {', '.join(sorted(events))}")
    lines += ["    ended --> [*]", "    handed_over --> [*]", "```"]
    for phase in Phase:
        lines += [
            "",
            f"## {phase}",
            "",
            "| event | can lead to |",
            "|---|---|",
            *sorted(rows[phase]),
        ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    print(diagram(), end="")
