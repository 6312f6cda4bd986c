"""`zajil serve` and `zajil moderation worker` on one data folder, killed and started again together; other commands."""

from __future__ import annotations

import asyncio
import json
import os
import re
import select
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.flows.server import LIMITS, START_S, ServerProcess

from zajil.engine.limits import DEFAULTS
from zajil.engine.sql.database import FILE_NAME

COMMAND = (sys.executable, "-m", "zajil.cli.main")
SETTINGS = 'public_space = true\nregistration = "open"\n[moderation]\nenabled = true\nworker = "apart"\nprocesses = 1\n'
PATIENCE_S = 60.0
_LOOK_S = 0.02
_STOPPED_S = 1.0
"""Longer between two looks, and the test itself stood still."""


def no_limits() -> str:
    """Lines of the settings file that let every caller do everything at once, beside those of `ServerProcess`."""
    own = set(re.findall(r"^(\w+) =", LIMITS, re.MULTILINE))
    return "".join(f"{name} = {{burst = 1e9, every_s = 1e-9}}\n" for name in DEFAULTS if name not in own)


class Programs:
    """A server and its worker. up: set while both are there to be asked."""

    def __init__(self, folder: Path) -> None:
        self.server = ServerProcess(folder, settings=SETTINGS, limits=no_limits())
        self.data = self.server.data
        self.up = asyncio.Event()
        self.kills = 0
        self._worker: subprocess.Popen[bytes] | None = None
        self._reader: sqlite3.Connection | None = None

    @property
    def worker(self) -> subprocess.Popen[bytes]:
        assert self._worker is not None
        return self._worker

    async def start(self) -> None:
        """Start both, the server first; return once both say that they work."""
        await asyncio.to_thread(self.server.start)
        await asyncio.to_thread(self._start_worker)
        self.up.set()

    def _start_worker(self) -> None:
        with self.server.log.open("ab") as log:
            self._worker = subprocess.Popen(
                [*COMMAND, "moderation", "worker", "--data", str(self.data)],
                stdout=subprocess.PIPE,
                stderr=log,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
            )
        output = self.worker.stdout
        assert output is not None
        assert select.select([output], [], [], START_S)[0], "the worker did not start"
        assert output.readline(), f"the worker ended: {self.server.log.read_text(encoding='utf-8')[-2000:]}"

    async def kill_at(self, reached: Callable[[], bool]) -> None:
        """SIGKILL to both, while what is asked for holds: the worker stands still before it is looked at again."""
        patience = Patience("something to kill in the middle of")
        while True:
            patience.spend()
            if reached():
                self.worker.send_signal(signal.SIGSTOP)
                if reached():
                    break
                self.worker.send_signal(signal.SIGCONT)
            await asyncio.sleep(0.002)
        await self.kill()

    async def kill(self) -> None:
        """SIGKILL to both."""
        self.up.clear()
        self.worker.kill()
        await asyncio.to_thread(self.server.kill)
        self.worker.wait()
        self._close()
        self.kills += 1

    async def stop(self) -> tuple[int, int]:
        """SIGTERM to both; their exit codes."""
        self.up.clear()
        self.worker.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(self.worker.wait, 30)
        self._close()
        return code, await asyncio.to_thread(self.server.stop)

    def _close(self) -> None:
        if self.worker.stdout is not None:
            self.worker.stdout.close()

    def end(self) -> None:
        """Leave nothing running, however the test ended."""
        for process in (self._worker, self.server._process):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()
        if self._reader is not None:
            self._reader.close()

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:  # Any: what a column holds
        """What the database answers, read beside the programs."""
        if self._reader is None:
            file = f"file:{self.data / FILE_NAME}?mode=ro"
            self._reader = sqlite3.connect(file, uri=True, timeout=10, isolation_level=None)
        return self._reader.execute(query, values).fetchall()

    def count(self, query: str, *values: object) -> int:
        """The one number of an answer."""
        ((number,),) = self.ask(query, *values)
        return int(number)


class Patience:
    """How long something was waited for, in seconds. A test that is stopped and goes on later has not waited."""

    def __init__(self, what: str, timeout_s: float = PATIENCE_S) -> None:
        self.waited_s = 0.0
        self._what = what
        self._timeout_s = timeout_s
        self._looked = time.monotonic()

    def spend(self) -> None:
        """Count the time since the last look. Fails once it was too long, saying what was waited for."""
        now = time.monotonic()
        self.waited_s += min(now - self._looked, _STOPPED_S)
        self._looked = now
        assert self.waited_s < self._timeout_s, f"waited {self._timeout_s:g} s: {self._what}"


async def until(holds: Callable[[], bool], what: str, *, timeout_s: float = PATIENCE_S) -> float:
    """Seconds until a condition of another process's database holds. Fails saying what was waited for."""
    patience = Patience(what, timeout_s)
    while not holds():
        await asyncio.sleep(_LOOK_S)
        patience.spend()
    return patience.waited_s


class Home:
    """A person at a terminal: `zajil --home ...` as a process of its own, each time."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.secret = folder / "passphrase.txt"
        self.secret.write_text("correct horse battery\n", encoding="utf-8")

    async def run(self, *words: str) -> tuple[int, str, str]:
        """Exit code, stdout, stderr."""
        process = await asyncio.create_subprocess_exec(
            *COMMAND, "--home", str(self.folder), *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def ok(self, *words: str) -> str:
        """What it printed."""
        code, out, err = await self.run(*words)
        assert code == 0, f"zajil {' '.join(words)}: {code}\n{err}"
        return out

    async def json(self, *words: str) -> Any:  # Any: what a command prints
        return json.loads(await self.ok(*words, "--json"))

    async def refused(self, code: str, *words: str) -> None:
        """The command must fail with this error."""
        ended, _, err = await self.run(*words)
        assert ended == 1, err
        assert f"error: {code}" in err, err
        assert "Traceback" not in err
