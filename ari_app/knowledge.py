"""What a process knows, kept current: directory, territory and block list, all in memory.

Loaded from Postgres, or, while it is away, from the local snapshots; and when there is neither,
from the national tables that are part of the service. A call waits for none of it.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ari_app.decision import Check, Decision, Knowledge, RoutingRules, decide
from ari_app.intake import Facts, facts, words
from ari_app.settings import Settings
from blocklist.index import BlockIndex
from blocklist.policy import UNREADABLE
from blocklist.snapshot import SnapshotError as BlockSnapshotError
from routing.directory import Directory
from routing.jurisdiction import Jurisdiction
from routing.location import Belief, Believed, LocationPolicy
from routing.nation import load_nation
from routing.plan import make_plan
from routing.snapshot import SnapshotError, load_snapshot, save_snapshot
from routing.units import national_directory

log = structlog.get_logger(__name__)

DIRECTORY_SNAPSHOT = "directory.json"
BLOCKS_SNAPSHOT = "blocklist.snapshot"


class Knowing:
    """The present knowledge of one process; replaced as a whole, so a call sees one state of it."""

    def __init__(self, known: Knowledge, blocks: BlockIndex, data_dir: Path) -> None:
        self.known = known
        self.blocks = blocks
        self._data_dir = data_dir

    def take_directory(self, directory: Directory) -> None:
        """Go by a changed directory from the next call on, and keep it for a start without
        Postgres.
        """
        jurisdiction = self.known.jurisdiction.under(directory)
        self.known = Knowledge(directory, jurisdiction, self.blocks.check)
        try:
            save_snapshot(directory, self._data_dir / DIRECTORY_SNAPSHOT)
        except SnapshotError as error:
            log.error("snapshot_failed", error=str(error))


def load(settings: Settings) -> Knowing:
    """The knowledge that is on this disk; never fails: without snapshots, the national tables."""
    nation = load_nation()
    directory = _directory(settings.data_dir) or national_directory(nation)
    blocks = BlockIndex()
    snapshot = settings.data_dir / BLOCKS_SNAPSHOT
    try:
        blocks.load(snapshot)
    except FileNotFoundError:
        log.warning("no_block_list", file=str(snapshot), effect="calls pass unchecked until loaded")
    except (OSError, BlockSnapshotError) as error:
        log.error("block_list_unreadable", error=str(error))
    known = Knowledge(directory, Jurisdiction(nation, directory), blocks.check)
    return Knowing(known, blocks, settings.data_dir)


def _directory(data_dir: Path) -> Directory | None:
    try:
        return load_snapshot(data_dir / DIRECTORY_SNAPSHOT)
    except SnapshotError as error:
        log.error("directory_snapshot_unreadable", error=str(error))
        return None


def routing_rules(settings: Settings) -> RoutingRules:
    """The settings that decisions depend on."""
    return RoutingRules(
        trunk_units=settings.trunk_units,
        default_unit=settings.default_unit,
        ring_seconds=settings.ring_seconds,
        location=LocationPolicy(trust_swapped=settings.trust_swapped_fix),
    )


def decider(
    knowing: Knowing, rules: RoutingRules, undecided: Callable[[], None]
) -> Callable[[str, Sequence[str]], Decision]:
    """A function from a channel and the dialplan's words to the decision; it never raises.

    A fault of ours in deciding lets the call through by the default plan, and is counted by
    `undecided`: a caller must not pay for it.
    """

    def decide_call(channel: str, args: Sequence[str]) -> Decision:
        found = facts(channel, words(args))
        known = knowing.known
        try:
            return decide(found, known, rules, datetime.now(UTC))
        except Exception:
            log.exception("undecided", channel=channel)
            undecided()
            return by_default(found, known, rules, UNREADABLE)

    return decide_call


def by_default(found: Facts, known: Knowledge, rules: RoutingRules, check: Check) -> Decision:
    """The decision of a call about which nothing could be found out."""
    plan = make_plan(
        known.directory,
        None,
        rules.trunk_units.get(found.trunk),
        rules.default_unit,
        rules.ring_seconds,
    )
    return Decision(found, check, Believed(None, Belief.NO_LOCATION, found.rejected), None, plan)
