"""One session's data frames, without I/O: which frame may come when, what it asks for, and what goes out.

A Conversation outlives its carriers. It sends its own answers through the session and returns only what somebody with
a database must do: `Work`. Results come back through `admitted`, `refused`, `rows` and `answer`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from zajil.protocol import frames
from zajil.protocol.errors import ZajilError
from zajil.protocol.ids import AccountId, DeviceId, MailboxId
from zajil.protocol.limits import R_WINDOW_BYTES, WINDOW_BYTES
from zajil.protocol.session import ServerSession
from zajil.server.gateway.receiver import Identity, Receiver, Standing
from zajil.server.gateway.sender import Desk, refusal
from zajil.server.gateway.work import Action, Emit, Finish, Work
from zajil.server.http.calls import Peer

# A peer that asks and never acknowledges is cut off here: four full windows of answers it does not read.
_UNREAD_MAX = 4 * R_WINDOW_BYTES
# Less than that counts nothing where the answers of all sessions are counted.
_UNREAD_LEAST = 1 << 16
_NOTHING: Final = (0, 0)


def _nobody() -> None:
    """Nobody to tell."""


class Conversation:
    """Frames of one session.

    session: where answers are queued. finish: called once with (code, retry_ms) when the session must end.
    now: seconds of a monotonic clock.
    """

    def __init__(
        self,
        session: ServerSession,
        *,
        now: float,
        first_frame_s: float,
        slow_after_s: float,
        min_client: int = 0,
        finish: Callable[[str, int], None],
    ) -> None:
        self.session = session
        self.desk = Desk()
        self.kick: Callable[[], None] = _nobody
        """Tells the session's current carrier that something may be there to send."""
        self.peer = Peer(b"")
        """Whom limits count the current carrier under."""
        self.leave_bus: Callable[[], None] = _nobody
        self.unhandled_bytes = 0
        self.identity: Identity | None = None
        """The device of an R session that was admitted."""
        self.weighed: tuple[int, int] | None = None
        """What the gateway knows of `weigh`."""
        self.last_frame_at = now
        self._sizes: dict[int, int] = {}
        self._finish = finish
        self._receiver = (
            Receiver(now=now, first_frame_s=first_frame_s, slow_after_s=slow_after_s, min_client=min_client)
            if session.role is frames.Role.R
            else None
        )
        self._first_frame_by: float | None = now + first_frame_s
        self._device: Identity | None = None

    def weigh(self) -> tuple[int, int]:
        """Memory that a session of nobody takes: for what has not come whole; for large answers that it has not read.

        Neither counts once a device is known.
        """
        session = self.session
        if self.identity is not None or session.closed:
            return _NOTHING
        unread = session.queued_bytes if self._receiver is None else 0
        unfinished = session.incoming_bytes + self.desk.held_bytes
        if not unfinished and unread <= _UNREAD_LEAST:
            return _NOTHING
        return unfinished, unread if unread > _UNREAD_LEAST else 0

    @property
    def crowded(self) -> bool:
        """So much is unhandled that the carrier should not be read for now."""
        return self.unhandled_bytes >= WINDOW_BYTES or self.desk.full

    def message(self, body: bytes, *, now: float) -> list[Work]:
        """One data frame arrived. Anything the role does not allow ends the session: `protocol`."""
        self.last_frame_at, self._first_frame_by = now, None
        if self.session.queued_bytes > _UNREAD_MAX:
            self.end("slow-down", 5000)
            return []
        try:
            if self._receiver is None:
                return self._from_sender(frames.parse_s_client(body), len(body))
            return self._from_receiver(self._receiver, frames.parse_r_client(body), len(body), now)
        except ZajilError as reason:
            self.end("protocol" if reason.code == "malformed" else reason.code, reason.retry_ms or 0)
            return []

    def _from_sender(self, frame: frames.SFromClient, size: int) -> list[Work]:
        if isinstance(frame, frames.HttpReq):
            return self._call(frame, size)
        work = self.desk.submit(frame)
        self._count(frame.rid, size)
        return [work]

    def _from_receiver(self, receiver: Receiver, frame: frames.RFromClient, size: int, now: float) -> list[Work]:
        match frame:
            case frames.Hello():
                return self._run(receiver.hello(frame))
            case frames.Mack():
                return self._run(receiver.mack(frame, now=now))
            case frames.HttpReq() if receiver.may_call:
                receiver.called()
                return self._call(frame, size)
        self.end("protocol", 0)
        return []

    def _call(self, frame: frames.HttpReq, size: int) -> list[Work]:
        call = self.desk.call(frame)
        if call is None:
            return []
        self._count(frame.rid, size)
        return [call]

    def admitted(self, identity: Identity, standing: Standing, *, now_ms: int) -> list[Work]:
        """The HELLO's token is good and the mailbox looks like this."""
        if self._receiver is None:
            return []
        if not self.claim(identity):
            return self._run(self._receiver.finish("protocol"))
        actions = self._receiver.admitted(identity, standing, now_ms=now_ms)
        self.identity = self._receiver.identity
        return self._run(actions)

    def claim(self, device: tuple[AccountId, DeviceId, MailboxId]) -> bool:
        """Whether a proven token may be used here: the first one, of a HELLO or a call, says whose session this is."""
        self._device = self._device or Identity(*device)
        return self._device == device

    def refused(self, code: str, retry_ms: int) -> None:
        """The HELLO's token is not good, or could not be checked."""
        if self._receiver:
            self._run(self._receiver.refused(code, retry_ms))

    def rows(self, messages: Sequence[frames.Msg], *, complete: bool, now: float) -> list[Work]:
        """What a Read found."""
        if self._receiver is None:
            return []
        sized = [(message, len(message.body)) for message in messages]
        return self._run(self._receiver.rows(sized, complete=complete, now=now))

    def woken(self, *, now: float) -> list[Work]:
        """Something may be in the mailbox."""
        return self._run(self._receiver.woken(now=now)) if self._receiver else []

    def resumed(self, *, now: float) -> list[Work]:
        """The session has a new carrier."""
        return self._run(self._receiver.resumed(now=now)) if self._receiver else []

    def push(self, frame: bytes) -> None:
        """Pass a volatile frame on, encoded, unless the device is behind already: then it is dropped."""
        if self._receiver is not None and self._receiver.live and self.session.queued_bytes < WINDOW_BYTES:
            self.session.send(frame)

    def answer(self, rid: int, parts: Sequence[frames.SFromServer | frames.RFromServer]) -> None:
        """Send the answer of a request or call; its number is free again."""
        self._uncount(rid)
        self.desk.answered(rid)
        if self.session.queued_bytes > _UNREAD_MAX and not self.session.closed:
            self.end("slow-down", 5000)  # it had asked for all of this before the first answer
            return
        for part in parts:
            self._send(part)

    def refuse(self, rid: int, reason: ZajilError) -> None:
        """Send the refusal of a data request."""
        self.answer(rid, [refusal(rid, reason)])

    def tick(self, *, now: float, idle_s: float) -> None:
        """End a session whose first frame is overdue, whose window is stuck, or that sends nothing for `idle_s`.

        What ends kicks its carrier by itself.
        """
        receiver = self._receiver
        if receiver is not None:
            if actions := receiver.tick(now=now):
                self._run(actions)
            if receiver.live:
                return  # whoever receives may be silent for as long as it likes
        if self._receiver is None and self._first_frame_by is not None and now >= self._first_frame_by:
            self.end("protocol", 0)
        elif self._first_frame_by is None and self.desk.idle and now - self.last_frame_at >= idle_s:
            self.end("restarting", 0)

    def end(self, code: str, retry_ms: int) -> None:
        """BYE, then the session is over."""
        if self._receiver is not None:
            self._run(self._receiver.finish(code, retry_ms))
        elif not self.session.closed:
            self._leave(code, retry_ms)

    def _run(self, actions: list[Action]) -> list[Work]:
        work: list[Work] = []
        for action in actions:
            if isinstance(action, Emit):
                self._send(action.frame)
            elif isinstance(action, Finish):
                self._leave(action.code, action.retry_ms)
            else:
                work.append(action)
        return work

    def _leave(self, code: str, retry_ms: int) -> None:
        self._send(frames.Bye(code=code, retry_ms=retry_ms))
        self._finish(code, retry_ms)

    def _send(self, frame: frames.SFromServer | frames.RFromServer) -> None:
        self.session.send(frames.encode_frame(frame))

    def _count(self, rid: int, size: int) -> None:
        self.unhandled_bytes += size
        self._sizes[rid] = self._sizes.get(rid, 0) + size

    def _uncount(self, rid: int) -> None:
        self.unhandled_bytes -= self._sizes.pop(rid, 0)
