"""`make call`: one real call to 110 at the service that `make run` runs, and the call's story.

    make call FROM=+6281234567890 LAT=3.5952 LON=98.6722 RADIUS=35 TALK=4

LAT= (empty): without a location. Exit status 0 when the call was made and its story told.
"""

import asyncio
import fcntl
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg

from ari_app.settings import Settings
from stack.caller import Caller, Invite, running_caller
from stack.live_story import line
from stack.node import command
from stack.pidf import pidf
from stack.process import StackError
from stack.programs import find_programs
from stack.sip_trace import Message
from stack.tone import write_tone

NUMBER, LATITUDE, LONGITUDE = "+6281234567890", "3.5952", "98.6722"  # Medan
PATIENCE_SECONDS = 90.0  # three rungs, and more rounds at the last
RECORD_SECONDS = 10.0  # within which the record follows the call into Postgres
POLL_SECONDS = 0.1
FIND = """
    SELECT call_id FROM calls WHERE began_at >= $1 AND number_raw IS NOT DISTINCT FROM $2
    ORDER BY began_at LIMIT 1
"""
EVENTS = "SELECT at, kind, data FROM events WHERE call_id = $1 ORDER BY at, seq"


@dataclass(frozen=True, slots=True)
class Wish:
    """What the user asks for, from the environment."""

    number: str
    location: tuple[float, float] | None
    radius_m: float
    talk_seconds: float

    @classmethod
    def of(cls, environment: Mapping[str, str]) -> "Wish":
        """Read FROM, LAT, LON, RADIUS, TALK. Raises StackError for what is no number."""
        latitude = environment.get("LAT", LATITUDE)
        try:
            return cls(
                environment.get("FROM") or NUMBER,
                (float(latitude), float(environment.get("LON", LONGITUDE))) if latitude else None,
                float(environment.get("RADIUS") or 35),
                float(environment.get("TALK") or 4),
            )
        except ValueError as fault:
            raise StackError(f"LAT, LON, RADIUS and TALK are numbers: {fault}") from fault

    def invite(self) -> Invite:
        """The INVITE that a trunk would send for it."""
        where = pidf(*self.location, self.radius_m) if self.location else None
        return Invite(number=self.number, pidf=where)


@dataclass(slots=True)
class Follower:
    """Prints what the caller and the record say, as it comes, with seconds since the INVITE."""

    caller: Caller
    database: asyncpg.Connection
    number: str
    began: datetime
    call_id: str | None = None
    kinds: list[str] = field(default_factory=list)
    _signalled: int = 0

    async def show_new(self) -> None:
        """Print what is new since the last time."""
        lines = [(message.at, _signal(message)) for message in self._new_messages()]
        self.call_id = self.call_id or await self.database.fetchval(FIND, self.began, self.number)
        if self.call_id is not None:
            events = await self.database.fetch(EVENTS, self.call_id)
            for event in events[len(self.kinds) :]:
                lines.append((event["at"], line(event["kind"], json.loads(event["data"]))))
                self.kinds.append(event["kind"])
        for at, text in sorted(lines, key=lambda each: each[0]):
            if text is not None:
                print(f"{(at - self._zero).total_seconds():6.2f} s  {text}", flush=True)

    @property
    def _zero(self) -> datetime:
        return next((message.at for message in self.caller.messages), self.began)

    @property
    def complete(self) -> bool:
        """Whether the call has ended and its recording is there."""
        recorded = {"recording_finished", "recording_failed"} & set(self.kinds)
        return "ended" in self.kinds and ("recording_started" not in self.kinds or bool(recorded))

    def _new_messages(self) -> list[Message]:
        messages = self.caller.messages
        new, self._signalled = messages[self._signalled :], len(messages)
        return new


def _signal(message: Message) -> str | None:
    if message.method not in ("INVITE", "BYE", "CANCEL") or message.what == "100":
        return None
    return f"SIP {'->' if message.sent else '<-'} {message.start}"


def main() -> None:
    """Entry point."""
    try:
        service = running_service(Settings().data_dir)
        call_id = asyncio.run(call(service, Wish.of(os.environ)))
    except StackError as fault:
        print(fault, file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    print(flush=True)
    show = command("calls", "show", call_id)
    os.execve(show[0], show, {**os.environ, **service["environment"]})


def running_service(data_dir: Path) -> dict[str, Any]:
    """What `make run` wrote of itself; raises StackError when it does not run."""
    nothing = StackError("Nothing runs here: start the service first, by `make run`")
    try:
        with (data_dir / "run.lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        raise nothing from None
    except BlockingIOError:
        pass  # a running service holds the lock
    else:
        raise nothing
    try:
        facts: dict[str, Any] = json.loads((data_dir / "run.json").read_text())
    except FileNotFoundError:
        raise StackError("The service is still starting: wait for its line READY") from None
    return facts


async def call(service: Mapping[str, Any], wish: Wish) -> str:
    """Make the call and show it as it happens; its id. Raises StackError when none is recorded."""
    place = "from {}, {}".format(*wish.location) if wish.location else "without a location"
    print(f"{wish.number} calls 110 {place}, and talks {wish.talk_seconds:g} s once connected")
    programs = find_programs()
    database = await asyncpg.connect(service["database_url"])
    began = datetime.now(UTC)
    with tempfile.TemporaryDirectory() as directory:
        tone = write_tone(Path(directory) / "tone.alaw", 440)
        async with running_caller(
            programs, service["sip_port"], wish.invite(), tone=tone
        ) as caller:
            follower = Follower(caller, database, wish.number, began)
            await _follow(follower, wish.talk_seconds)
    await database.close()
    if follower.call_id is None:
        log = f"{service['environment']['POLRI110_DATA_DIR']}/app.log"
        raise StackError(f"No record of the call has come within {RECORD_SECONDS:g} s: see {log}")
    return follower.call_id


async def _follow(follower: Follower, talk_seconds: float) -> None:
    """Show the call until its record is complete; the caller hangs up when it is time."""
    hang_up_at = time.monotonic() + PATIENCE_SECONDS
    give_up_at = hang_up_at + RECORD_SECONDS
    talking = over = False
    while not follower.complete and time.monotonic() < give_up_at:
        await follower.show_new()
        if not talking and "connected" in follower.kinds:
            talking = True
            hang_up_at = time.monotonic() + talk_seconds
        if not over and (not follower.caller.child.running or time.monotonic() > hang_up_at):
            over = True
            give_up_at = time.monotonic() + RECORD_SECONDS
            if follower.caller.child.running:
                follower.caller.hang_up()
        await asyncio.sleep(POLL_SECONDS)


if __name__ == "__main__":
    main()
