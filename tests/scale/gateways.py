"""Gateways of one server in processes of their own, with a PostgreSQL and a NATS that can be killed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests import engines
from tests.flows.server import ServerProcess
from tests.nats import NatsServer, nats_server
from tests.postgres import OWNER, Cluster, made_folder


@dataclass(frozen=True)
class Gateways:
    """What runs. Each `restart_` kills without a word and starts again."""

    servers: list[ServerProcess]
    nats: NatsServer
    database: Cluster

    def restart_server(self) -> None:
        """The first gateway."""
        self.servers[0].kill()
        self.servers[0].start()

    def restart_nats(self) -> None:
        """NATS, which forgets everything."""
        self.nats.stop()
        self.nats.start()

    def restart_database(self) -> None:
        """PostgreSQL, which recovers from its log."""
        self.database.kill()
        self.database.start()


@contextmanager
def gateways(folder: Path, count: int, *, forked: bool = True, **settings: str) -> Iterator[Gateways]:
    """So many on a data directory in this folder. forked: see ServerProcess. settings: of PostgreSQL."""
    with ExitStack() as stack:
        nats = stack.enter_context(nats_server())
        database = Cluster(stack.enter_context(made_folder()), **settings)
        database.start()
        stack.callback(database.kill)
        url = f"postgresql://{OWNER}@/postgres?host={database.folder}"
        engines.fill(url)
        lines = f'registration = "open"\ndrain_s = 0\nbus = "{nats.url}"\n'
        kept = engines.OfPostgres(url)
        servers = [ServerProcess(folder, settings=lines, forked=forked, kept=kept) for _ in range(count)]
        for server in servers:
            stack.callback(server.kill)
            server.start()
        yield Gateways(servers, nats, database)
