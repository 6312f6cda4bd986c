"""Whether what is over by the clock may be deleted: not while the clock looks as if it were far ahead.

A machine that starts before it has asked the network for the time may believe that years have passed, and retention
would delete everything within a minute. The database remembers the second of the last run. A clock more than two days
beyond it is either wrong or was out for as long; both are settled by waiting: after an hour as the processor counts it,
a machine that has a network has set its clock. Where a server of PostgreSQL has a clock of its own, the two must agree.

What is read goes by the clock where a wrong one loses nothing: signals of calls that are over are not shown, messages
are until retention has deleted them.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, func, select

from zajil.engine.sql.database import Database
from zajil.engine.sql.dialects import upsert
from zajil.engine.sql.schema import message
from zajil.engine.sql.state import DOUBTED, RETENTION, server_state

JUMP_S: Final = 2 * 86_400
"""How far beyond the run that was due a clock is believed at once: whoever turns a server off over a weekend waits."""
WAIT_S: Final = 3600.0
_KEEP_S: Final = 60.0
APART_S: Final = 3600
"""How far apart the clocks of a server and of its database may be."""
_LOG: Final = logging.getLogger(__name__)


class ClockGuard:
    """every_s: pause between two runs. clock: Unix seconds. ticks: seconds that nobody sets."""

    def __init__(
        self,
        db: Database,
        *,
        every_s: float,
        clock: Callable[[], float],
        ticks: Callable[[], float] = time.monotonic,
    ) -> None:
        self._db, self._every_s, self._clock, self._ticks = db, every_s, clock, ticks
        self._counted_at: float | None = None
        """Up to when the wait is counted, while there is one."""
        self._waited_s = self._kept_s = 0.0
        self._is_apart = False

    async def may_delete(self) -> bool:
        """Whether retention may run. Where not, the log says why, once. Raises Unavailable `busy`."""
        last, kept_s, other = await self._db.read(_look)
        now = self._clock()
        is_apart = other is not None and abs(now - other) > APART_S
        if is_apart and not self._is_apart:
            _LOG.error(
                "the clocks of this server and of its database are more than an hour apart: nothing that is over is "
                "deleted until they agree"
            )
        self._is_apart = is_apart
        if last is not None and is_jump(last, now, every_s=self._every_s):
            await self._wait_on(kept_s)
        elif self._counted_at is not None:
            self._counted_at = None
            await self._db.write_unflushed(lambda db: _put(db, DOUBTED, 0))
        return not is_apart and (self._counted_at is None or self._waited_s >= WAIT_S)

    async def _wait_on(self, kept_s: float) -> None:
        """Count what has passed. kept_s: what servers have waited before, so that short lives add up to the hour."""
        now = self._ticks()
        if self._counted_at is None:
            self._counted_at, self._waited_s, self._kept_s = now, kept_s, kept_s
            _LOG.error(
                "the clock is more than two days beyond the last run of retention: it is wrong, or no server ran; "
                "nothing that is over is deleted in the next hour, set the clock until then if it is wrong"
            )
            return
        self._waited_s, self._counted_at = self._waited_s + now - self._counted_at, now
        if self._waited_s >= self._kept_s + _KEEP_S:
            self._kept_s = waited_s = self._waited_s
            await self._db.write_unflushed(lambda db: _put(db, DOUBTED, int(waited_s)))

    async def note_run(self) -> None:
        """Retention runs now: the clock is believed from here on, also where it was set back since."""
        now = int(self._clock())
        self._counted_at = None

        def write(db: Connection) -> None:
            _put(db, RETENTION, now)
            _put(db, DOUBTED, 0)

        await self._db.write_unflushed(write)


def read_last_run(db: Connection) -> int | None:
    """Unix second of the last run of retention.

    Before the first, as after an update, that of the newest message; None where there is none either.
    """
    found = _read(db, RETENTION)
    if found is not None:
        return found
    newest_ms = db.execute(select(func.max(message.c.ts))).scalar_one()
    return None if newest_ms is None else int(newest_ms) // 1000


def _read(db: Connection, name: str) -> int | None:
    found = db.execute(select(server_state.c.value).where(server_state.c.name == name)).scalar_one_or_none()
    return None if found is None else int(found)


def is_jump(last: int, now: float, *, every_s: float) -> bool:
    """Whether a clock that says `now` is far beyond a last run of retention."""
    return now > last + every_s + JUMP_S


def _look(db: Connection) -> tuple[int | None, float, float | None]:
    """The last run, the seconds that a doubted clock was waited for, and the database's own clock where it has one."""
    other = None
    if db.dialect.name == "postgresql":
        other = float(db.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())
    return read_last_run(db), float(_read(db, DOUBTED) or 0), other


def _put(db: Connection, name: str, value: int) -> None:
    put = upsert(server_state).on_conflict_do_update(index_elements=["name"], set_={"value": str(value)})
    db.execute(put, {"name": name, "value": str(value)})
