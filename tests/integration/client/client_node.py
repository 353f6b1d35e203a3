"""The Asterisk that the client tests run against: a node with a dialplan of their own."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from ari_app.render import DeskEndpoint, RenderOptions, Trunk
from routing.plan import PlanReason, RoutePlan, Rung, RungDesk
from stack.asterisk import Asterisk, running_asterisk
from stack.ports import Ports
from stack.programs import Programs

PASSWORD = "not-a-secret"
DIALPLAN = """
[client-tests]
exten => wait,1,Answer()
 same => n,Wait(60)
exten => offer,1,StasisBroadcast(2000,^client-tests,number=%2B62812:from=a%40b,yes)
 same => n,Hangup()
"""


def _amend(etc: Path) -> None:
    site = etc / "site"
    site.mkdir()
    (site / "client-tests.conf").write_text(DIALPLAN)
    with (etc / "ari.conf").open("a") as ari:
        ari.write("\n[spectator]\ntype=user\nread_only=yes\npassword=not-a-secret\n")


def options(ports: Ports) -> RenderOptions:
    """A node with one trunk and one desk that nobody answers."""
    desk = DeskEndpoint("mabes-desk1", "mabes", "Mabes Polri", contact="sip:127.0.0.1:9")
    rung = Rung("mabes", "Mabes Polri", "mabes", (RungDesk(desk.code, f"PJSIP/{desk.code}"),), 10)
    rtp = ports.block(100)
    return RenderOptions(
        ari_password=PASSWORD,
        default_plan=RoutePlan((rung,), PlanReason.NATIONAL_DEFAULT),
        trunks=(Trunk("trunk-test", ("127.0.0.1",)),),
        desks=(desk,),
        sip_bind="127.0.0.1",
        sip_port=ports.one("client-test-sip"),
        rtp_start=rtp.start,
        rtp_end=rtp.stop - 1,
        ari_port=ports.one("client-test-ari"),
    )


@contextlib.asynccontextmanager
async def asterisk_of(programs: Programs, node: RenderOptions) -> AsyncIterator[Asterisk]:
    async with running_asterisk(programs, node, amend=_amend, name="client") as asterisk:
        yield asterisk
