"""One call: its states, what can happen to it, what to do next. Pure; no I/O.

`step(state, event)` is the whole interface; state.py, events.py and commands.py are its words.
"""

from ari_app.call.machine import TABLE, step
from ari_app.call.state import CallState, Phase

__all__ = ["TABLE", "CallState", "Phase", "step"]
