"""What a process knows, kept current: directory, territory, cells and block list, all in memory.

Loaded from the local snapshots, or, when there is none, from the national tables that are part of
the service; then followed in Postgres (ari_app/following.py). A call waits for none of it.
"""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import structlog

from ari_app.decision import Check, Decision, Knowledge, RoutingRules, decide
from ari_app.intake import Facts, Found, Lookups, facts, words
from ari_app.settings import Settings
from blocklist.index import BlockIndex
from blocklist.policy import UNREADABLE
from blocklist.snapshot import SnapshotError as BlockSnapshotError
from routing.boundaries import Boundaries, BoundariesError, load_boundaries
from routing.directory import Directory
from routing.gazetteer import Gazetteer
from routing.jurisdiction import Jurisdiction
from routing.location import Belief, Believed, LocationPolicy
from routing.nation import Nation, load_nation
from routing.plan import make_plan
from routing.snapshot import SnapshotError, load_snapshot, save_snapshot
from routing.sources.area_code import AreaCodes
from routing.sources.cells import CellTable, CellTableError
from routing.units import national_directory

log = structlog.get_logger(__name__)

DIRECTORY_SNAPSHOT = "directory.json"
BLOCKS_SNAPSHOT = "blocklist.snapshot"
BOUNDARIES = "boundaries.npz"
CELLS = "cells.npz"


class Knowing:
    """The present knowledge of one process; replaced as a whole, so a call sees one state of it."""

    def __init__(self, known: Knowledge, blocks: BlockIndex, data_dir: Path) -> None:
        self.known = known
        self.blocks = blocks
        self.data_dir = data_dir

    async def take_directory(self, directory: Directory) -> None:
        """Go by a changed directory from the next call on, and keep it for a start without
        Postgres.
        """
        self.use_directory(directory)
        await asyncio.to_thread(self._keep, directory)

    def use_directory(self, directory: Directory) -> None:
        """Go by a changed directory from the next call on."""
        if directory == self.known.directory:
            return
        jurisdiction = self.known.jurisdiction.under(directory)
        self.known = replace(self.known, directory=directory, jurisdiction=jurisdiction)
        log.info("directory_taken", units=len(directory.units))

    def use_boundaries(self, boundaries: Boundaries | None) -> None:
        """Go by other boundaries from the next call on."""
        self.known = replace(self.known, jurisdiction=self.known.jurisdiction.within(boundaries))
        log.info("boundaries_taken", boundaries=0 if boundaries is None else len(boundaries))

    def use_cells(self, cells: CellTable | None) -> None:
        """Go by another cell table from the next call on."""
        find = None if cells is None else cells.find
        self.known = replace(self.known, lookups=replace(self.known.lookups, cell=find))
        log.info("cells_taken", cells=0 if cells is None else len(cells))

    def _keep(self, directory: Directory) -> None:
        path = self.data_dir / DIRECTORY_SNAPSHOT
        try:
            if load_snapshot(path) == directory:
                return  # another process of this node was first
        except SnapshotError:
            pass  # replaced below
        try:
            save_snapshot(directory, path)
        except SnapshotError as error:
            log.error("snapshot_failed", error=str(error))


def load(settings: Settings, reported: Callable[[int], Iterable[Found]] | None = None) -> Knowing:
    """The knowledge that is on this disk; never fails: without snapshots, the national tables.

    reported: what phones said by AML of late, by number.
    """
    nation = load_nation()
    data_dir = settings.data_dir
    directory = read_directory(data_dir) or national_directory(nation)
    blocks = BlockIndex()
    snapshot = data_dir / BLOCKS_SNAPSHOT
    try:
        blocks.load(snapshot)
    except FileNotFoundError:
        log.warning("no_block_list", file=str(snapshot), effect="calls pass unchecked until loaded")
    except (OSError, BlockSnapshotError) as error:
        log.error("block_list_unreadable", error=str(error))
    jurisdiction = Jurisdiction(nation, directory, read_boundaries(data_dir))
    lookups = _lookups(nation, read_cells(data_dir), reported)
    return Knowing(Knowledge(directory, jurisdiction, blocks.check, lookups), blocks, data_dir)


def _lookups(
    nation: Nation,
    cells: CellTable | None,
    reported: Callable[[int], Iterable[Found]] | None,
) -> Lookups:
    gazetteer = Gazetteer(nation)
    codes = AreaCodes(gazetteer)
    return Lookups(
        civic=gazetteer.civic,
        cell=None if cells is None else cells.find,
        area=lambda e164: (codes.candidates(e164), codes.fix(e164)),
        reported=reported,
    )


def read_directory(data_dir: Path) -> Directory | None:
    """The directory of the snapshot; None where there is none, or none that can be read."""
    try:
        return load_snapshot(data_dir / DIRECTORY_SNAPSHOT)
    except SnapshotError as error:
        log.error("directory_snapshot_unreadable", error=str(error))
        return None


def read_boundaries(data_dir: Path) -> Boundaries | None:
    """The imported boundaries; None where there are none, or none that can be read."""
    try:
        return load_boundaries(data_dir / BOUNDARIES)
    except BoundariesError as error:
        log.error("boundaries_unreadable", error=str(error), effect="villages decide")
        return None


def read_cells(data_dir: Path) -> CellTable | None:
    """The cell table; None where there is none, or none that can be read."""
    try:
        return CellTable.load(data_dir / CELLS)
    except FileNotFoundError:
        return None
    except CellTableError as error:
        log.error("cells_unreadable", error=str(error), effect="cells name no place")
        return None


def routing_rules(settings: Settings) -> RoutingRules:
    """The settings that decisions depend on."""
    return RoutingRules(
        trunk_units=settings.trunk_units,
        default_unit=settings.default_unit,
        ring_seconds=settings.ring_seconds,
        location=LocationPolicy(
            max_age_seconds=settings.location_max_age_seconds,
            max_uncertainty_m=settings.location_max_uncertainty_m,
            trust_swapped=settings.trust_swapped_fix,
        ),
    )


def decider(
    knowing: Knowing, rules: RoutingRules, undecided: Callable[[], None]
) -> Callable[[str, Sequence[str]], Decision]:
    """A function from a channel and the dialplan's words to the decision; it never raises.

    A fault of ours in deciding lets the call through by the default plan, and is counted by
    `undecided`: a caller must not pay for it.
    """

    def decide_call(channel: str, args: Sequence[str]) -> Decision:
        known = knowing.known
        given = words(args)
        try:
            found = facts(channel, given, known.lookups)
            return decide(found, known, rules, datetime.now(UTC))
        except Exception:
            log.exception("undecided", channel=channel)
            undecided()
            return by_default(facts(channel, given), known, rules, UNREADABLE)

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
