"""The stage that most tests play on, and each test's scene on it."""

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest

from stack.ports import Ports
from stack.postgres import Postgres
from stack.programs import Programs
from stack.prompts import made_prompts
from tests.e2e.scene import Scene, playing
from tests.e2e.stage import QUICK, UNHURRIED_BROADCAST_MS, Settings, Stage, running_stage

Stages = Callable[..., contextlib.AbstractAsyncContextManager[Stage]]


@pytest.fixture(scope="session")
def sounds(programs: Programs) -> Path:
    """The announcements."""
    return made_prompts(programs)


@pytest.fixture(scope="session")
def stages(
    programs: Programs,
    sounds: Path,
    postgres: Postgres,
    migrated_database: str,
    database_names: Iterator[str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Stages:
    """Makes a stage with a database of its own."""

    @contextlib.asynccontextmanager
    async def made(
        settings: Settings = QUICK,
        qualify_seconds: int = 0,
        broadcast_ms: int = UNHURRIED_BROADCAST_MS,
    ) -> AsyncIterator[Stage]:
        name = next(database_names)
        url = await postgres.create(name, migrated_database)
        data_dir = tmp_path_factory.mktemp("node") / "data"
        # Its own, since there are not enough for the stages of a whole session.
        with contextlib.closing(Ports()) as ports:
            async with running_stage(
                programs,
                ports,
                sounds,
                url,
                data_dir,
                settings=settings,
                qualify_seconds=qualify_seconds,
                broadcast_ms=broadcast_ms,
            ) as stage:
                yield stage
        await postgres.drop(name)

    return made


@pytest.fixture(scope="session")
async def stage(stages: Stages) -> AsyncIterator[Stage]:
    """Answers at once, greets, records, rings each unit for two seconds."""
    async with stages() as stage:
        yield stage


@pytest.fixture
async def scene(stage: Stage) -> AsyncIterator[Scene]:
    """This test's desks and callers."""
    async with playing(stage) as scene:
        yield scene
