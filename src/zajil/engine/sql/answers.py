"""The answer of the call that is being carried out, kept in the very transaction of its act.

A call that comes again gets the answer that it got before. Were that written after the act, a server that died between
the two would carry a copy out once more, or refuse it for what it had done itself. So whoever answers calls opens one,
and the verb hands its answer over inside its own transaction: both are stored, or neither.

A verb asks for `keeper` before it writes: transactions run in another thread, which knows of no call. It does so in the
task of its call: whatever else the call sets off carries its context on, and may come to what others ask, as a carrier
that is told something in the same turn and reads on. What is done for them is told under no key but their own.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final, NamedTuple, TypeAlias

import msgspec
from sqlalchemy import Connection

Keep: TypeAlias = Callable[[Connection, msgspec.Struct], None]
"""Keeps the answer of one call. It raises, and so undoes the act, where another server has answered a copy of it."""


class _Opened(NamedTuple):
    keep: Keep
    task: asyncio.Task[Any] | None  # Any: whatever it gives


_OPEN: Final[ContextVar[_Opened | None]] = ContextVar("open_answer", default=None)


def keeper() -> Keep:
    """What keeps the answer of the call that is being carried out; it does nothing where copies are told none."""
    found = _OPEN.get()
    return found.keep if found is not None and found.task is asyncio.current_task() else _keep_nothing


@contextmanager
def opened(keep: Keep) -> Iterator[None]:
    """Whatever is carried out in here, by this task, hands its answer to `keep`."""
    before = _OPEN.set(_Opened(keep, asyncio.current_task()))
    try:
        yield
    finally:
        _OPEN.reset(before)


def _keep_nothing(_db: Connection, _answer: msgspec.Struct) -> None:
    pass
