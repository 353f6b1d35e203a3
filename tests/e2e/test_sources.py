"""Where a caller is, from every source a trunk can give: the Polres that it implies is rung."""

import asyncio
import contextlib
import json
import socket
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import pytest

from routing.geo import Point
from stack.caller import Invite
from stack.desk import Desk, answers, rings
from stack.node import command
from stack.pidf import pidf
from stack.process import start
from tests.e2e.conftest import Stages
from tests.e2e.record import Record
from tests.e2e.scene import Scene, medan, playing, seconds, talking
from tests.e2e.stage import TRUNK_KUPANG, TRUNK_MEDAN, Stage

PANI = "P-Access-Network-Info: 3GPP-E-UTRAN-FDD; utran-cell-id-3gpp=510101A2B254AF11"
PAI = "P-Asserted-Identity: <sip:{}@ims.example;utran-cell-id-3gpp=510101A2B254AF11>"
CELLS = "LTE,510,10,6699,39104273,0,98.6722,3.5952,1500,3,1,1,1,-90\n"  # Medan Barat
TAKEN_SECONDS = 2.0
"""Within which a change reaches a running service."""
NTT_2021 = Path("routing/data/ntt-2021.csv")
UNCONNECTED = ("polres-5316", "polres-5318", "polres-5319", "polres-5320", "polres-5321")


@pytest.fixture(scope="module")
async def stage(stages: Stages) -> AsyncIterator[Stage]:
    async with stages({"ring_seconds": "10"}) as stage:
        yield stage


@pytest.fixture
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    async with playing(stage) as scene:
        yield scene


@pytest.fixture(scope="module")
async def aml_url(stage: Stage) -> AsyncIterator[str]:
    """A running `polri110 aml`."""
    port = stage.ports.any()
    environment = {**stage.node.environment, "POLRI110_AML_PORT": str(port)}
    child = await start("AML", command("aml"), stage.node.data_dir / "aml.log", environment)
    url = f"http://127.0.0.1:{port}/aml"
    async with aiohttp.ClientSession() as session:
        async with asyncio.timeout(20):
            while True:
                assert child.running, child.tail()
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(url.replace("/aml", "/health")) as answer:
                        if answer.status == 200:
                            break
                await asyncio.sleep(0.05)
    yield url
    await child.stop()


