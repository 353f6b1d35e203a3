"""The configuration on a real Asterisk: boots clean, lets in whom it should, nobody else."""

import asyncio
import hashlib
import re
import secrets
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import DESKS, Node, node_options

from ari_app.render import render
from stack.asterisk import running_asterisk
from stack.caller import Invite, running_caller
from stack.desk import answers, running_desk
from stack.pidf import pidf
from stack.ports import Ports
from stack.programs import Programs

ASTERISKLINT = Path(sys.executable).parent / "asterisklint"


DESK_PORTS = dict.fromkeys((desk for desks in DESKS.values() for desk in desks), 9)


async def test_asterisk_boots_without_a_warning_or_error(
    programs: Programs, ports: Ports, sounds: Path
) -> None:
    options = node_options(ports, DESK_PORTS)
    async with running_asterisk(programs, options, sounds, name="boot") as asterisk:
        assert asterisk.complaints() == []


def test_dialplan_lints_clean(tmp_path: Path, ports: Ports) -> None:
    render(tmp_path, node_options(ports, DESK_PORTS))
    lint = [ASTERISKLINT, "dialplan-check", "--asterisk-version", "22", "extensions.conf"]
    done = subprocess.run(lint, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


async def test_nothing_that_is_not_needed_is_loaded(node: Node) -> None:
    loaded = await node.asterisk.cli("module show")
    assert int(loaded.split()[-3]) <= 110
    for stranger in ("app_system", "func_shell", "app_originate", "pbx_spool", "res_clioriginate"):
        assert stranger not in loaded
    assert "app_voicemail" not in loaded
    assert "endpoint_identifier_anonymous" not in loaded


async def test_a_stranger_is_refused_and_stands_in_the_security_log(
    programs: Programs, node: Node
) -> None:
    async with running_caller(
        programs, node.options.sip_port, address="127.0.0.2", patience_ms=3000
    ) as caller:
        await caller.saw("401 INVITE")
    assert await node.asterisk.channels() == []
    security = (node.asterisk.directory / "log" / "security.log").read_text()
    assert "127.0.0.2" in security


async def test_a_stranger_who_names_a_desk_is_refused(programs: Programs, node: Node) -> None:
    for name in ("polres-1271-desk1", "polres-1272-desk1", "trunk-test"):
        async with running_caller(
            programs, node.options.sip_port, Invite(number=name, dialled="901"), address="127.0.0.2"
        ) as caller:
            await caller.saw("401 INVITE")
    assert await node.asterisk.channels() == []


async def test_a_number_other_than_110_is_not_found(programs: Programs, node: Node) -> None:
    async with running_caller(programs, node.options.sip_port, Invite(dialled="112")) as caller:
        await caller.saw("404 INVITE")


@pytest.mark.parametrize("dialled", ["110", "62110", "+62110", "021110", "0361110"])
async def test_110_is_reached_however_the_operator_writes_it(
    programs: Programs, node: Node, dialled: str
) -> None:
    async with (
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]),
        running_caller(programs, node.options.sip_port, Invite(dialled=dialled)) as caller,
    ):
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert f"dialled={dialled.replace('+', '%2B')}" in story.facts


async def test_the_desk_is_told_who_calls_and_where_from(programs: Programs, node: Node) -> None:
    invite = Invite(
        number="anonymous",
        asserted="+628119999999",
        privacy="id",
        pidf=pidf(3.5952, 98.6722),
    )
    async with (
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port, invite) as caller,
    ):
        called = await desk.saw("INVITE")
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    assert "+628119999999" in (called.header("P-Asserted-Identity") or "")
    assert called.header("Geolocation")
    assert "3.5952 98.6722" in called.body
    assert "num=%2B628119999999" in story.facts
    assert any(word.startswith("geo=") and "3.5952" in word for word in story.facts)


async def test_a_law_is_offered_first(programs: Programs, node: Node) -> None:
    async with (
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]) as desk,
        running_caller(programs, node.options.sip_port) as caller,
    ):
        called = await desk.saw("INVITE")
        await caller.answered()
        caller.hang_up()
        await node.story()
    media = next(line for line in called.body.splitlines() if line.startswith("m=audio"))
    assert media.split()[3:5] == ["8", "0"]


