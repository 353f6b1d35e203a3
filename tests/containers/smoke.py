"""Builds the images, runs compose.yaml from them, and sends real calls through the node.

    docker/smoke

One call is conducted by the application; a second one, when both its processes have been stopped,
goes by FastAGI. What SIPp saw, what the record in Postgres says and the recording are checked.
Exit status 0, or 1 with one line that says what failed.
"""

import asyncio
import contextlib
import hashlib
import json
import sys
import tempfile
import time
import wave
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import asyncpg
import numpy as np

from stack.caller import Invite, running_caller
from stack.desk import Desk, answers, running_desk
from stack.pidf import pidf
from stack.ports import Ports
from stack.postgres import running_postgres
from stack.process import StackError
from stack.programs import Programs, cache_directory, find_programs
from stack.tone import strength, write_tone
from tests.containers.bases import bases, make_base
from tests.containers.buildah import Buildah, get_buildah, only_one
from tests.containers.compose import Service, read_env, read_services
from tests.containers.composition import Composition
from tests.containers.images import REPOSITORY, build
from tests.containers.site import node_values, write_desks, write_env

DOCKER = REPOSITORY / "docker"
DESKS = {"polres-1271-desk1": "polres-1271", "polda-12-desk1": "polda-12", "mabes-desk1": "mabes"}
MEDAN = (3.5952, 98.6722)
TALK_MS = 2000
TONE_HZ = 440
RECORD_SECONDS = 20.0


class Told:
    """Prints what happens, each line with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, line: str) -> None:
        """Print one line."""
        print(f"{time.monotonic() - self._began:6.1f} s  {line}", flush=True)


def main() -> None:
    """Entry point."""
    told = Told()
    try:
        programs = find_programs(say=told)
        buildah = get_buildah(cache_directory() / "containers", told)
        with only_one(buildah, told):
            directory = Path(tempfile.mkdtemp(prefix="node-", dir=buildah.directory))
            directory.chmod(0o755)
            asyncio.run(smoke(programs, buildah, directory, told))
    except StackError as fault:
        told(f"FAILED: {fault}")
        sys.exit(1)
    except KeyboardInterrupt:
        told("Stopped.")
        sys.exit(130)
    told("PASSED: both images, every service of compose.yaml, a call each way")


async def smoke(programs: Programs, buildah: Buildah, directory: Path, told: Told) -> None:
    """Build, start, call, stop; raises StackError with what failed."""
    ports = Ports()
    async with contextlib.AsyncExitStack() as parts:
        parts.callback(ports.close)
        env = directory / ".env"
        write_env(DOCKER / ".env.example", env, node_values(ports, ports.any()))
        values = read_env(env)
        services = read_services(DOCKER / "compose.yaml", env)
        await asyncio.to_thread(build_images, buildah, services, told)
        await parts.enter_async_context(_postgres(directory, values))
        desk = await parts.enter_async_context(running_desk(programs, answers(after_ms=300)))
        node = await parts.enter_async_context(Composition(buildah, services, directory))
        await start(node, services, desk, told)

        call = await one_call(programs, node, values, told)
        expect(call, way="ari", unit="polres-1271")
        for name in ("app-1", "app-2"):
            await node.stop(name)
        if await node.sick("app-1") is None:
            raise StackError("app-1 has ended, and its health check still passes")
        told("app-1, app-2: stopped, their health checks fail")
        call = await one_call(programs, node, values, told)
        expect(call, way="agi", unit="polres-1271")
        await node.stop("asterisk")
        await node.stop("agi")
        told("asterisk, agi: stopped")


def build_images(buildah: Buildah, services: dict[str, Service], told: Told) -> None:
    """Make the base images and ours, side by side; raises StackError."""

    def make(image: str, dockerfile: Path) -> None:
        for base, suite in bases([dockerfile]).items():
            make_base(buildah, base, suite, told)
        build(buildah, image, dockerfile, told)
        if buildah.configuration(image).get("User", "root") in ("", "0", "root"):
            raise StackError(f"{image} runs as root")

    images = {each.image: each.dockerfile for each in services.values() if each.dockerfile}
    with ThreadPoolExecutor() as pool:
        made = [pool.submit(make, image, REPOSITORY / file) for image, file in images.items()]
    for each in made:
        each.result()


@contextlib.asynccontextmanager
async def _postgres(directory: Path, values: dict[str, str]) -> AsyncIterator[None]:
    """The database that the node's .env names, in the place of the image postgres."""
    port = int(values["POSTGRES_PORT"])
    async with running_postgres(directory / "postgres", port, fleeting=True) as server:
        connection = await asyncpg.connect(server.url(server.database))
        user, password = values["POSTGRES_USER"], values["POSTGRES_PASSWORD"]
        await connection.execute(f"CREATE ROLE {user} LOGIN PASSWORD '{password}'")
        await connection.execute(f"CREATE DATABASE {values['POSTGRES_DB']} OWNER {user}")
        await connection.close()
        yield