async def polri110(stage: Stage, *arguments: str) -> str:
    child = await asyncio.create_subprocess_exec(
        *command(*arguments),
        env={**stage.node.environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await child.communicate()
    assert child.returncode == 0, said.decode()
    return said.decode()


async def logged(stage: Stage, word: str, before: int) -> None:
    """Wait until the application says in its log that it took something."""
    deadline = time.monotonic() + 10 * TAKEN_SECONDS
    while (stage.node.data_dir / "app.log").read_text().count(word) <= before:
        assert time.monotonic() < deadline, word
        await asyncio.sleep(0.02)


def told(stage: Stage, word: str) -> int:
    return (stage.node.data_dir / "app.log").read_text().count(word)


async def report(url: str, number: str, place: Point, radius_m: float = 20.0) -> None:
    fields = {
        "v": "1",
        "device_number": number,
        "location_latitude": str(place.lat),
        "location_longitude": str(place.lon),
        "location_accuracy": str(radius_m),
        "location_time": str(int(time.time() * 1000)),
    }
    async with aiohttp.ClientSession() as session, session.post(url, data=fields) as answer:
        assert answer.status == 200


def text(stage: Stage, number: str, body: str) -> None:
    """A SIP MESSAGE (RFC 3428) from the trunk."""
    branch = time.monotonic_ns()
    message = "\r\n".join(
        (
            f"MESSAGE sip:110@127.0.0.1:{stage.node.sip_port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bK{branch}",
            f"From: <sip:{number}@127.0.0.1>;tag={branch}",
            "To: <sip:110@127.0.0.1>",
            f"Call-ID: {branch}",
            "CSeq: 1 MESSAGE",
            "Max-Forwards: 70",
            "Content-Type: text/plain",
            f"Content-Length: {len(body)}",
            "",
            body,
        )
    )
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as trunk:
        trunk.bind((TRUNK_MEDAN, 0))
        trunk.sendto(message.encode(), ("127.0.0.1", stage.node.sip_port))


async def reached(scene: Scene, unit: str, invite: Invite, address: str = TRUNK_MEDAN) -> Record:
    """A call is answered by that unit's desk, the first that is rung."""
    desk = await scene.desk(unit)
    caller = await scene.call(invite=invite, address=address)
    await talking(caller, desk)
    caller.hang_up()
    record = await scene.record()
    assert record.ladder == [(unit, "answered")]
    return record


async def test_a_circle_in_the_invite(scene: Scene) -> None:
    record = await reached(scene, "polres-1271", Invite(number=scene.number(), pidf=medan()))
    assert record["location_source"] == "pidf_lo"


async def test_the_area_code_of_a_landline(scene: Scene) -> None:
    record = await reached(scene, "polres-1271", Invite(number="0614567890"))
    located = record.event("located")
    assert (located["fix"]["source"], located["area"]) == ("area_code", ["1271"])


async def test_nothing_but_the_trunk(scene: Scene) -> None:
    record = await reached(scene, "polres-5371", Invite(number=scene.number()), TRUNK_KUPANG)
    assert record["plan_reason"] == "trunk_default"


@pytest.fixture(scope="module")
async def cells(stage: Stage, tmp_path_factory: pytest.TempPathFactory) -> None:
    """A table that has one cell, imported while the service runs."""
    table = tmp_path_factory.mktemp("cells") / "510.csv"
    table.write_text(CELLS)
    before = told(stage, "cells_taken")
    await polri110(stage, "cells", "import", str(table))
    await logged(stage, "cells_taken", before)


@pytest.mark.usefixtures("cells")
@pytest.mark.parametrize("header", [PANI, PAI])
async def test_a_cell_in_either_header(scene: Scene, header: str) -> None:
    number = scene.number()
    invite = Invite(number=number, headers=(header.format(number),))
    record = await reached(scene, "polres-1271", invite, TRUNK_KUPANG)
    assert record["location_source"] == "cell"


async def test_of_two_that_contradict_each_other_the_finer_wins_and_both_are_recorded(
    scene: Scene, aml_url: str
) -> None:
    number = scene.number()
    await report(aml_url, number, Point(-10.1772, 123.6070), 20.0)  # Kupang
    coarse = pidf(3.5952, 98.6722, 5000)
    record = await reached(scene, "polres-5371", Invite(number=number, pidf=coarse))
    located = record.event("located")
    assert located["fix"]["source"] == "aml"
    assert [other["source"] for other in located["others"]] == ["pidf_lo"]
    assert located["reason"] == "least_uncertain"


async def test_aml_while_it_rings_moves_the_call_and_the_caller_stays(
    scene: Scene, aml_url: str
) -> None:
    polda = await scene.desk("polda-12", rings())
    polres = await scene.desk("polres-1271", answers(after_ms=300))
    number = scene.number()
    caller = await scene.call(invite=Invite(number=number))
    await polda.said("180")
    await asyncio.sleep(3.0)  # as long as a phone takes to find itself
    await report(aml_url, number, Point(3.5952, 98.6722))
    cancelled = await polda.saw("CANCEL")
    rung = await polres.saw("INVITE")
    assert abs(seconds(cancelled, rung)) < 0.5
    await talking(caller, polres)
    caller.hang_up()
    record = await scene.record()
    assert record.ladder == [("polda-12", "better_location"), ("polres-1271", "answered")]
    assert record.kinds.count("located") == 2
    assert record.kinds.count("planned") == 2
    assert (record["location_source"], record["plan_reason"]) == ("aml", "location")


async def test_an_aml_text_while_it_rings_moves_the_call(scene: Scene, stage: Stage) -> None:
    polda = await scene.desk("polda-12", rings())
    polres = await scene.desk("polres-1271")
    number = scene.number()
    caller = await scene.call(invite=Invite(number=number))
    await polda.said("180")
    top = datetime.now(UTC).strftime("%Y%m%d%H%M%S")
    text(stage, number, f'A"ML=1;lt=+3.59520;lg=+98.67220;rd=20;top={top};lc=95;pm=G')
    await talking(caller, polres)
    caller.hang_up()
    record = await scene.record()
    assert record.ladder == [("polda-12", "better_location"), ("polres-1271", "answered")]


async def test_ntts_unconnected_polres_are_answered_by_the_nearest_connected(
    scene: Scene, stage: Stage
) -> None:
    before = told(stage, "directory_taken")
    await polri110(stage, "directory", "import", str(NTT_2021))
    began = time.monotonic()
    await logged(stage, "directory_taken", before)
    assert time.monotonic() - began < TAKEN_SECONDS
    desks: dict[str, Desk] = {}
    for unit in UNCONNECTED:
        place = json.loads(await polri110(stage, "directory", "show", unit, "--json"))["place"]
        lat, lon = place.split()
        route = json.loads(await polri110(stage, "route", "--lat", lat, "--lon", lon, "--json"))
        assert route["polres_code"] == unit
        nearest = route["rungs"][0]
        assert nearest not in UNCONNECTED
        if nearest not in desks:
            desks[nearest] = await scene.desk(nearest)
        desk = desks[nearest]
        caller = await scene.call(pidf(lat, lon, 35))
        await talking(caller, desk)
        caller.hang_up()
        await desk.saw("BYE")
    for record in await scene.records(len(UNCONNECTED)):
        assert record["polres"] in UNCONNECTED
        assert record["unit"] == record["plan"][0]
        assert record["unit"] not in UNCONNECTED
