"""A thousand callers all over Indonesia: the desk that rings is the one that `route` names."""

import asyncio
import csv
import io
import random
from collections.abc import Iterator
from pathlib import Path

import asyncpg

from ari_app.render import Trunk
from routing.directory import Level
from routing.nation import load_nation
from routing.units import national_directory
from stack.caller import Invite, escape
from stack.desk import answers, running_desk
from stack.node import Node, Plan, command, running_node
from stack.pidf import pidf
from stack.ports import Ports
from stack.postgres import Postgres
from stack.programs import Programs
from stack.sipp import SCENARIOS, running_sipp
from tests.e2e.record import records

CALLS = 1_000
CALLS_PER_SECOND = 20
SETTINGS = {"recording": "false", "greeting": "false"}


async def test_a_thousand_calls_from_all_over_the_country_ring_where_route_says(
    programs: Programs,
    ports: Ports,
    sounds: Path,
    postgres: Postgres,
    migrated_database: str,
    database_names: Iterator[str],
    tmp_path: Path,
) -> None:
    points = places()
    name = next(database_names)
    url = await postgres.create(name, migrated_database)
    directory = national_directory(load_nation(), desks=dict.fromkeys(Level, 1))
    async with running_desk(programs, answers(), rtp_ports=400) as phones:
        plan = Plan(
            directory,
            (Trunk("trunk-nation", ("127.0.0.1",), "polda-12"),),
            url,
            tmp_path / "data",
            phones_port=phones.port,
            qualify_seconds=0,
            rtp_ports=400,
            settings=SETTINGS,
        )
        async with running_node(programs, ports, plan, sounds) as node:
            await node.ready()
            expected = await routed(node, tmp_path, points)
            await call_from(programs, node, tmp_path, points)
            database = await asyncpg.connect(url)
            try:
                made = await records(database, (), CALLS, recorded=False, within_seconds=30)
            finally:
                await database.close()
    rung = {str(record["number"]): record.desks[0][0] for record in made}
    assert len(rung) == CALLS
    wrong = {
        number: (rung[number], expected[number])
        for number in rung
        if rung[number] != f"{expected[number]}-desk1"
    }
    assert not wrong
    assert {record["outcome"] for record in made} == {"connected"}
    assert len(set(expected.values())) > 300
    await postgres.drop(name)


def places() -> dict[str, tuple[str, str]]:
    """Numbers and, near villages all over the country, places."""
    chance = random.Random(110)
    villages = load_nation().villages
    return {
        f"6281300{n:06d}": (
            f"{villages.lat[at] + chance.gauss(0, 0.01):.6f}",
            f"{villages.lon[at] + chance.gauss(0, 0.01):.6f}",
        )
        for n, at in enumerate(chance.choices(range(len(villages.code)), k=CALLS))
    }


async def routed(node: Node, folder: Path, points: dict[str, tuple[str, str]]) -> dict[str, str]:
    """What `polri110 route --csv` says of each."""
    file = folder / "points.csv"
    lines = ["lat,lon", *(f"{lat},{lon}" for lat, lon in points.values())]
    file.write_text("\n".join(lines))
    child = await asyncio.create_subprocess_exec(
        *command("route", "--csv", str(file)),
        env={**node.environment},
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await child.communicate()
    rows = csv.DictReader(io.StringIO(said.decode()))
    return dict(zip(points, (row["polres_code"] for row in rows), strict=True))


async def call_from(
    programs: Programs, node: Node, folder: Path, points: dict[str, tuple[str, str]]
) -> None:
    """Call from each place, by SIPp with an injection file."""
    request = Invite(number="@NUMBER@", pidf=pidf("@LAT@", "@LON@", 35))
    scenario = (SCENARIOS / "uac-call.xml").read_text(encoding="utf-8")
    for part, text in {
        "{{invite}}": request.text(),
        "{{ack}}": request.ack(),
        "{{dialled}}": escape(request.dialled),
        "@NUMBER@": "+[field0]",
        "@LAT@": "[field1]",
        "@LON@": "[field2]",
    }.items():
        scenario = scenario.replace(part, text)
    injected = folder / "injected.csv"
    rows = [f"{number};{lat};{lon};" for number, (lat, lon) in points.items()]
    injected.write_text("\n".join(["SEQUENTIAL", *rows]) + "\n")
    async with running_sipp(
        programs,
        scenario,
        arguments=[
            *(f"127.0.0.1:{node.sip_port}", "-m", str(CALLS), "-l", "90"),
            *("-r", str(CALLS_PER_SECOND), "-inf", "{dir}/injected.csv"),
        ],
        keys={"patience_ms": "20000", "talk_ms": "3000", "tone": "-"},
        files=[injected],
        rtp_ports=400,
        name="callers",
    ) as callers:
        verdict = await callers.ended(CALLS / CALLS_PER_SECOND + 60)
    assert verdict.passed, verdict.errors[-2000:]