async def start(node: Composition, services: dict[str, Service], desk: Desk, told: Told) -> None:
    """The steps of docker/README.md: tables, desks, then every service, until all are healthy."""
    await node.completed("migrate")
    desks = node.directory / "desks.csv"
    write_desks(desks, DESKS, desk.port)
    command = ("polri110", "directory", "import", "/desks.csv")
    status, printed = await node.execute("cli", command, {desks: "/desks.csv:ro"})
    if status:
        raise StackError(f"desks.csv is not taken: {printed}")
    told(f"Directory: {printed.strip()}")
    lasting = {name: service for name, service in services.items() if not service.profiles}
    for name in lasting:
        await node.up(name)
    for name, service in lasting.items():
        if service.health:
            await node.healthy(name)
            told(f"{name}: healthy")
        elif not node.runs(name):
            told(f"{name}: {node.log(name).read_text().strip().splitlines()[0]}")


async def one_call(
    programs: Programs, node: Composition, values: dict[str, str], told: Told
) -> dict[str, Any]:
    """Call 110 from Medan, talk, hang up; the record of it, as `polri110 calls show` has it."""
    known = {each["call_id"] for each in await _calls(node, "list")}
    port = int(values["POLRI110_SIP"].rpartition(":")[2])
    tone = write_tone(node.directory / "tone.alaw", TONE_HZ)
    async with running_caller(
        programs, port, Invite(pidf=pidf(*MEDAN, 35)), tone=tone, talk_ms=TALK_MS
    ) as caller:
        verdict = await caller.ended()
    if verdict.status:
        raise StackError(f"the caller's SIPp says: {verdict.errors.strip() or verdict.status}")
    deadline = time.monotonic() + RECORD_SECONDS
    while time.monotonic() < deadline:
        for listed in await _calls(node, "list"):
            if listed["call_id"] not in known and listed["outcome"]:
                call: dict[str, Any] = await _calls(node, "show", listed["call_id"])
                if {"finished", "failed"} & {each["state"] for each in call["recordings"]}:
                    _check_recording(node, call)
                    told(f"Call {call['call_id']}: {call['outcome']}, {call['unit']}, recorded")
                    return call
    raise StackError(f"no complete record of the call within {RECORD_SECONDS:g} s")


async def _calls(node: Composition, *command: str) -> Any:
    status, printed = await node.execute("cli", ("polri110", "calls", *command, "--json"))
    if status:
        raise StackError(f"polri110 calls {command[0]}: {printed}")
    return json.loads(printed)


def _check_recording(node: Composition, call: dict[str, Any]) -> None:
    for recording in call["recordings"]:
        file = node.volume("data") / str(recording["file"])
        if recording["state"] != "finished" or not file.is_file():
            raise StackError(f"no recording was kept: {recording}")
        if hashlib.sha256(file.read_bytes()).hexdigest() != recording["sha256"]:
            raise StackError(f"the recording {file} is not what the record says")
        with wave.open(str(file), "rb") as sound:
            samples = np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2")
        if strength(samples, TONE_HZ) < 0.5:
            raise StackError(f"the caller's tone is not in the recording: {recording}")


def expect(call: dict[str, Any], **wanted: str) -> None:
    """Raise StackError unless the call was connected, and its record says what is wanted."""
    for name, value in {"outcome": "connected", **wanted}.items():
        if call[name] != value:
            raise StackError(f"{name} is {call[name]!r} rather than {value!r}: {json.dumps(call)}")


if __name__ == "__main__":
    main()
