"""The rules of an S session, without I/O: requests with a client-made number each, answered in any order, bounded.

Nothing here knows an account. The same rules carry control calls (HTTP_REQ) on both kinds of session.
"""

from __future__ import annotations

from zajil.protocol import frames
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.limits import HTTP_BODY_BYTES
from zajil.server.gateway.work import Call, Submit

INFLIGHT_MAX = 64
ANSWER_PART = HTTP_BODY_BYTES


class Desk:
    """Requests of one session that have no answer yet, and calls whose body is still arriving."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._calls: dict[int, tuple[Call, bytearray]] = {}
        self.held_bytes = 0
        """Memory that unfinished calls take: paths, headers and what has arrived of their bodies."""

    @property
    def idle(self) -> bool:
        """No request is under way. A call that is never finished keeps no session alive."""
        return len(self._open) == len(self._calls)

    @property
    def full(self) -> bool:
        """As many requests are under way as are allowed: read no more until one is answered."""
        return len(self._open) >= INFLIGHT_MAX

    def submit(self, request: frames.Request) -> Submit:
        """A data request arrived. Raises Malformed `malformed` when its rid is in use."""
        self._claim(request.rid)
        return Submit(request.rid, request)

    def call(self, part: frames.HttpReq) -> Call | None:
        """A control call, or a part of one, arrived; None until its last part is here.

        Raises Malformed, `too-big`, or for a rid in use or a header off the list, and `slow-down` when too much of
        unfinished calls is held. Every part costs the same, however many came before it.
        """
        if part.rid not in self._calls:
            _check_headers(part.headers)
            self._claim(part.rid)
            call = Call(part.rid, part.method, part.path, dict(part.headers), b"")
            self._calls[part.rid] = call, bytearray()
            self.held_bytes += _head_bytes(call)
        call, body = self._calls[part.rid]
        if len(body) + len(part.body) > HTTP_BODY_BYTES:
            raise error("too-big")
        body += part.body
        self.held_bytes += len(part.body)
        if not part.more:
            self._release(part.rid)
            return call._replace(body=bytes(body))
        if self.held_bytes - len(body) > HTTP_BODY_BYTES:
            raise error("slow-down", retry_ms=1000)
        return None

    def answered(self, rid: int) -> None:
        """The request is done; its number is free again."""
        self._open.discard(rid)
        if self._calls:
            self._release(rid)

    def _release(self, rid: int) -> None:
        if rid in self._calls:
            call, body = self._calls.pop(rid)
            self.held_bytes -= _head_bytes(call) + len(body)

    def _claim(self, rid: int) -> None:
        if rid in self._open:
            raise error("malformed")
        if len(self._open) >= INFLIGHT_MAX * 4:
            raise error("slow-down", retry_ms=1000)
        self._open.add(rid)


def _head_bytes(call: Call) -> int:
    return len(call.path) + sum(len(name) + len(value) for name, value in call.headers.items())


def _check_headers(headers: dict[str, str]) -> None:
    if len(headers) > len(frames.ALLOWED_HEADERS) or any(n.lower() not in frames.ALLOWED_HEADERS for n in headers):
        raise error("malformed", "header off the list")


def refusal(rid: int, reason: ZajilError) -> frames.Err:
    """The ERR frame of a refused request."""
    return frames.Err(rid=rid, code=reason.code, retry_ms=reason.retry_ms or 0, detail=dict(reason.detail))


def answer_parts(rid: int, status: int, headers: dict[str, str], body: bytes) -> list[frames.HttpRes]:
    """A call's answer as HTTP_RES frames, each within one message of the session."""
    starts = range(0, max(len(body), 1), ANSWER_PART)
    return [
        frames.HttpRes(
            rid=rid,
            status=status,
            headers=headers if start == 0 else {},
            body=body[start : start + ANSWER_PART],
            more=start + ANSWER_PART < len(body),
        )
        for start in starts
    ]
