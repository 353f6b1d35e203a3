"""The tables: models and migrations agree, one process migrates at a time, none waits for ever."""

import asyncio

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from db import migrate
from db.migrate import check, head, upgrade


async def test_models_and_migrations_agree(database_url: str):
    state = await check(database_url)
    assert state.differences == ()
    assert state.current


async def test_a_table_that_differs_is_named(database_url: str):
    connection = await asyncpg.connect(database_url)
    await connection.execute("ALTER TABLE calls DROP COLUMN unit; DROP INDEX ix_calls_open")
    await connection.close()
    state = await check(database_url)
    said = " ".join(state.differences)
    assert "'calls'" in said
    assert "'unit'" in said
    assert "ix_calls_open" in said


async def test_an_empty_database_is_not_current(empty_database_url: str):
    state = await check(empty_database_url)
    assert (state.revision, state.current) == (None, False)


async def test_processes_that_migrate_at_once_do_it_once(empty_database_url: str):
    revisions = await asyncio.gather(*(upgrade(empty_database_url) for _ in range(4)))
    assert revisions == [head()] * 4
    assert (await check(empty_database_url)).current


async def test_upgrading_again_changes_nothing(database_url: str):
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO calls (call_id, began_at) VALUES ('kept', now())")
    assert await upgrade(database_url) == head()
    assert await connection.fetchval("SELECT count(*) FROM calls") == 1
    await connection.close()


async def test_a_step_that_fails_leaves_nothing_behind(empty_database_url: str):
    connection = await asyncpg.connect(empty_database_url)
    await connection.execute("CREATE TABLE audit (mine int)")
    with pytest.raises(DBAPIError):
        await upgrade(empty_database_url)
    tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert [row["tablename"] for row in tables] == ["audit"]
    await connection.close()


async def test_a_table_in_use_is_not_waited_for_long(
    database_url: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(migrate, "TABLE_LOCK_SECONDS", 0.1)
    holder = await asyncpg.connect(database_url)
    async with holder.transaction():
        await holder.execute("LOCK TABLE alembic_version IN ACCESS EXCLUSIVE MODE")
        async with asyncio.timeout(20):
            with pytest.raises(DBAPIError, match="lock timeout"):
                await upgrade(database_url)
    await holder.close()


async def test_every_time_has_a_zone(database_url: str):
    connection = await asyncpg.connect(database_url)
    without = await connection.fetch(
        "SELECT table_name, column_name FROM information_schema.columns"
        " WHERE table_schema = 'public' AND data_type = 'timestamp without time zone'"
    )
    assert without == []
    await connection.close()
