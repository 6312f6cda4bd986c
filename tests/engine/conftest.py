"""A server for each test and each implementation of the mailbox engine."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.delivery.world import IMPLEMENTATIONS, Server

from zajil.engine.sql.queues import Cap

if TYPE_CHECKING:
    from tests.postgres import Postgres

EACH = [pytest.param(name, marks=[pytest.mark.scale] if name == "postgres" else []) for name in IMPLEMENTATIONS]


@pytest.fixture
def on_postgres(postgres: Postgres) -> Callable[[ExitStack], str]:
    """Gives the URL of a new database with the tables of the engine, until the stack ends."""
    from zajil.engine.sql.postgres.connection import create_tables

    postgres.make_template("mailboxes", create_tables)
    return lambda stack: stack.enter_context(postgres.database("mailboxes"))


@pytest.fixture(params=EACH)
def make_server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[Cap | None], Server]]:
    made: list[Server] = []
    with ExitStack() as stack:

        def make(cap: Cap | None = None) -> Server:
            folder = tmp_path / str(len(made))
            folder.mkdir()
            url = request.getfixturevalue("on_postgres")(stack) if request.param == "postgres" else None
            made.append(Server(folder, cap=cap, url=url))
            stack.callback(made[-1].close)
            return made[-1]

        yield make


@pytest.fixture
def server(make_server: Callable[[Cap | None], Server]) -> Server:
    return make_server(None)
