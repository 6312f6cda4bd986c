"""A real server in a process of its own, as an operator runs it, that tests can stop, kill and look into."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests import engines
from tests.forks import asked
from tests.gateways import asked_gateway

from zajil.engine.sql.sqlite.database import FILE_NAME
from zajil.server.admin import create_invite

# Tests do in a minute what people do in weeks.
LIMITS = """
[limits]
send = {burst = 100000, every_s = 0.001}
send_prefix = {burst = 100000, every_s = 0.001}
commit = {burst = 100000, every_s = 0.001}
commit_prefix = {burst = 100000, every_s = 0.001}
registration = {burst = 1000, every_s = 1}
login = {burst = 1000, every_s = 1}
link_put = {burst = 1000, every_s = 1}
device_list_write = {burst = 1000, every_s = 1}
backup_new = {burst = 1000, every_s = 1}
pass_group = {burst = 1000, every_s = 1}
claim = {burst = 1000, every_s = 1}
key_package_write = {burst = 1000, every_s = 1}
refs_write = {burst = 1000, every_s = 1}
"""
START_S = 30.0


class ServerProcess:
    """`zajil serve` on a folder. Output goes to `log`, whole, for the tests that search it."""

    def __init__(
        self,
        folder: Path,
        *,
        settings: str = "",
        limits: str = "",
        forked: bool = True,
        kept: engines.Kept | None = None,
    ) -> None:
        """settings, limits: further lines of its file. forked: begun by the fork server, whose child it then is.

        kept: the database, where it is not one of the run's engine (`--engine`).
        Made a second time on one folder it is another server on the same data directory, with the first one's file.
        """
        self.data = folder / "server"
        self.log = folder / "server.log"
        self.url = ""
        self._forked = forked
        is_first = not self.data.exists()
        self.data.mkdir(parents=True, exist_ok=True)
        self.kept = kept or engines.make(self.data)
        if is_first:
            lines = f'gateway = "{asked_gateway()}"\n' + self.kept.settings + settings + LIMITS + limits
            (self.data / "zajil.toml").write_text(lines, encoding="utf-8")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start and wait for its address; again on the same port after an end."""
        port = urlsplit(self.url).port or 0
        program = asked.command("zajil") if self._forked else [sys.executable, "-m", "zajil.cli.main"]
        command = [*program, "serve", "--data", str(self.data), "--port", str(port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env={**os.environ, "PYTHONUNBUFFERED": "1"}
            )
        self.url = self._first_line().removeprefix("listening on ").strip()

    def _first_line(self) -> str:
        output = self.process.stdout
        assert output is not None
        deadline = time.monotonic() + START_S
        while time.monotonic() < deadline:
            if select.select([output], [], [], 0.5)[0]:
                line = output.readline().decode()
                if line.startswith("listening on "):
                    return line
                assert line, f"the server ended: {self.log.read_text(encoding='utf-8')[-2000:]}"
        raise AssertionError(f"the server did not start: {self.log.read_text(encoding='utf-8')[-2000:]}")

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None
        return self._process

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()
        self.process.wait()
        if self._forked and self.process.stdout is not None:
            # A fork ends a moment after what stands for it, and its output with it.
            self.process.stdout.read()
        self._close()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=30)
        self._close()
        return code

    def _close(self) -> None:
        self.kept.close()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def invite(self) -> str:
        return create_invite(self.data, 1)

    def files(self) -> dict[str, bytes]:
        """Every file the server or its log wrote, by name, and every table that is none of them."""
        found = [path for path in self.data.rglob("*") if path.is_file()]
        files = {path.name: path.read_bytes() for path in [*found, self.log]}
        if FILE_NAME not in files:
            for table, rows in self.rows().items():
                values = [value for row in rows for value in row.values()]
                files[table] = b"\0".join(each if isinstance(each, bytes) else str(each).encode() for each in values)
        return files

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:  # Any: what a column holds
        """What the database answers, read beside the server. `?` stands for a value."""
        return self.kept.ask(query, values)

    def rows(self) -> dict[str, list[dict[str, object]]]:
        """The whole database: rows by table, values by column."""
        return engines.rows_of(self.kept)
