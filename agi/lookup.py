"""The verb `lookup`: decides a call that no application took, and tells the dialplan.

AGI(agi://127.0.0.1:4573/lookup,trunk=...:dialled=110:num=...)
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from uuid_utils import uuid7

from agi.dialplan import DialplanRules, as_array, variables
from agi.protocol import Request
from agi.server import Session
from ari_app.decision import Decision, notes
from ari_app.live_call import JournalSink
from db.events import Event

Decide = Callable[[str, Sequence[str]], Decision]
"""(Asterisk's id of the caller's channel, the dialplan's words) -> the decision; never raises."""


@dataclass(frozen=True, slots=True)
class Lookup:
    """The verb, with what it needs."""

    decide: Decide
    journal: JournalSink
    rules: DialplanRules

    async def __call__(self, request: Request, session: Session) -> None:
        """Decide the call, tell the dialplan, record the decision.

        Nothing is recorded of a call whose variable Asterisk did not take: it is then the
        dialplan's own (way `static`), and must not stand in the record twice.
        """
        words = ":".join(request.args).split(":")
        decision = self.decide(request.uniqueid, words)
        call_id = str(uuid7())
        await session.set_variable("LOOKUP", as_array(variables(decision, call_id, self.rules)))
        now = datetime.now(UTC)
        self.journal.append(
            [
                Event(call_id, self.journal.writer, seq, now, kind, data)
                for seq, (kind, data) in enumerate(notes(decision, way="agi"), start=1)
            ]
        )
