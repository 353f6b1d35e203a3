"""What tests of every tier may ask for: programs, ports, a Postgres server, fresh databases."""

import itertools
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest

from db.migrate import upgrade
from stack.ports import Ports
from stack.postgres import Postgres, own_server, running_postgres
from stack.process import StackError
from stack.programs import Programs, find_programs


@pytest.fixture(scope="session")
def ports() -> Iterator[Ports]:
    """Ports that no other run on this machine takes."""
    reserved = Ports()
    yield reserved
    reserved.close()


@pytest.fixture(scope="session")
def programs() -> Programs:
    """Asterisk, SIPp, espeak-ng and SoX; made now when the machine has none (about 45 s)."""
    try:
        return find_programs()
    except StackError as fault:
        pytest.exit(str(fault), returncode=1)


@pytest.fixture(scope="session")
async def postgres(
    tmp_path_factory: pytest.TempPathFactory, ports: Ports
) -> AsyncIterator[Postgres]:
    """A Postgres server of this test session; POLRI110_DATABASE_URL names another."""
    if server := own_server():
        yield server
        return
    data = tmp_path_factory.mktemp("postgres") / "data"
    async with running_postgres(data, ports.any(), fleeting=True) as server:
        yield server


@pytest.fixture(scope="session")
def database_names() -> Iterator[str]:
    """Names of databases that no other session on the same server uses."""
    session = secrets.token_hex(4)
    return (f"polri110-test-{session}-{number}" for number in itertools.count(1))


@pytest.fixture(scope="session")
async def migrated_database(
    postgres: Postgres, database_names: Iterator[str]
) -> AsyncIterator[str]:
    """Name of a database with the schema and nothing else, to be copied."""
    name = next(database_names)
    await upgrade(await postgres.create(name, "template0"))
    yield name
    await postgres.drop(name)


@pytest.fixture
async def empty_database_url(
    postgres: Postgres, database_names: Iterator[str]
) -> AsyncIterator[str]:
    """A database of this test's own, without the schema."""
    name = next(database_names)
    yield await postgres.create(name, "template0")
    await postgres.drop(name)


@pytest.fixture
async def database_url(
    postgres: Postgres, migrated_database: str, database_names: Iterator[str]
) -> AsyncIterator[str]:
    """A database of this test's own, with the schema."""
    name = next(database_names)
    yield await postgres.create(name, migrated_database)
    await postgres.drop(name)
