"""The answer of the call that is being carried out, kept in the very transaction of its act.

A call that comes again gets the answer that it got before. Were that written after the act, a server that died between
the two would carry a copy out once more, or refuse it for what it had done itself. So whoever answers calls opens one,
and the verb hands its answer over inside its own transaction: both are stored, or neither.

A verb asks for `keeper` before it writes: transactions run in another thread, which knows of no call.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final, TypeAlias

import msgspec
from sqlalchemy import Connection

Keep: TypeAlias = Callable[[Connection, msgspec.Struct], None]
"""Keeps the answer of one call. It raises, and so undoes the act, where another server has answered a copy of it."""
_OPEN: Final[ContextVar[Keep | None]] = ContextVar("open_answer", default=None)


def keeper() -> Keep:
    """What keeps the answer of the call that is being carried out; it does nothing where copies are told none."""
    return _OPEN.get() or _keep_nothing


@contextmanager
def opened(keep: Keep) -> Iterator[None]:
    """Whatever is carried out in here, by this task, hands its answer to `keep`."""
    before = _OPEN.set(keep)
    try:
        yield
    finally:
        _OPEN.reset(before)


def _keep_nothing(_db: Connection, _answer: msgspec.Struct) -> None:
    pass
