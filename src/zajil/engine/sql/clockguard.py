"""Whether what is over by the clock may be deleted: not while the clock looks as if it were far ahead.

A machine that starts before it has asked the network for the time may believe that years have passed, and retention
would delete everything within a minute. The database remembers the second of the last run. A clock more than two days
beyond it is either wrong or was out for as long; both are settled by waiting: after an hour as the processor counts it,
a machine that has a network has set its clock. Where a server of PostgreSQL has a clock of its own, the two must agree.

What is read goes by the clock all the same: an entry that is over is not shown, and is once the clock is right.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection, select

from zajil.engine.sql.database import Database
from zajil.engine.sql.dialects import upsert
from zajil.engine.sql.state import RETENTION, server_state

JUMP_S: Final = 2 * 86_400
"""How far beyond the run that was due a clock is believed at once: whoever turns a server off over a weekend waits."""
WAIT_S: Final = 3600.0
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
        self._jumped_at: float | None = None
        self._is_apart = False

    async def may_delete(self) -> bool:
        """Whether retention may run. Where not, the log says why, once. Raises Unavailable `busy`."""
        last, other = await self._db.read(_look)
        now = self._clock()
        is_apart = other is not None and abs(now - other) > APART_S
        if is_apart and not self._is_apart:
            _LOG.error(
                "the clocks of this server and of its database are more than an hour apart: nothing that is over is "
                "deleted until they agree"
            )
        self._is_apart = is_apart
        if last is None or not is_jump(last, now, every_s=self._every_s):
            self._jumped_at = None
        elif self._jumped_at is None:
            self._jumped_at = self._ticks()
            _LOG.error(
                "the clock is more than two days beyond the last run of retention: it is wrong, or no server ran; "
                "nothing that is over is deleted in the next hour, set the clock until then if it is wrong"
            )
        return not is_apart and (self._jumped_at is None or self._ticks() >= self._jumped_at + WAIT_S)

    async def note_run(self) -> None:
        """Retention ran: the clock is believed from here on, also where it was set back since."""
        now = int(self._clock())
        await self._db.write_unflushed(lambda db: _put(db, now))


def read_last_run(db: Connection) -> int | None:
    """Unix second of the last run of retention, None before the first."""
    found = db.execute(select(server_state.c.value).where(server_state.c.name == RETENTION)).scalar_one_or_none()
    return None if found is None else int(found)


def is_jump(last: int, now: float, *, every_s: float) -> bool:
    """Whether a clock that says `now` is far beyond a last run of retention."""
    return now > last + every_s + JUMP_S


def _look(db: Connection) -> tuple[int | None, float | None]:
    """The last run, and what the database's own clock says where it has one."""
    other = None
    if db.dialect.name == "postgresql":
        other = float(db.exec_driver_sql("SELECT extract(epoch FROM clock_timestamp())").scalar_one())
    return read_last_run(db), other


def _put(db: Connection, now: int) -> None:
    put = upsert(server_state).on_conflict_do_update(index_elements=["name"], set_={"value": str(now)})
    db.execute(put, {"name": RETENTION, "value": str(now)})
