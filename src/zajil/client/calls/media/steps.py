"""What goes on in the background of one call: steps that may be given up, and closings that are not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from typing import Final

CLOSING_S: Final = 4.0
"""So long `end` waits for closings, which by themselves give up a relay that has died a little sooner."""
_log = logging.getLogger(__name__)


class Steps:
    """Make it in the loop that it lives in; `end` it."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()

    @property
    def is_idle(self) -> bool:
        """Whether nothing goes on."""
        return not self._tasks and not self._closing

    def spawn(self, step: Coroutine[None, None, None]) -> None:
        """Begin a step. One that fails is logged, and nothing else comes of it."""
        _keep(self._tasks, step)

    def spawn_closing(self, step: Coroutine[None, None, None]) -> None:
        """Begin one that nothing cancels: what is closed is closed to the end."""
        _keep(self._closing, step)

    async def end(self) -> None:
        """Give up all steps, and wait until nothing is left, or what is left waits for a machine that does not answer.

        The latter goes on by itself as long as the loop does; nobody needs what comes of it.
        """
        for step in self._tasks:
            step.cancel()
        try:
            async with asyncio.timeout(CLOSING_S):
                while not self.is_idle:
                    await asyncio.wait(self._tasks | self._closing)
        except TimeoutError:
            _log.info("a relay or room did not answer when it was left")


def _keep(tasks: set[asyncio.Task[None]], step: Coroutine[None, None, None]) -> None:
    task = asyncio.get_running_loop().create_task(step)
    tasks.add(task)
    task.add_done_callback(tasks.discard)
    task.add_done_callback(_note_failure)


def _note_failure(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (failure := task.exception()) is not None:
        _log.error("a step of a call failed: %s", type(failure).__name__)
