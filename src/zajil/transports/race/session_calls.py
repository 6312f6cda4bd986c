"""Control calls as HTTP_REQ and HTTP_RES on sessions of their own, where plain HTTPS does not go.

Calls of a device go on an R session that never says HELLO, all others on S, so that nothing links them beyond what the
carriers show. A session lives while there are calls and 5 s longer. It moves from carrier to carrier as every other
does; calls survive that. One that begins anew holds no call: those that were out end with a DialError, since the
server may have acted on them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Final

from zajil.protocol import frames
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.frames import ALLOWED_HEADERS, Bye, HttpReq, HttpRes, Role
from zajil.protocol.limits import HTTP_BODY_BYTES, MESSAGE_BYTES
from zajil.protocol.session import Begin, ClientEvent, Closed, Message
from zajil.transports.base import Answer, DialError, Reason, Stage
from zajil.transports.race.link import Link
from zajil.transports.race.race import Race

IDLE_S: Final = 5.0
DEVICE: Final = "Device "
PATIENCE: Final = 10
"""A call goes on while bytes move, at most so many times its own time."""


class SessionCaller:
    """See the module, and `Caller`."""

    def __init__(self, race: Race, *, lane: str = "") -> None:
        """lane: as of `Link`, for all its sessions."""
        self._race = race
        self._lane = lane
        self._sessions: dict[Role, _CallSession] = {}

    async def call(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes = b"", timeout_s: float
    ) -> Answer:
        """As `Caller.call`. Raises `too-big` for a body over 256 KiB."""
        if len(body) > HTTP_BODY_BYTES:
            raise error("too-big")
        sent = {name.lower(): value for name, value in (headers or {}).items() if name.lower() in ALLOWED_HEADERS}
        auth = sent.get("authorization", "")
        role = Role.R if auth.startswith(DEVICE) else Role.S
        owner = auth if role is Role.R else ""
        session = self._sessions.get(role)
        if session is None or session.over or session.owner != owner:
            # The first token says whose session it is: another one needs another.
            session = self._sessions[role] = _CallSession(self._race, role, owner, lane=self._lane)
        return await session.call(method, path, headers=sent, body=body, timeout_s=timeout_s)

    async def close(self) -> None:
        """End all sessions."""
        for session in self._sessions.values():
            await session.close()
        self._sessions.clear()


class _Pending:
    """One call that has no answer yet."""

    def __init__(self, request: bytes) -> None:
        self.request = request
        self.sent = False
        self.answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.head: HttpRes | None = None
        self.body = bytearray()


class _CallSession:
    """One short-lived session and its calls."""

    def __init__(self, race: Race, role: Role, owner: str, *, lane: str) -> None:
        self.owner = owner
        self.over = False
        self._role = role
        self._race = race
        self._pending: dict[int, _Pending] = {}
        self._rid = 0
        self._began = False
        self._rest: asyncio.TimerHandle | None = None
        self._link = Link(
            role,
            race,
            affinity=race.ctx.affinity(),
            lane=lane,
            take=self._take,
            down=self._down,
            pause=self._pause,
            waits=lambda: bool(self._pending),
        )
        self._task = race.spawn(self._run())

    async def call(self, method: str, path: str, *, headers: dict[str, str], body: bytes, timeout_s: float) -> Answer:
        if self._rest is not None:
            self._rest.cancel()
        self._rid += 1
        rid, request = self._rid, frames.encode_frame(HttpReq(self._rid, method, path, headers, body))
        pending = self._pending[rid] = _Pending(request)
        if self._began:
            self._send(pending)
        try:
            return await self._wait(pending, timeout_s)
        finally:
            del self._pending[rid]
            if not self._pending and not self.over:
                self._rest = asyncio.get_running_loop().call_later(IDLE_S, self._finish)

    async def _wait(self, pending: _Pending, timeout_s: float) -> Answer:
        """While bytes move, the line is slow and the call is not lost."""
        moved = -1
        for _ in range(PATIENCE):
            await asyncio.wait((pending.answer,), timeout=timeout_s)
            if pending.answer.done():
                return pending.answer.result()
            if self._link.line is None or moved == (moved := self._link.moved_bytes):
                break
        raise DialError(Stage.HTTP, Reason.TIMEOUT)

    def _send(self, pending: _Pending) -> None:
        pending.sent = True
        self._link.send(pending.request)

    def _finish(self) -> None:
        self.over = True
        self._link.close()
        self._task.cancel()

    async def close(self) -> None:
        """End the session, and with it its calls."""
        if self._rest is not None:
            self._rest.cancel()
        self._finish()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        try:
            await self._link.run()
        finally:
            self.over = True
            self._fail(DialError(Stage.HTTP, Reason.CLOSED), sent_only=False)

    # -- what the session says
    async def _take(self, events: Sequence[ClientEvent]) -> None:
        for event in events:
            match event:
                case Begin():
                    self._fail(DialError(Stage.HTTP, Reason.CLOSED), sent_only=True)
                    self._began = True
                    for pending in self._pending.values():
                        self._send(pending)
                case Message(body):
                    self._answer(body)
                case Closed():
                    self._began = False
                    self._fail(DialError(Stage.HTTP, Reason.CLOSED), sent_only=True)
                case _:
                    pass

    def _answer(self, data: bytes) -> None:
        frame = frames.parse_r_server(data) if self._role is Role.R else frames.parse_s_server(data)
        if isinstance(frame, Bye):
            self.over = True
            return
        if not isinstance(frame, HttpRes) or (pending := self._pending.get(frame.rid)) is None:
            return
        pending.head = pending.head or frame
        pending.body += frame.body
        if len(pending.body) > MESSAGE_BYTES:
            raise error("protocol", "answer over 1 MiB")
        if not frame.more and not pending.answer.done():
            headers = {name.lower(): value for name, value in pending.head.headers.items()}
            pending.answer.set_result(Answer(pending.head.status, headers, bytes(pending.body)))

    def _down(self, problem: ZajilError | None, _retry_ms: int) -> None:
        if problem is not None:
            self._fail(problem, sent_only=False)

    async def _pause(self) -> None:
        """The server closed the session: the next call makes another."""
        self.over = True
        await asyncio.Event().wait()

    def _fail(self, problem: ZajilError, *, sent_only: bool) -> None:
        for pending in self._pending.values():
            if not pending.answer.done() and (pending.sent or not sent_only):
                pending.answer.set_exception(problem)
