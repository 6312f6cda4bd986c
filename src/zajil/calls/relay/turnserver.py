"""coturn as a child of the server: started, started again when it falls, and never left behind."""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from zajil.calls.relay import with_parent
from zajil.calls.relay.conf import RelayPlan, render_conf
from zajil.engine.files import replace_file

_LOG = logging.getLogger(__name__)
PROGRAM: Final = "turnserver"
CONF_FILE: Final = "turnserver.conf"
_FIRST_PAUSE_S: Final = 1.0
_LONGEST_PAUSE_S: Final = 60.0
_STEADY_S: Final = 60.0
_GRACE_S: Final = 3.0
INSTALL_HINT: Final = "apt-get install coturn (Debian, Ubuntu), then start the server again"


class Turnserver:
    """One relay in a folder of its own. Start, then stop; in between it is kept running."""

    def __init__(
        self, folder: Path, plan: RelayPlan, *, find: Callable[[str], str | None] = shutil.which, python: str = ""
    ) -> None:
        """folder: for its configuration, made if missing. find: the program's path. python: that runs `with_parent`."""
        self._folder = folder
        self._plan = plan._replace(pidfile=str(folder / "turnserver.pid"), userdb=str(folder / "turndb"))
        self._find = find
        self._python = python or sys.executable
        self._task: asyncio.Task[None] | None = None
        self.process: asyncio.subprocess.Process | None = None
        self.starts = 0
        """How often it was started."""

    @property
    def is_installed(self) -> bool:
        """Whether there is a program to run."""
        return self._find(PROGRAM) is not None

    def start(self) -> bool:
        """Keep it running from now on; False, and a line in the log, where it is not installed."""
        program = self._find(PROGRAM)
        if program is None:
            _LOG.warning("%s is not installed, so calls have no relay: %s", PROGRAM, INSTALL_HINT)
            return False
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        conf = self._folder / CONF_FILE
        replace_file(conf, render_conf(self._plan).encode())
        # An absolute path: the child becomes the program without asking PATH again.
        self._task = asyncio.create_task(self._keep_running([str(Path(program).resolve()), "-c", str(conf)]))
        return True

    async def stop(self) -> None:
        """It has ended when this returns, and its configuration, which holds the secret, is gone."""
        if self._task is not None:
            self._task.cancel()
            # Whatever became of it: the rest of the server still has to end.
            await asyncio.gather(self._task, return_exceptions=True)
            (self._folder / CONF_FILE).unlink(missing_ok=True)

    async def _keep_running(self, program: list[str]) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            began = time.monotonic()
            try:
                end = f"ended with {await self._run(program)}"
            except OSError as reason:  # no process or file to spare, which passes
                end = f"did not start ({reason.strerror})"
            if time.monotonic() - began >= _STEADY_S:
                pause_s = _FIRST_PAUSE_S
            _LOG.warning("%s %s; started again in %g s", PROGRAM, end, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _run(self, program: list[str]) -> int:
        # Its own complaints name addresses and ports at most, but they are not ours to log.
        process = self.process = await asyncio.create_subprocess_exec(
            *(self._python, "-I", "-S", with_parent.__file__, str(os.getpid()), *program),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        self.starts += 1
        try:
            return await process.wait()
        finally:
            self.process = None
            if process.returncode is None:
                await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
        try:
            async with asyncio.timeout(_GRACE_S):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
