"""Which location to believe. Pure: the time comes in, nothing is looked up."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from routing.geo import Fix, FixFault, RejectedFix, Source


class Belief(StrEnum):
    """Why this fix is believed, or why none is."""

    ONLY_FIX = "only_fix"
    LEAST_UNCERTAIN = "least_uncertain"
    BETTER_SOURCE = "better_source"
    NO_LOCATION = "no_location"
    NONE_USABLE = "none_usable"


# What a source that names a bare point is taken to mean, in metres. A network's bare point is
# often the mast; a phone's own fix is not.
BARE_POINT_M = {
    Source.PIDF_LO: 100.0,
    Source.AML: 50.0,
    Source.CELL: 3_000.0,
    Source.AREA_CODE: 15_000.0,
    Source.TRUNK: 50_000.0,
    Source.NATIONAL: 1_000_000.0,
}
_RANK = {source: rank for rank, source in enumerate(Source)}


@dataclass(frozen=True, slots=True)
class LocationPolicy:
    """The limits of belief.

    drift_m_per_second is how much wider a fix is taken to be for each second of its age, so that a
    fresh coarse fix can beat an old fine one.
    """

    max_age_seconds: float = 600.0
    max_uncertainty_m: float = 20_000.0
    drift_m_per_second: float = 5.0
    trust_swapped: bool = False


DEFAULT_POLICY = LocationPolicy()


@dataclass(frozen=True, slots=True)
class Believed:
    """The fix that is routed on, if any, and everything else that was said, for the record."""

    fix: Fix | None
    reason: Belief
    rejected: tuple[RejectedFix, ...] = ()
    others: tuple[Fix, ...] = ()


def choose(
    fixes: Sequence[Fix],
    rejected: Sequence[RejectedFix],
    now: datetime,
    policy: LocationPolicy = DEFAULT_POLICY,
) -> Believed:
    """The best usable fix: the least uncertain, its age counted as uncertainty; then the source.

    now carries a zone. A fix that is too old or coarser than a kabupaten joins the rejected. A
    swapped fix is used only where the policy trusts it.
    """
    usable: list[Fix] = []
    refused: list[RejectedFix] = []
    for refusal in rejected:
        turned = refusal.fix if refusal.fault is FixFault.SWAPPED else None
        if policy.trust_swapped and turned is not None and _limit(turned, now, policy) is None:
            usable.append(turned)
        else:
            refused.append(refusal)
    for fix in fixes:
        fault = _limit(fix, now, policy)
        if fault is None:
            usable.append(fix)
        else:
            refused.append(RejectedFix(fix.source, fault, _written(fix), fix))
    if not usable:
        reason = Belief.NONE_USABLE if refused else Belief.NO_LOCATION
        return Believed(None, reason, tuple(refused))

    ranked = sorted(usable, key=lambda fix: (_reach_m(fix, now, policy), _RANK[fix.source]))
    best, others = ranked[0], tuple(ranked[1:])
    if not others:
        reason = Belief.ONLY_FIX
    elif _reach_m(best, now, policy) < _reach_m(others[0], now, policy):
        reason = Belief.LEAST_UNCERTAIN
    else:
        reason = Belief.BETTER_SOURCE
    return Believed(best, reason, tuple(refused), others)


def _age_seconds(fix: Fix, now: datetime) -> float:
    # A phone's clock may run ahead; a fix from the future is as new as the call.
    return 0.0 if fix.at is None else max(0.0, (now - fix.at).total_seconds())


def _stated_m(fix: Fix) -> float:
    return fix.uncertainty_m if fix.uncertainty_m > 0 else BARE_POINT_M[fix.source]


def _reach_m(fix: Fix, now: datetime, policy: LocationPolicy) -> float:
    return _stated_m(fix) + policy.drift_m_per_second * _age_seconds(fix, now)


def _limit(fix: Fix, now: datetime, policy: LocationPolicy) -> FixFault | None:
    if _age_seconds(fix, now) > policy.max_age_seconds:
        return FixFault.TOO_OLD
    if _stated_m(fix) > policy.max_uncertainty_m:
        return FixFault.TOO_COARSE
    return None


def _written(fix: Fix) -> str:
    return f"{fix.point.lat:.6f} {fix.point.lon:.6f} ±{fix.uncertainty_m:.0f} m"
