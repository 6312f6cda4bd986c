"""One real server for each module of stories; fresh people for each story."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.flows.people import People
from tests.flows.server import ServerProcess


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("flows"))
    process.start()
    yield process
    assert process.stop() == 0, "SIGTERM drains and ends with 0"


@pytest.fixture
async def people(server: ServerProcess, tmp_path: Path) -> AsyncIterator[People]:
    made = People(server, tmp_path)
    yield made
    await made.close()
