"""CREATE, COMMIT and SEND as sessions bring them: what each costs its address prefix, and the answer to it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final, TypeAlias

from zajil.delivery import commit, create, send
from zajil.engine.limits import Limits
from zajil.engine.sql.interface import Accepted, Outcome
from zajil.engine.sql.mailboxes import MailboxEngine
from zajil.protocol import frames
from zajil.protocol.errors import ZajilError, error

Answer: TypeAlias = Callable[[frames.Ok | BaseException], None]
_AT_ONCE_BYTES: Final = 16 * 1024


class Submissions:
    """Takes requests to the engine. count: told of each by kind and outcome, `ok` or an error code."""

    def __init__(
        self, engine: MailboxEngine, limits: Limits, *, clock: Callable[[], float], count: Callable[[str, str], None]
    ) -> None:
        self._engine = engine
        self._limits = limits
        self._clock = clock
        self._count = count

    async def submit(self, request: frames.Request, prefix: bytes) -> frames.Ok:
        """Carry it out. prefix: whose share it takes. Raises what the request is refused for."""
        try:
            self._charge(request, prefix)
            match request:
                case frames.Send():
                    accepted = await send.send(self._engine, request)
                case frames.Commit():
                    accepted = await commit.commit(self._engine, request)
                case frames.Create():
                    accepted = await create.create(self._engine, request)
        except ZajilError as reason:
            self._count(_kind(request), reason.code)
            raise
        self._count(_kind(request), "ok")
        return _ok(request, accepted)

    def begin(self, request: frames.Request, prefix: bytes, answer: Answer) -> bool:
        """Carry out a small SEND without a task, which is most of what comes; False: this one needs `submit`.

        answer: called with the OK, or with why there is none, from the event loop. Raises what can be refused at once.
        """
        if not isinstance(request, frames.Send) or len(request.body) > _AT_ONCE_BYTES:
            return False
        try:
            self._charge(request, prefix)
            self._engine.begin_send(send.prepare(request), partial(self._sent, request, answer))
        except ZajilError as reason:
            self._count("send", reason.code)
            raise
        return True

    def _sent(self, request: frames.Send, answer: Answer, outcome: Outcome | Exception) -> None:
        if isinstance(outcome, Accepted):
            self._count("send", "ok")
            answer(_ok(request, outcome))
            return
        if isinstance(outcome, ZajilError):
            self._count("send", outcome.code)
        answer(outcome if isinstance(outcome, Exception) else error("internal"))

    def _charge(self, request: frames.Request, prefix: bytes) -> None:
        bucket = "commit_prefix"
        if isinstance(request, frames.Send):
            bucket = "ephemeral_prefix" if request.flags & frames.EPHEMERAL else "send_prefix"
        self._limits.take(bucket, prefix, now=self._clock())


def _kind(request: frames.Request) -> str:
    return type(request).__name__.lower()


def _ok(request: frames.Request, accepted: Accepted) -> frames.Ok:
    return frames.Ok(request.rid, accepted.epoch, accepted.ts, accepted.frank, accepted.dup)
