"""Starting a server for one turn, in a folder of its own, and stopping it by its own process id.

Peers run open registration: they listen on 127.0.0.1 alone, at a port that was free, and write nowhere but there.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from bench.record import Subject
from bench.rounds import MissingError

START_S: Final = 60.0
STOP_S: Final = 20.0


class Server(Protocol):
    """A peer, which begins each turn with nothing."""

    name: str

    def describe(self) -> Subject:
        """Version and settings. Raises MissingError."""

    def run(self) -> AbstractContextManager[Running]:
        """A server until the end of the block."""


class Running(NamedTuple):
    """A server that answers. pid: root of its processes. folder: where it writes."""

    pid: int
    port: int
    folder: Path


def find_program(name: str, *, install: str) -> Path:
    """Where a program is; Debian keeps servers out of the path of users. Raises MissingError with how to install it."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/local/sbin", "/usr/sbin", "/sbin"])
    found = shutil.which(name, path=path)
    if found is None:
        raise MissingError(install)
    return Path(found)


def find_free_port() -> int:
    """A port of 127.0.0.1 that nobody listens at."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def ask_version(command: Sequence[str | Path], *, failing: bool = False) -> str:
    """First line of what a program says. failing: it says so with an exit code other than 0."""
    told = subprocess.run(list(command), capture_output=True, text=True, check=not failing, timeout=60)
    text = (told.stdout or told.stderr).strip()
    return text.splitlines()[0] if text else "unknown"


def ask_package(name: str) -> str:
    """Version of a Debian package, as upstream counts."""
    told = subprocess.run(["dpkg-query", "-W", "-f", "${Version}", name], capture_output=True, text=True, check=False)  # noqa: S607
    return told.stdout.partition("-")[0].partition("+")[0] or "unknown"


@contextmanager
def folder_for(name: str) -> Iterator[Path]:
    """A folder of a turn, gone after it."""
    with tempfile.TemporaryDirectory(prefix=f"zajil-bench-{name}-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@contextmanager
def started(
    command: Sequence[str | Path], *, port: int, folder: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Running]:
    """A server that listens at this port, until the end of the block. Raises RuntimeError where it does not start."""
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [str(part) for part in command],
            cwd=folder,
            env={**os.environ, **(environment or {})},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait_for(port, process, folder / "log")
        yield Running(process.pid, port, folder)
    finally:
        stop(process)


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + START_S
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError(f"it did not start: {log.read_text(errors='replace')[-2000:]}")


def stop(process: subprocess.Popen[bytes]) -> None:
    """End a process that `started` began, and all of its session."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(STOP_S)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
