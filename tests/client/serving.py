"""The product's server as a subprocess on an ephemeral port."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.forks import asked

LIMITS = """
[limits]
registration = {burst = 1000, every_s = 0.01}
login = {burst = 1000, every_s = 0.01}
pass_group = {burst = 1000, every_s = 0.01}
claim = {burst = 1000, every_s = 0.01}
commit = {burst = 1000, every_s = 0.01}
send = {burst = 1000, every_s = 0.01}
device_list_write = {burst = 1000, every_s = 0.01}
backup_new = {burst = 1000, every_s = 0.01}
link_put = {burst = 1000, every_s = 0.01}
persona_create = {burst = 1000, every_s = 0.01}
request = {burst = 1000, every_s = 0.01}
request_young = {burst = 1000, every_s = 0.01}
request_target = {burst = 1000, every_s = 0.01}
ticket_group = {burst = 1000, every_s = 0.01}
ticket_prefix = {burst = 1000, every_s = 0.01}
"""


class Served(NamedTuple):
    """Where it listens, its data directory and its process."""

    url: str
    data: Path
    process: subprocess.Popen[str]


def start(data: Path, *, port: int = 0, settings: str = "", forked: bool = True) -> Served:
    """A server that listens already.

    settings: lines of its file, before the limits. forked: begun by the fork server; what measures the process sets
    it to False, so that the one returned is the server itself.
    """
    data.mkdir(exist_ok=True)
    (data / "zajil.toml").write_text(settings + LIMITS)
    program = asked.command("zajil") if forked else [sys.executable, "-m", "zajil.cli.main"]
    command = [*program, "serve", "--data", str(data), "--port", str(port), "--registration", "open"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, stderr=sys.stderr)
    assert process.stdout is not None
    line = process.stdout.readline()
    assert line.startswith("listening on "), line
    return Served(line.split()[-1], data, process)


@contextmanager
def serve(data: Path, *, settings: str = "", forked: bool = True) -> Iterator[Served]:
    """A server until the end of the block."""
    served = start(data, settings=settings, forked=forked)
    try:
        yield served
    finally:
        stop(served)


def stop(served: Served, *, with_signal: int = signal.SIGTERM) -> None:
    """End the server and wait for it."""
    if served.process.poll() is None:
        served.process.send_signal(with_signal)
    served.process.wait(30)
    if served.process.stdout is not None:
        served.process.stdout.close()
