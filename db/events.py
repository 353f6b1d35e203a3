"""The event: the one form in which anything that happens to a call is recorded.

A call's state is the fold of its events. The same events are the record, what recovery replays,
and what the console shows.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened to one call.

    (call_id, writer, seq) identifies it, so shipping it twice changes nothing: `writer` names the
    process that wrote it and `seq` counts that process' events of the call from 1. `data` holds
    JSON values only. `at` carries a zone (UTC).
    """

    call_id: str
    writer: str
    seq: int
    at: datetime
    kind: str
    data: dict[str, Any]
