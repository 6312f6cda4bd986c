"""`zajil serve` and the moderation worker that it starts, killed together or the server alone; other commands."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.flows.server import LIMITS, ServerProcess
from tests.forks import asked
from tests.moderation.processes.ordeal import children_of, is_running

from zajil.engine.limits import DEFAULTS
from zajil.server.moderation.beside.supervisor import MODULE

SETTINGS = 'public_space = true\nregistration = "open"\n[moderation]\nenabled = true\nprocesses = 1\n'
PATIENCE_S = 60.0
_LOOK_S = 0.02
_STOPPED_S = 1.0
"""Longer between two looks, and the test itself stood still."""


def no_limits() -> str:
    """Lines of the settings file that let every caller do everything at once, beside those of `ServerProcess`."""
    own = set(re.findall(r"^(\w+) =", LIMITS, re.MULTILINE))
    return "".join(f"{name} = {{burst = 1e9, every_s = 1e-9}}\n" for name in DEFAULTS if name not in own)


class Programs:
    """A server and its worker. up: set while the server is there to be asked. worker: the process's id."""

    def __init__(self, folder: Path) -> None:
        self.server = ServerProcess(folder, settings=SETTINGS, limits=no_limits(), forked=False)
        self.data = self.server.data
        self.up = asyncio.Event()
        self.kills = 0
        self.worker = 0

    async def start(self) -> None:
        """Start the server; return once it listens and has its worker, which may load yet."""
        await asyncio.to_thread(self.server.start)
        await until(lambda: bool(self._find_worker()), "the server's worker")
        self.worker = self._find_worker()
        self.up.set()

    def _find_worker(self) -> int:
        """The one child of the server, once it runs its own program; 0 before."""
        for pid in children_of(self.server.process.pid):
            if MODULE.encode() in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0"):
                return pid
        return 0

    async def kill_at(self, reached: Callable[[], bool]) -> None:
        """SIGKILL to both, while what is asked for holds."""
        await self._freeze_at(reached)
        os.kill(self.worker, signal.SIGKILL)
        await self.kill()

    async def kill_server_at(self, reached: Callable[[], bool]) -> None:
        """SIGKILL to the server alone, while what is asked for holds; the worker finds itself alone, and ends."""
        await self._freeze_at(reached)
        self.up.clear()
        await asyncio.to_thread(self.server.kill)
        os.kill(self.worker, signal.SIGCONT)
        self.kills += 1

    async def _freeze_at(self, reached: Callable[[], bool]) -> None:
        """The worker stands still before it is looked at again."""
        patience = Patience("something to kill in the middle of")
        while True:
            patience.spend()
            if reached():
                os.kill(self.worker, signal.SIGSTOP)
                if reached():
                    return
                os.kill(self.worker, signal.SIGCONT)
            await asyncio.sleep(0.002)

    async def kill(self) -> None:
        """SIGKILL to both."""
        self.up.clear()
        await asyncio.to_thread(self.server.kill)
        if is_running(self.worker):
            os.kill(self.worker, signal.SIGKILL)
        await until(lambda: not is_running(self.worker), "the end of the worker")
        self.kills += 1

    async def stop(self) -> int:
        """SIGTERM to the server; its exit code. Its worker and what that started are gone then."""
        self.up.clear()
        below = [self.worker, *children_of(self.worker)]
        code = await asyncio.to_thread(self.server.stop)
        assert not is_running(self.worker)
        await until(lambda: not any(is_running(pid) for pid in below), "the end of what reads for the worker")
        return code

    def end(self) -> None:
        """Leave nothing running, however the test ended: the worker ends with its server."""
        process = self.server._process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()

    def ask(self, query: str, *values: object) -> list[tuple[Any, ...]]:  # Any: what a column holds
        """What the database answers, read beside the programs."""
        return self.server.ask(query, *values)

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
            *asked.command("zajil", "--home", str(self.folder), *words), stdout=subprocess.PIPE, stderr=subprocess.PIPE
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
