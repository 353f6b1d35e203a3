"""An ARI whose answers a test scripts, for what a real Asterisk does too seldom to wait for."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from agi.dialplan import DialplanRules
from ari_app.call.state import Rules
from ari_app.client import AriClient
from ari_app.client.requests import Response
from ari_app.conductor import Conductor
from ari_app.dead_mans_switch import DeadMansSwitch
from ari_app.decision import Decision
from ari_app.events import AriEvent, parse_event
from ari_app.executor import AriExecutor
from ari_app.intake import facts
from ari_app.recordings import RecordingArchive
from db.events import Event
from routing.location import Belief, Believed
from routing.plan import PlanReason, RoutePlan, Rung, RungDesk

PLAN = RoutePlan(
    tuple(
        Rung(unit, unit, level, (RungDesk(f"{unit}-desk1", f"PJSIP/{unit}-desk1"),), 10.0)
        for unit, level in (("polres-1271", "polres"), ("polda-12", "polda"), ("mabes", "mabes"))
    ),
    PlanReason.LOCATION,
)

Script = Callable[[str, str], Exception | None]


@dataclass(frozen=True)
class Passed:
    """A block list that lets everybody through."""

    verdict: str = "pass"
    reason: str = ""


class ScriptedAri(AriClient):
    """Answers each request at once, with what `script(method, uri)` says (None: success)."""

    def __init__(self, script: Script) -> None:
        super().__init__("http://127.0.0.1:9", "user", "password", "polri110-1")
        self.script = script
        self.asked: list[tuple[str, str, dict[str, Any]]] = []

    def _ask(  # type: ignore[override]
        self,
        method: str,
        uri: str,
        params: Mapping[str, Any] | None = None,
        body: Mapping[str, Any] | None = None,
        *,
        decode: Callable[[Response], Any],
        timeout: float | None = None,
    ) -> "asyncio.Future[Any]":
        self.asked.append((method, uri, {**(params or {}), **(body or {})}))
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        error = self.script(method, uri)
        if error is None:
            future.set_result([] if (method, uri) == ("GET", "channels") else None)
        else:
            future.set_exception(error)
        return future

    def sent(self, method: str, ending: str) -> list[str]:
        """The uris asked for with that method and that ending."""
        return [uri for asked, uri, _ in self.asked if asked == method and uri.endswith(ending)]


@dataclass
class Kept:
    """A journal in memory."""

    writer: str = "node-1.test"
    events: list[Event] = field(default_factory=list)

    def append(self, events: list[Event], /) -> None:
        self.events.extend(events)

    def kinds(self) -> list[str]:
        return [event.kind for event in self.events]

    def data(self, kind: str) -> list[dict[str, Any]]:
        return [event.data for event in self.events if event.kind == kind]


class Stage:
    """A conductor with a scripted Asterisk and a journal in memory."""

    def __init__(
        self,
        tmp_path: Path,
        script: Script,
        overload: str | None = None,
        verdict: str = "pass",
        switch_seconds: float = 3.0,
    ) -> None:
        self.ari = ScriptedAri(script)
        self.journal = Kept()
        rules = DialplanRules("at_once", greeting=True, recordings=None)
        self.conductor = Conductor(
            self.ari,
            AriExecutor(self.ari, rules),
            lambda channel, _args: Decision(
                facts(channel, {"num": "081234567890", "trunk": "trunk"}),
                Passed(verdict),
                Believed(None, Belief.NO_LOCATION),
                None,
                PLAN,
            ),
            self.journal,
            RecordingArchive(tmp_path / "spool", tmp_path / "recordings"),
            Rules(),
            lambda _calls: overload,
            DeadMansSwitch(self.ari, rules, seconds=switch_seconds),
        )

    async def happens(self, kind: str, channel: str = "caller", **more: Any) -> None:
        """Asterisk tells of a channel; what it sets off has been done when this returns."""
        self.conductor.take(
            event(kind, channel=channel_json(channel, more.pop("state", "Up")), **more)
        )
        await self.settled()

    async def settled(self) -> None:
        """Let the answers to the requests come in."""
        for _ in range(5):
            await asyncio.sleep(0)

    @property
    def call_id(self) -> str:
        return self.journal.events[0].call_id


def event(kind: str, **fields: Any) -> AriEvent:
    now = datetime.now(UTC).isoformat()
    return parse_event(orjson.loads(orjson.dumps({"type": kind, "timestamp": now, **fields})))


def channel_json(channel_id: str, state: str) -> dict[str, Any]:
    return {
        "id": channel_id,
        "name": f"PJSIP/x-{channel_id}",
        "state": state,
        "caller": {"name": "", "number": ""},
        "connected": {"name": "", "number": ""},
        "dialplan": {"context": "from-trunk", "exten": "110", "priority": 1},
        "creationtime": datetime.now(UTC).isoformat(),
    }
