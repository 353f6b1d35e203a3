"""What shall happen to a call: let through or blocked, believed where, rung in which order.

The one decision that the Stasis application and FastAGI share. Pure: what is known comes in as
`Knowledge`, the time as an argument.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

from ari_app.call.restore import plan_data
from ari_app.intake import NOTHING, Facts, Found, Lookups
from blocklist.number import Number
from routing.directory import Directory
from routing.fix_record import fix_data, rejected_data
from routing.jurisdiction import Jurisdiction, Verdict
from routing.location import Believed, LocationPolicy, choose
from routing.plan import RoutePlan, make_plan


class Check(Protocol):
    """What the block list says of a number."""

    @property
    def verdict(self) -> str:
        """`pass`, `blocked`, or `unchecked` when the list cannot be read (the call passes)."""

    @property
    def reason(self) -> str:
        """Why, in a few words."""


@dataclass(frozen=True, slots=True)
class RoutingRules:
    """The settings that a decision depends on. Seconds."""

    trunk_units: Mapping[str, str]
    default_unit: str
    ring_seconds: float
    location: LocationPolicy


@dataclass(frozen=True, slots=True)
class Knowledge:
    """What the service knows at one moment: directory, territory, block list, places by name,
    cell and number.
    """

    directory: Directory
    jurisdiction: Jurisdiction
    check: Callable[[Number], Check]
    lookups: Lookups = NOTHING


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision and what it was made from."""

    facts: Facts
    check: Check
    believed: Believed
    verdict: Verdict | None
    plan: RoutePlan

    @property
    def blocked(self) -> bool:
        """The caller may not ring a desk."""
        return self.check.verdict == "blocked"


def decide(facts: Facts, known: Knowledge, rules: RoutingRules, now: datetime) -> Decision:
    """Decide one call; now carries a zone."""
    believed, verdict, plan = _route(facts, known, rules, now)
    return Decision(facts, known.check(facts.number), believed, verdict, plan)


def reconsider(
    decision: Decision, found: Iterable[Found], known: Knowledge, rules: RoutingRules, now: datetime
) -> Decision:
    """The decision with further statements of where the caller is; the caller stays let through
    or blocked as was decided.
    """
    facts = decision.facts.also(found)
    believed, verdict, plan = _route(facts, known, rules, now)
    return replace(decision, facts=facts, believed=believed, verdict=verdict, plan=plan)


def _route(
    facts: Facts, known: Knowledge, rules: RoutingRules, now: datetime
) -> tuple[Believed, Verdict | None, RoutePlan]:
    believed = choose(facts.fixes, facts.rejected, now, rules.location)
    fix = believed.fix
    verdict = None if fix is None else known.jurisdiction.locate(fix.point, fix.uncertainty_m)
    plan = make_plan(
        known.directory,
        verdict,
        rules.trunk_units.get(facts.trunk),
        rules.default_unit,
        rules.ring_seconds,
    )
    return believed, verdict, plan


def notes(decision: Decision, way: str) -> list[tuple[str, dict[str, Any]]]:
    """The decision as events (kind, data) for the record; way is `ari`, `agi` or `static`."""
    facts, number = decision.facts, decision.facts.number
    return [
        (
            "arrived",
            {
                "channel": facts.channel,
                "trunk": facts.trunk,
                "dialled": facts.dialled,
                "number": number.e164,
                "number_raw": number.raw,
                "withheld": number.withheld,
                "asserted": number.asserted,
                "way": way,
            },
        ),
        ("located", located(decision)),
        ("checked", {"verdict": decision.check.verdict, "reason": decision.check.reason}),
        ("planned", plan_data(decision.plan)),
    ]


def located(decision: Decision) -> dict[str, Any]:
    """Where the caller is taken to be, and everything that was said of it: a `located` event."""
    believed, verdict = decision.believed, decision.verdict
    return {
        "fix": None if believed.fix is None else fix_data(believed.fix),
        "rejected": [rejected_data(refusal) for refusal in believed.rejected],
        "others": [fix_data(other) for other in believed.others],
        "area": list(decision.facts.area),
        "reason": believed.reason.value,
        "kabupaten": verdict and verdict.kabupaten,
        "kabupaten_name": verdict and verdict.kabupaten_name,
        "kecamatan_name": verdict and verdict.kecamatan_name,
        "polres": verdict and verdict.polres,
        "second": verdict and verdict.second_polres,
        "second_kabupaten": verdict and verdict.second_kabupaten,
        "second_kabupaten_name": verdict and verdict.second_kabupaten_name,
        "ambiguous": verdict is not None and verdict.ambiguous,
        "distance_km": verdict and round(verdict.distance_km, 3),
    }