async def test_cdr_and_cel_name_the_call(programs: Programs, node: Node) -> None:
    async with (
        running_desk(programs, answers(), node.port_of["polres-1271-desk1"]),
        running_caller(programs, node.options.sip_port) as caller,
    ):
        await caller.answered()
        caller.hang_up()
        story = await node.story()
    log = node.asterisk.directory / "log"
    calls = (log / "cdr-custom" / "calls.csv").read_text()
    assert story.call_id in calls
    linkedid = next(line for line in calls.splitlines() if story.call_id in line).split(",")[0]
    assert linkedid in (log / "cel-custom" / "events.csv").read_text()


async def test_ari_listens_on_loopback_only(node: Node) -> None:
    status = await node.asterisk.cli("http show status")
    assert f"127.0.0.1:{node.options.ari_port}" in status
    assert "/ari" in status
    assert "/static" not in status


async def test_a_desk_registers_with_its_password_and_is_rung(
    programs: Programs, node: Node, ports: Ports
) -> None:
    desk = "polres-1272-desk1"
    phone = ports.any()
    assert await register(node, desk, "wrong", phone) == 401
    assert await register(node, desk, "a;b c", phone) == 200
    assert f"{desk}/sip:{desk}@" in await node.asterisk.cli("pjsip show contacts")
    async with (
        running_desk(programs, answers(), phone) as answering,
        node.app("no-calls-please") as ari,
    ):
        leg = await ari.channels.originate(f"PJSIP/{desk}", app=ari.app)
        await answering.saw("INVITE", user=desk)
        await answering.saw("ACK")
        await ari.channels.hangup(leg.id)
        await answering.saw("BYE")


async def register(node: Node, user: str, password: str, phone: int) -> int:
    """REGISTER with digest authentication (RFC 3261 22, MD5); returns the final status."""
    loop = asyncio.get_running_loop()
    answers: asyncio.Queue[str] = asyncio.Queue()
    transport, registrant = await loop.create_datagram_endpoint(
        lambda: Registrant(answers), ("127.0.0.1", phone), ("127.0.0.1", node.options.sip_port)
    )
    # From the phone's own port: the contact is rewritten to where the REGISTER came from.
    uri, call = f"sip:127.0.0.1:{node.options.sip_port}", secrets.token_hex(8)
    authorization = ""
    try:
        for number in (1, 2):
            transport.sendto(
                f"REGISTER {uri} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP 127.0.0.1:{phone};branch=z9hG4bK{call}{number}\r\n"
                f"From: <sip:{user}@127.0.0.1>;tag={call}\r\nTo: <sip:{user}@127.0.0.1>\r\n"
                f"Call-ID: {call}\r\nCSeq: {number} REGISTER\r\n"
                f"Contact: <sip:{user}@127.0.0.1:{phone}>\r\nExpires: 120\r\n"
                f"{authorization}Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n".encode()
            )
            answer = await asyncio.wait_for(answers.get(), 5)
            status = int(answer.split()[1])
            if status != 401:
                return status
            realm, nonce = (
                re.search(f'{key}="([^"]*)"', answer).group(1)  # type: ignore[union-attr]
                for key in ("realm", "nonce")
            )
            digest = [f"{user}:{realm}:{password}", f"REGISTER:{uri}"]
            one, two = (hashlib.md5(text.encode()).hexdigest() for text in digest)
            rest = f"{nonce}:00000001:{call}:auth:{two}"
            response = hashlib.md5(f"{one}:{rest}".encode()).hexdigest()
            authorization = (
                f'Authorization: Digest username="{user}", realm="{realm}", nonce="{nonce}", '
                f'uri="{uri}", qop=auth, nc=00000001, cnonce="{call}", response="{response}"\r\n'
            )
        return status
    finally:
        transport.close()
        await registrant.closed.wait()


class Registrant(asyncio.DatagramProtocol):
    """A phone's socket: what comes is queued."""

    def __init__(self, answers: asyncio.Queue[str]) -> None:
        self._answers = answers
        self.closed = asyncio.Event()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed.set()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self._answers.put_nowait(data.decode())
