"""The channel variables by which a call is given to the dialplan: what `sub-escalate` reads.

The application sets them before it hands a call over, FastAGI's `lookup` when no application took
the call. Each is explained in dialplan/20-escalate.conf.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from agi import plan_text
from ari_app.decision import Decision


@dataclass(frozen=True, slots=True)
class DialplanRules:
    """How the dialplan shall treat calls.

    answer is `at_once` or `on_connect`; recordings the directory as Asterisk sees it, or None
    where nothing is recorded.
    """

    answer: str
    greeting: bool
    recordings: PurePosixPath | None


def variables(
    decision: Decision,
    call_id: str,
    rules: DialplanRules,
    first_rung: int = 1,
    attempts: int = 0,
) -> dict[str, str]:
    """What to set, in this order: PLAN or BLOCKED, on which the dialplan acts, comes last.

    first_rung is the rung of the plan to begin with, attempts how many were rung already. A
    blocked call has nothing to ring and nothing to record.
    """
    recorded = rules.recordings is not None and not decision.blocked
    return {
        "CALL_ID": call_id,
        "RUNG_FIRST": str(first_rung),
        "ATTEMPTS": str(attempts),
        "ANSWER": rules.answer,
        "GREETING": str(int(rules.greeting)),
        "RECORDING": f"{rules.recordings}/{call_id}.wav" if recorded else "",
        "BLOCKED": (decision.check.reason or "blocked") if decision.blocked else "",
        "PLAN": "" if decision.blocked else plan_text.encode(decision.plan),
    }


def as_array(variables: Mapping[str, str]) -> str:
    """The values in their order, as 30-fallback.conf takes them apart by ARRAY(): one variable is
    one round trip of AGI. Commas and quotes, which a reason may hold, are left out."""
    return ",".join(re.sub(r'[,"\\]', "", value) for value in variables.values())
