"""The embedded Postgres server."""

from pathlib import Path

import asyncpg
import psutil
import pytest

from stack.ports import Ports
from stack.postgres import Postgres, running_postgres
from stack.process import StackError


async def test_each_test_has_a_database_of_its_own_with_the_schema(
    database_url: str, empty_database_url: str
) -> None:
    migrated = await asyncpg.connect(database_url)
    empty = await asyncpg.connect(empty_database_url)
    count = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
    assert await migrated.fetchval(count) > 0
    assert await empty.fetchval(count) == 0
    await migrated.close()
    await empty.close()


async def test_data_survives_a_restart(tmp_path: Path, ports: Ports) -> None:
    port = ports.any()
    async with running_postgres(tmp_path / "data", port) as server:
        connection = await asyncpg.connect(await server.ensure("kept"))
        await connection.execute("CREATE TABLE t AS SELECT 110 AS n")
        await connection.close()
    async with running_postgres(tmp_path / "data", port) as server:
        connection = await asyncpg.connect(await server.ensure("kept"))
        assert await connection.fetchval("SELECT n FROM t") == 110
        await connection.close()


async def test_a_stopped_server_leaves_no_process(tmp_path: Path, ports: Ports) -> None:
    async with running_postgres(tmp_path / "data", ports.any(), fleeting=True) as server:
        assert server.child is not None
        process = psutil.Process(server.child.pid)
        family = [process, *process.children(recursive=True)]
        assert len(family) > 1
    assert [each for each in family if each.is_running()] == []


async def test_data_whose_password_is_lost_is_not_made_anew(tmp_path: Path, ports: Ports) -> None:
    async with running_postgres(tmp_path / "data", ports.any(), fleeting=True):
        pass
    (tmp_path / "data.password").unlink()
    with pytest.raises(StackError, match="is missing"):
        async with running_postgres(tmp_path / "data", ports.any()):
            pass
    assert (tmp_path / "data" / "PG_VERSION").exists()


async def test_a_stranger_without_the_password_is_refused(postgres: Postgres) -> None:
    if postgres.child is None:
        pytest.skip("the user's own server has its own rules")
    user, _, address = postgres.url("postgres").rpartition("@")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"{user.rpartition(':')[0]}:wrong@{address}")
