"""Feeds a call's machine and remembers what it said."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from ari_app.call import TABLE, CallState, step
from ari_app.call import commands as do
from ari_app.call import events as on
from ari_app.call.restore import Recorded
from ari_app.call.state import Rules
from routing.plan import PlanReason, RoutePlan, Rung, RungDesk


def rung(unit: str, level: str, desks: int, seconds: float = 10.0) -> Rung:
    phones = tuple(
        RungDesk(f"{unit}-desk{n}", f"PJSIP/{unit}-desk{n}") for n in range(1, desks + 1)
    )
    return Rung(unit, unit, level, phones, seconds)


PLAN = RoutePlan(
    (rung("polres-1271", "polres", 2), rung("polda-12", "polda", 1), rung("mabes", "mabes", 2)),
    PlanReason.LOCATION,
)


@dataclass
class Driver:
    """Feeds a call and remembers every command, note and phase."""

    state: CallState
    commands: list[do.Command] = field(default_factory=list)
    record: list[Recorded] = field(default_factory=list)

    def feed(self, *events: on.CallEvent) -> list[do.Command]:
        fresh: list[do.Command] = []
        for event in events:
            before = self.state
            self.state, commands = step(before, event)
            if self.state.phase is not before.phase:
                assert self.state.phase in TABLE[before.phase, type(event)].leads_to
            fresh.extend(commands)
            self.record.extend(
                (event.t, c.kind, c.data) for c in commands if isinstance(c, do.Note)
            )
        self.commands.extend(fresh)
        return fresh

    def notes(self, kind: str) -> list[dict[str, object]]:
        return [dict(c.data) for c in self.commands if isinstance(c, do.Note) and c.kind == kind]

    @property
    def kinds(self) -> list[str]:
        return [c.kind for c in self.commands if isinstance(c, do.Note)]


def arrived(rules: Rules | None = None, plan: RoutePlan = PLAN, **how: object) -> Driver:
    driver = Driver(CallState("call", rules or Rules()))
    driver.feed(on.Arrived(0.0, plan, **how))  # type: ignore[arg-type]
    return driver


def dialled(commands: Iterable[do.Command]) -> list[str]:
    return [c.leg for c in commands if isinstance(c, do.DialDesk)]


def hung_up(commands: Iterable[do.Command]) -> list[str]:
    return [c.leg for c in commands if isinstance(c, do.HangUpLeg)]


def spoken(commands: Iterable[do.Command]) -> list[str]:
    return [c.name for c in commands if isinstance(c, do.Speak | do.Announce)]
