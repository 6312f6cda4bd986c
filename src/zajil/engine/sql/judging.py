"""Messages that are not stored, where a database lets the event loop find out by itself what becomes of them.

All that came in one turn of the loop are judged together, after one look at what is stored that is later than all of
them. What has to be seen by the writer goes into its queue; so does what comes behind another one of its group that
waits there, and whatever is stored waits for those that came before it, which it may change what they are judged by.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from typing import NamedTuple, Protocol

from zajil.engine.bus import Bus
from zajil.engine.sql import interface as op
from zajil.engine.sql.interface import Told
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import Eph
from zajil.protocol.ids import MailboxId

LOG = logging.getLogger(__name__)


class Passed(NamedTuple):
    """What becomes of a message that is not stored: the answer, and what goes to these mailboxes."""

    answer: op.Accepted
    mailbox_ids: Collection[MailboxId]
    frame: Eph


class Judge(Protocol):
    """What finds it out, by what a database has stored."""

    def look(self, now_ms: int) -> bool:
        """Look at what is stored now; False where the loop cannot, so that the writer has to."""

    def judge(self, request: op.SendEphemeral, now_ms: int) -> Passed | None:
        """What becomes of it, by the last look; None where the writer has to see. Raises what it is refused for."""


class Held:
    """Those of this turn of the event loop, of one engine.

    open_judge: None where the writer has to see. queue_up: into the writer's queue; raises what it is refused for.
    is_behind: whether another one of its group waits there.
    """

    def __init__(
        self,
        bus: Bus,
        clock: Callable[[], float],
        *,
        open_judge: Callable[[], Judge | None],
        queue_up: Callable[[op.SendEphemeral, Told], None],
        is_behind: Callable[[op.SendEphemeral], bool],
    ) -> None:
        self._bus = bus
        self._clock = clock
        self._open_judge = open_judge
        self._queue_up = queue_up
        self._is_behind = is_behind
        self._held: list[tuple[op.SendEphemeral, Told]] = []

    def hold(self, operation: op.SendEphemeral, told: Told, *, loop: asyncio.AbstractEventLoop) -> bool:
        """Hold it until all sockets are read; False where it has to wait behind another one."""
        if self._is_behind(operation):
            return False
        if not self._held:
            loop.call_soon(self.pass_on)
        self._held.append((operation, told))
        return True

    def pass_on(self) -> None:
        """Pass on, or refuse, what is held: by one look at what is stored, which is after all had come."""
        if not self._held:
            return
        held, self._held = self._held, []
        now_ms = int(self._clock() * 1000)
        judge = self._look(now_ms)
        for operation, told in held:
            try:
                self._pass_one(operation, told, now_ms, judge)
            except Exception:  # one who cannot hear it keeps nobody else from theirs
                LOG.exception("an outcome could not be told")

    def _look(self, now_ms: int) -> Judge | None:
        try:
            judge = self._open_judge()
            return judge if judge is not None and judge.look(now_ms) else None
        except Exception:
            LOG.exception("the event loop cannot see what is stored")
            return None  # the writer, which has its connection, may

    def _pass_one(self, operation: op.SendEphemeral, told: Told, now_ms: int, judge: Judge | None) -> None:
        try:
            passed = None if judge is None or self._is_behind(operation) else judge.judge(operation, now_ms)
            if passed is None:
                self._queue_up(operation, told)
                return
        except ZajilError as refusal:
            told(refusal)
            return
        except Exception:
            LOG.exception("a mailbox operation failed")
            told(error("internal"))
            return
        told(passed.answer)
        self._bus.publish(passed.mailbox_ids, passed.frame)
