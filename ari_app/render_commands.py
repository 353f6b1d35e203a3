"""`polri110 asterisk`: writes Asterisk's configuration and makes its announcements."""

import ipaddress
import subprocess
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import cyclopts
from cyclopts import Parameter
from rich.progress import track

from ari_app.prompts import PromptError, build, recipes
from ari_app.render import Directories, RenderError, RenderOptions, Trunk, from_directory, render
from ari_app.settings import Settings
from routing.command_line import fail, this_directory
from routing.nation import load_nation

SOUNDS = Path("/usr/share/asterisk/sounds")

app = cyclopts.App(
    name="asterisk",
    help="""Asterisk's configuration and announcements.

    For example:

        polri110 asterisk prompts
        polri110 asterisk render --target /etc/asterisk --trunk trunk-telkom=10.1.2.3,10.1.2.4
        asterisk -rx "core reload"                   after a change of desks or trunks
    """,
)


@app.command(name="render")
def render_(
    *,
    target: Path,
    trunk: Annotated[Sequence[str], Parameter(env_var="POLRI110_TRUNKS")],
    sip: Annotated[str, Parameter(env_var="POLRI110_SIP")] = "0.0.0.0:5060",
    rtp: Annotated[str, Parameter(env_var="POLRI110_RTP")] = "10000-20000",
    qualify_seconds: int = 10,
    broadcast_ms: int = 500,
    spool: str | None = None,
) -> None:
    """Write the whole configuration into TARGET: the static files, and what this node adds.

    The directory is this node's (`polri110 directory`); ARI's port and password, FastAGI's port
    and the way a call is treated are the settings' (POLRI110_*, docs/settings.md).

    Parameters
    ----------
    target
        The directory; Asterisk is started with -C TARGET/asterisk.conf (as /etc/asterisk, plainly).
    trunk
        NAME=ADDRESS[,ADDRESS ...], addresses or networks; once for each trunk (in the environment,
        spaces between them). Its default unit is POLRI110_TRUNK_UNITS'.
    sip
        Address and port on which SIP listens.
    rtp
        First and last media port.
    qualify_seconds
        How often each phone is asked whether it is there; 0 never.
    broadcast_ms
        How long a call waits for the application before FastAGI is asked.
    spool
        Asterisk's spool directory; POLRI110_ASTERISK_SPOOL_DIR's by default.
    """
    settings = Settings()
    password = settings.ari_password.get_secret_value()
    if not password:
        fail("POLRI110_ARI_PASSWORD is not set: choose one, for Asterisk and the service alike", 2)
    trunks = [_trunk(text, settings) for text in trunk]
    directory = this_directory(load_nation())
    every = sum(len(desks) for desks in directory.desks_by_unit.values())
    options = from_directory(
        directory,
        trunks,
        password,
        default_unit=settings.default_unit,
        ring_seconds=settings.ring_seconds,
    )
    options = _of_the_site(options, settings, sip=sip, rtp=rtp)
    options = replace(
        options,
        qualify_seconds=qualify_seconds,
        broadcast_ms=broadcast_ms,
        directories=Directories(
            etc=str(target.resolve()), spool=spool or str(settings.asterisk_spool_dir)
        ),
    )
    try:
        render(target, options)
    except RenderError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{target}: cannot be written: {error.strerror}")
    print(f"{target}: {len(trunks)} trunks, {len(options.desks)} desks")
    if left := every - len(options.desks):
        print(
            f"{left} desks have neither a contact nor a password and are left out: "
            "give them one by `polri110 directory import`"
        )


@app.command
def prompts(sounds: Path = SOUNDS, /) -> None:
    """Make the announcements into SOUNDS/polri110, by espeak-ng and sox.

    A studio recording in asterisk-config/prompts/studio is taken instead of a spoken text. What
    has not changed is not made again.
    """
    try:
        total = len(recipes())
        made = list(track(build(sounds, _run), "Announcements", total=total, transient=True))
    except PromptError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{sounds}: cannot be written: {error.strerror}")
    print(f"{sounds / 'polri110'}: {len(made)} made, {total - len(made)} unchanged")


def _run(command: Sequence[str], data: bytes) -> bytes:
    try:
        done = subprocess.run(command, input=data, capture_output=True, check=False)
    except FileNotFoundError:
        fail(f"{command[0]} is not installed: apt-get install espeak-ng sox")
    if done.returncode:
        fail(f"{command[0]} failed: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def _trunk(text: str, settings: Settings) -> Trunk:
    name, equals, addresses = text.partition("=")
    if not equals:
        fail(f"--trunk {text}: not NAME=ADDRESS[,ADDRESS ...]", 2)
    match = tuple(address.strip() for address in addresses.split(","))
    try:
        for address in match:
            ipaddress.ip_network(address)
    except ValueError as error:
        fail(f"--trunk {text}: {error}", 2)
    return Trunk(name, match, settings.trunk_units.get(name, ""))


def _of_the_site(
    options: RenderOptions, settings: Settings, *, sip: str, rtp: str
) -> RenderOptions:
    host, _, port = sip.rpartition(":")
    first, _, last = rtp.partition("-")
    if not (host and port.isdecimal() and first.isdecimal() and last.isdecimal()):
        fail("--sip is ADDRESS:PORT, --rtp FIRST-LAST", 2)
    ari = urlsplit(settings.ari_url)
    return replace(
        options,
        sip_bind=host,
        sip_port=int(port),
        rtp_start=int(first),
        rtp_end=int(last),
        ari_bind=ari.hostname or options.ari_bind,
        ari_port=ari.port or options.ari_port,
        ari_user=settings.ari_user,
        agi_host=settings.agi_bind,
        agi_port=settings.agi_port,
        answer=settings.answer.value,
        greeting=settings.greeting,
        recording=settings.recording,
    )
