"""What tests play on: a node of Sumatera Utara and NTT, its database, and where each phone is."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp
import asyncpg

from ari_app.render import Trunk
from blocklist.store import add
from routing.directory import Desk, Directory, Level
from routing.nation import load_nation
from routing.units import national_directory
from stack.node import Node, Plan, province_units, running_node
from stack.ports import Ports
from stack.programs import Programs
from stack.tone import write_tone

BLOCKED = "+628119999000"
"""A number that is on every stage's block list."""

TRUNK_MEDAN, TRUNK_KUPANG, STRANGER = "127.0.0.1", "127.0.0.2", "127.0.0.9"
"""Where calls come from: a trunk whose default is Polda Sumut, one whose default is Polresta
Kupang Kota, and an address that is no trunk's."""

TRUNKS = (
    Trunk("trunk-medan", (TRUNK_MEDAN,), "polda-12"),
    Trunk("trunk-kupang", (TRUNK_KUPANG,), "polres-5371"),
)
CALLER_HERTZ, DESK_HERTZ = 600, 1000
PROVINCES = ("polda-12", "polda-53")
THREE_DESKS, PATIENT = "polres-1207", "polres-5371"
REGISTERING = Desk("polres-1275-desk1", "polres-1275", password="Piket-Binjai-#110")

Settings = Mapping[str, str]
QUICK: Settings = {"ring_seconds": "2"}
# On a noisy machine a call must not go another way than the test is about: the application may take
# its time to claim one, and to read its events. What a stage is about is set to the real figures.
UNHURRIED: Settings = {"handover_lag_ms": "60000", "handover_requests": "10000"}
UNHURRIED_BROADCAST_MS = 5000
BROADCAST_MS = 500  # as rendered


@dataclass(frozen=True, slots=True)
class Phone:
    """Where a desk's phone is expected."""

    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Tones:
    """What a caller says, and what a desk says, as raw A-law."""

    caller: Path
    desk: Path


def made_tones(directory: Path) -> Tones:
    """Sines of CALLER_HERTZ and DESK_HERTZ."""
    return Tones(
        write_tone(directory / "caller.alaw", CALLER_HERTZ),
        write_tone(directory / "desk.alaw", DESK_HERTZ),
    )


@dataclass(frozen=True, slots=True)
class Stage:
    """A running node with its record. settings are those it was started with."""

    programs: Programs
    ports: Ports
    node: Node
    database: asyncpg.Connection
    phones: Mapping[str, Phone]
    tones: Tones
    settings: Settings = field(default_factory=dict)

    async def metric(self, name: str) -> float:
        """A figure of the application, as it shows it on /metrics."""
        url = f"http://127.0.0.1:{self.node.metrics_port}/metrics"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            lines = (await answer.text()).splitlines()
        return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))

    def complaints(self) -> list[str]:
        """Every warning and error so far, of Asterisk, the application and FastAGI."""
        return self.node.asterisk.complaints() + [
            line
            for log in ("app.log", "agi.log")
            for line in (self.node.data_dir / log).read_text().splitlines()
            if '"level": "info"' not in line
        ]


@contextlib.asynccontextmanager
async def running_stage(
    programs: Programs,
    ports: Ports,
    sounds: Path,
    database_url: str,
    data_dir: Path,
    *,
    settings: Settings = QUICK,
    qualify_seconds: int = 0,
    broadcast_ms: int = UNHURRIED_BROADCAST_MS,
) -> AsyncIterator[Stage]:
    """A node that takes calls, its record in the database.

    settings come over UNHURRIED; broadcast_ms is how long a call waits for an application.
    """

    def amend(etc: Path) -> None:
        file = etc / "generated" / "globals.conf"
        rendered = file.read_text()
        wanted = f"BROADCAST_MS={broadcast_ms}\n"
        assert f"BROADCAST_MS={BROADCAST_MS}\n" in rendered
        file.write_text(rendered.replace(f"BROADCAST_MS={BROADCAST_MS}\n", wanted))

    phones, directory = _directory(ports)
    await _block(database_url)
    plan = Plan(
        directory,
        TRUNKS,
        database_url,
        data_dir,
        units=province_units(directory, PROVINCES),
        qualify_seconds=qualify_seconds,
        settings={**UNHURRIED, **settings},
        amend=amend,
    )
    async with running_node(programs, ports, plan, sounds) as node:
        await node.ready()
        database = await asyncpg.connect(database_url)
        try:
            yield Stage(programs, ports, node, database, phones, made_tones(data_dir), settings)
        finally:
            await database.close()


def _directory(ports: Ports) -> tuple[dict[str, Phone], Directory]:
    """The nation's units, one desk each, each at an address of its own; but Deli Serdang has three,
    Binjai's registers, and Kupang Kota is rung for a minute.
    """
    nation = national_directory(load_nation(), desks=dict.fromkeys(Level, 1))
    near = province_units(nation, PROVINCES)
    codes = [f"{unit}-desk1" for unit in sorted(near - {REGISTERING.unit})]
    codes += [f"{THREE_DESKS}-desk2", f"{THREE_DESKS}-desk3"]
    phones = {
        code: Phone(f"127.10.{number >> 8}.{number & 255}", ports.any())
        for number, code in enumerate(codes, start=1)
    }
    desks = [
        Desk(code, code.rpartition("-")[0], contact=f"sip:{code}@{phone.address}:{phone.port}")
        for code, phone in phones.items()
    ]
    patient = replace(nation.unit(PATIENT), ring_seconds=60.0)
    units = [patient if unit.code == PATIENT else unit for unit in nation.units.values()]
    return phones, Directory.of(units, [*desks, REGISTERING])


async def _block(database_url: str) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        await add(connection, int(BLOCKED), reason="prank calls", by="test")
    finally:
        await connection.close()
