"""Locations that are wrong or malicious: the call goes by its trunk, and the record says why."""

import pytest

from stack.caller import Invite
from stack.pidf import pidf
from tests.e2e.scene import Scene, talking

BOMB = """<?xml version="1.0"?>
<!DOCTYPE lolz [
 <!ENTITY a "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa">
 <!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">
 <!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">
 <!ENTITY d "&c;&c;&c;&c;&c;&c;&c;&c;&c;&c;">
 <!ENTITY e "&d;&d;&d;&d;&d;&d;&d;&d;&d;&d;">
 <!ENTITY f "&e;&e;&e;&e;&e;&e;&e;&e;&e;&e;">
]>
<presence xmlns="urn:ietf:params:xml:ns:pidf"><note>&f;</note></presence>
"""
REFUSED_XML = (r"geolocation", r"XML", r"xml")


@pytest.mark.parametrize(
    ("document", "fault"),
    [
        (pidf(0, 0, 35), "zero"),
        (pidf(51.5074, -0.1278, 35), "outside_indonesia"),
        (pidf(98.6722, 3.5952, 35), "swapped"),
        (pidf("three", "ninety-eight", 35), "malformed"),
        (pidf("NaN", "98.6722", 35), "malformed"),
        (pidf(3.5952, 98.6722, 500_000), "too_coarse"),
        ("this is no XML", "malformed"),
        (pidf(3.5952, 98.6722, 35).replace("</presence>", ""), "malformed"),
        (BOMB, "malformed"),
    ],
    ids=[
        "zero",
        "abroad",
        "swapped",
        "words",
        "nan",
        "coarse",
        "no-xml",
        "cut-off",
        "entity-bomb",
    ],
)
async def test_a_location_that_cannot_be_routed_on_goes_by_the_trunk_and_is_recorded(
    scene: Scene, document: str, fault: str
) -> None:
    scene.in_order.extend(REFUSED_XML)
    polda = await scene.desk("polda-12")
    caller = await scene.call(invite=Invite(number=scene.number(), pidf=document))
    await talking(caller, polda)
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["unit"]) == ("connected", "polda-12")
    assert record["plan_reason"] == "trunk_default"
    located = record.event("located")
    assert located["fix"] is None
    assert [refusal["fault"] for refusal in located["rejected"]] == [fault]


@pytest.mark.parametrize(
    "reference",
    [
        "<https://location.example/of/me>",
        "<cid:nowhere@caller>",
        "<sip:",
        "🚨" * 40,
        "<cid:a>," * 60,
    ],
    ids=["url", "nothing", "cut-off", "emoji", "many"],
)
async def test_a_reference_that_leads_to_no_location_is_recorded(
    scene: Scene, reference: str
) -> None:
    scene.in_order.extend(REFUSED_XML)
    polda = await scene.desk("polda-12")
    headers = (f"Geolocation: {reference}", "Geolocation-Routing: yes")
    caller = await scene.call(invite=Invite(number=scene.number(), headers=headers))
    await talking(caller, polda)
    caller.hang_up()
    record = await scene.record()
    assert (record["outcome"], record["unit"]) == ("connected", "polda-12")
    located = record.event("located")
    assert located["fix"] is None
    assert [refusal["fault"] for refusal in located["rejected"]] == ["malformed"]
