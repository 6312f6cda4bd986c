"""The server's end: starts the moderation worker as a process, starts it again when it ends, and ends it.

The process ends with the server however that ends, since its standard input closes then. It works on the data
directory as `zajil moderation worker` does, so a kill of either loses no post and decides none twice.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Final

from zajil.channels.publishing import QUEUE
from zajil.channels.wakeups import Wakeups
from zajil.server.config import Settings
from zajil.server.metrics import ModerationFigures
from zajil.server.moderation.beside.words import LINE_MAX_BYTES, WAKE, Counted, Woken, encode_settings, parse_told

_LOG = logging.getLogger(__name__)
MODULE: Final = "zajil.server.moderation.beside.worker"
_FIRST_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 30.0
_STEADY_S: Final = 60.0
"""A worker that lived so long did not die of how it starts."""
_STOP_S: Final = 20.0


class WorkerProcess:
    """One worker at a time, from `start` to `stop`. pid: of the one that runs, 0 between two."""

    def __init__(self, data: Path, settings: Settings, *, wakeups: Wakeups, figures: ModerationFigures) -> None:
        """wakeups: of the public space: the worker hears of new posts by them, and they of what it did."""
        self.pid = 0
        self._data = data
        self._settings = settings
        self._wakeups = wakeups
        self._figures = figures
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Have one run from now on. Returns before it does; posts wait in the outbox meanwhile."""
        self._task = asyncio.create_task(self._supervise())

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL if it does not end in time. What it was at is given back, and comes again."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _supervise(self) -> None:
        pause_s = _FIRST_PAUSE_S
        while True:
            begun = time.monotonic()
            try:
                how = f"code {await self._live()}"
            except Exception as bug:  # noqa: BLE001  # the boundary of a background task
                _LOG.error("the moderation worker could not be started", exc_info=bug)
                how = "no start"
            if time.monotonic() - begun > _STEADY_S:
                pause_s = _FIRST_PAUSE_S
            _LOG.warning("the moderation worker ended (%s) and is started again in %g s", how, pause_s)
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    async def _live(self) -> int:
        """One worker's life; its exit code, negative for a signal."""
        # -P: what lies in the folder somebody started the server from is not imported.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", MODULE, str(self._data)),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            limit=LINE_MAX_BYTES,
            start_new_session=True,
        )
        self.pid = process.pid
        waking = asyncio.create_task(self._pass_on(process))
        try:
            await self._listen(process)
            return await process.wait()
        finally:
            self.pid = 0
            waking.cancel()
            await asyncio.gather(waking, return_exceptions=True)
            await _end(process)

    async def _pass_on(self, process: asyncio.subprocess.Process) -> None:
        """Tell the worker its settings, and then whenever something waits for it."""
        down = process.stdin
        if down is None:
            raise RuntimeError("the process has no input")
        with suppress(ConnectionError), self._wakeups.listening([QUEUE]) as woken:
            down.write(encode_settings(self._settings))
            while True:
                await down.drain()
                await woken.wait()
                woken.clear()
                down.write(WAKE)

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        """Do what the worker asks for until it ends."""
        up = process.stdout
        while up is not None and (line := await up.readline()):
            told = parse_told(line)
            match told:
                case Woken():
                    self._wakeups.wake(told.topics)
                case Counted():
                    _count(self._figures, told)
                case None:
                    _LOG.warning("the moderation worker is of another version: restart the server")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        async with asyncio.timeout(_STOP_S):
            await process.wait()
    except TimeoutError:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _count(figures: ModerationFigures, told: Counted) -> None:
    for lang, stage, outcome in told.posts:
        figures.count_post(lang, stage, outcome)
    for action, category, source in told.decisions:
        figures.count_decision(action, category, source)
    for name in told.skipped:
        figures.count_skipped(name)
    for seconds in told.batches_s:
        figures.note_batch(seconds)
    for seconds in told.delays_s:
        figures.note_delay(seconds)
    if told.backlog is not None:
        figures.note_backlog(told.backlog)
