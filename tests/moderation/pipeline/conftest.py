"""One square a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.moderation.pipeline.square import Clock, Square

from zajil.engine.sql.sqlite.database import FILE_NAME
from zajil.server.schema import open_database


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path | None:
    """A database at the newest schema, with nothing in it; None on PostgreSQL, which has one of its own."""
    folder = tmp_path_factory.mktemp("template")
    database = open_database(folder)
    database.truncate_log()
    database.close()
    return folder / FILE_NAME if (folder / FILE_NAME).exists() else None


@pytest.fixture
async def square(tmp_path: Path, clock: Clock, template: Path | None) -> AsyncIterator[Square]:
    made = Square(tmp_path / "data", clock, template=template)
    await made.start()
    yield made
    await made.close()
