"""`make run`: the whole service on this machine, with demonstration desks, until Ctrl-C."""

import asyncio
import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path

from alembic.util import CommandError

from ari_app.render import Trunk
from ari_app.settings import Settings
from db.database import UNREACHABLE
from db.migrate import upgrade
from stack.desk import Behaviour, Desk, answers, busy, declines, rings, running_desk
from stack.node import Node, Plan, running_node
from stack.ports import Ports
from stack.postgres import Postgres, own_server, running_postgres
from stack.process import Child, StackError
from stack.programs import Programs, find_programs
from stack.prompts import made_prompts

DATABASE = "polri110"
QUALIFY_SECONDS = 60  # 582 phones at one SIPp: ten OPTIONS a second
TRUNK = Trunk("trunk-demo", ("127.0.0.1",), "polda-12")
DESKS: Mapping[str, Behaviour] = {
    "answer": answers(after_ms=2000),
    "silent": rings(),
    "busy": busy(),
    "decline": declines(),
}


class Told:
    """Prints what happens, each line with the seconds since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def __call__(self, line: str) -> None:
        print(f"{time.monotonic() - self._began:6.1f} s  {line}", flush=True)


def main() -> None:
    """Entry point: exit status 0 after Ctrl-C or SIGTERM, 1 when something failed."""
    told = Told()
    data_dir = Settings().data_dir.absolute()
    try:
        with only_one(data_dir):
            programs = find_programs(say=told)
            told(f"Asterisk and SIPp: {programs.root or 'those on the PATH'}")
            sounds = made_prompts(programs, say=told)
            asyncio.run(_until_stopped(programs, sounds, data_dir, told))
    except StackError as fault:
        told(f"FAILED: {fault}")
        sys.exit(1)
    except KeyboardInterrupt:
        told("Stopped.")
        sys.exit(130)


@contextlib.contextmanager
def only_one(data_dir: Path) -> Iterator[None]:
    """Let one run at a time use a data directory; raises StackError for a second one."""
    data_dir.mkdir(parents=True, exist_ok=True)
    with (data_dir / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StackError(
                f"The service runs already with {data_dir}: stop that one, or set "
                "POLRI110_DATA_DIR to another directory for a second one"
            ) from None
        yield


async def _until_stopped(programs: Programs, sounds: Path, data_dir: Path, told: Told) -> None:
    task = asyncio.current_task()
    assert task is not None
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        async with _service(programs, sounds, data_dir, told) as children:
            await _first_to_end(children)
    except asyncio.CancelledError:
        told("Everything is stopped.")


@contextlib.asynccontextmanager
async def _service(
    programs: Programs, sounds: Path, data_dir: Path, told: Told
) -> AsyncIterator[list[Child]]:
    ports = Ports()
    async with contextlib.AsyncExitStack() as parts:
        parts.callback(ports.close)
        postgres = await _postgres(parts, data_dir, ports, told)
        database_url = await postgres.ensure(DATABASE) if postgres.child else _own_url()
        told(f"Schema: revision {await _upgraded(database_url)}")

        desk = await _desks(parts, programs, told)
        plan = Plan(
            directory=None,
            trunks=(TRUNK,),
            database_url=database_url,
            data_dir=data_dir,
            phones_port=desk.port,
            qualify_seconds=QUALIFY_SECONDS,
            ports={
                "sip": ports.one("sip", 5060),
                "ari": ports.one("ari", 8088),
                "agi": ports.one("agi", 4573),
                "metrics": ports.one("metrics", 9110),
            },
        )
        parts.callback(told, "Application, FastAGI and Asterisk: stopped")
        node = await parts.enter_async_context(running_node(programs, ports, plan, sounds))
        parts.callback(_keep_log, node, data_dir)
        parts.callback(told, "Stopping ...")
        told(f"{await _version(node)}: up, {len(node.asterisk.options.desks)} desks, 1 trunk")
        await node.ready()
        told("Application and FastAGI: ready")
        parts.enter_context(_announced(node, database_url, data_dir))
        told("READY" + _where(node, database_url, data_dir))
        yield [
            child
            for child in (node.asterisk.child, node.app, node.agi, desk.child, postgres.child)
            if child is not None
        ]


async def _postgres(
    parts: contextlib.AsyncExitStack, data_dir: Path, ports: Ports, told: Told
) -> Postgres:
    if server := own_server():
        told("Postgres: the server of POLRI110_DATABASE_URL")
        return server
    port = ports.one("postgres", 5432)
    parts.callback(told, "Postgres: stopped")
    server = await parts.enter_async_context(running_postgres(data_dir / "postgres", port))
    told(f"Postgres: up on 127.0.0.1:{port}, its data in {data_dir / 'postgres'}")
    return server


async def _desks(parts: contextlib.AsyncExitStack, programs: Programs, told: Told) -> Desk:
    wanted = os.environ.get("DESKS") or "answer"
    if wanted not in DESKS:
        raise StackError(f"DESKS={wanted} is none of {', '.join(DESKS)}")
    parts.callback(told, "Demonstration desks: stopped")
    desk = await parts.enter_async_context(running_desk(programs, DESKS[wanted], rtp_ports=400))
    told(f"Demonstration desks: SIPp on 127.0.0.1:{desk.port}, every phone does: {wanted}")
    return desk


async def _upgraded(database_url: str) -> str:
    try:
        return await upgrade(database_url)
    except (*UNREACHABLE, CommandError) as fault:
        place = database_url.rpartition("@")[2]
        raise StackError(f"The schema of {place} cannot be brought up to date: {fault}") from fault


def _own_url() -> str:
    return os.environ["POLRI110_DATABASE_URL"]


async def _version(node: Node) -> str:
    return " ".join((await node.asterisk.cli("core show version")).split()[:2])


@contextlib.contextmanager
def _announced(node: Node, database_url: str, data_dir: Path) -> Iterator[None]:
    """Say in run.json where everything is, for `make call`; the file is there while we run."""
    path = data_dir / "run.json"
    facts = {
        "pid": os.getpid(),
        "sip_port": node.sip_port,
        "ari_url": node.asterisk.ari_url,
        "metrics_port": node.metrics_port,
        "asterisk_pid": node.asterisk.pid,
        "database_url": database_url,
        "environment": dict(node.environment),
    }
    path.touch(mode=0o600)
    path.write_text(json.dumps(facts, indent=2) + "\n")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _where(node: Node, database_url: str, data_dir: Path) -> str:
    address, _, rest = database_url.rpartition("@")
    return f"""

    SIP        udp 127.0.0.1:{node.sip_port}       INVITE sip:110@127.0.0.1:{node.sip_port}
    ARI        {node.asterisk.ari_url}/ari       user and password in {data_dir / "run.json"}
    Metrics    http://127.0.0.1:{node.metrics_port}/metrics       and /health
    Postgres   {address.partition("://")[0]}://...@{rest}
    Logs       {data_dir}/app.log, agi.log; Asterisk's in {node.asterisk.directory / "log"}

    Call it    make call        FROM=+6281234567890 LAT=3.5952 LON=98.6722
    Stop it    Ctrl-C
"""


def _keep_log(node: Node, data_dir: Path) -> None:
    """Asterisk's own directory goes away; what it complained of stays."""
    (data_dir / "asterisk.log").write_text("\n".join(node.asterisk.complaints()) + "\n")


async def _first_to_end(children: list[Child]) -> None:
    """Wait until one of them ends by itself; raises StackError with which, and its last words."""
    waiting = {asyncio.create_task(child.process.wait()): child for child in children}
    try:
        done, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in waiting:
            task.cancel()
    child = waiting[done.pop()]
    raise StackError(
        f"{child.name} has ended by itself (exit status {child.process.returncode}), so everything "
        f"is stopped. Its last words: {child.tail(3) or 'none'}. Start again by `make run`"
    )


if __name__ == "__main__":
    main()
