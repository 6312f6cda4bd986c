"""One square a test."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.moderation.pipeline.square import Clock, Square


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def square(tmp_path: Path, clock: Clock) -> AsyncIterator[Square]:
    made = Square(tmp_path / "data", clock)
    await made.start()
    yield made
    await made.close()
