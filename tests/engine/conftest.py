"""A server for each test and each implementation of the mailbox engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.delivery.world import IMPLEMENTATIONS, Server

from zajil.engine.sql.queues import Cap


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def make_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Cap | None], Server]]:
    made: list[Server] = []

    def make(cap: Cap | None = None) -> Server:
        folder = tmp_path / str(len(made))
        folder.mkdir()
        made.append(Server(folder, cap=cap, implementation=request.param))
        return made[-1]

    yield make
    for server in made:
        server.close()


@pytest.fixture
def server(make_server: Callable[[Cap | None], Server]) -> Server:
    return make_server(None)
