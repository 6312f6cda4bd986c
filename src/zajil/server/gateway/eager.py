"""Coroutines that mostly have nothing to wait for: begun at once, and a task for those alone that do wait.

Python 3.12 has this as `asyncio.eager_task_factory`. Until it first waits, such a coroutine runs in its caller's turn
of the event loop and in no task of its own, so it must not ask for one before (`asyncio.timeout` does).
"""

from __future__ import annotations

from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any


def begin(work: Coroutine[Any, None, None]) -> Coroutine[Any, None, None] | None:  # Any: futures, which a task awaits
    """What is left to be run in a task; None where it is done. Raises what it raises until it waits."""
    try:
        awaited = work.send(None)
    except StopIteration:
        return None
    return _go_on(work, awaited)


async def _go_on(work: Coroutine[Any, None, None], awaited: object) -> None:  # Any: as above
    await _rest(work, awaited)


@coroutine
def _rest(work: Coroutine[Any, None, None], awaited: object) -> Generator[object, None, None]:  # Any: as above
    """Gives the task what `work` waits for, and `work` what comes of that: its end, a fault, a cancellation."""
    while True:
        try:
            try:
                yield awaited
            except BaseException as fault:  # noqa: BLE001  # `work` hears of whatever it is, and decides
                awaited = work.throw(fault)
            else:
                awaited = work.send(None)
        except StopIteration:
            return
