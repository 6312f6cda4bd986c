"""The rules of an S session, without I/O: requests with a client-made number each, answered in any order, bounded.

Nothing here knows an account. The same rules carry control calls (HTTP_REQ) on both kinds of session.
"""

from __future__ import annotations

from typing import NamedTuple

from zajil.protocol import frames
from zajil.protocol.errors import ZajilError, error
from zajil.protocol.limits import HTTP_BODY_BYTES

INFLIGHT_MAX = 64
ANSWER_PART = HTTP_BODY_BYTES


class Submit(NamedTuple):
    """Hand this request to the Delivery Service and answer under `rid`."""

    rid: int
    request: frames.Request


class Call(NamedTuple):
    """Dispatch this control call in process and answer under `rid`."""

    rid: int
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Desk:
    """Requests of one session that have no answer yet, and calls whose body is still arriving."""

    def __init__(self) -> None:
        self._open: set[int] = set()
        self._calls: dict[int, tuple[Call, list[bytes]]] = {}

    @property
    def idle(self) -> bool:
        """No request is under way."""
        return not self._open and not self._calls

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

        Raises Malformed, `too-big` or for a rid in use, and `slow-down` when too much of unfinished calls is held.
        """
        begun = self._calls.pop(part.rid, None)
        if begun is None:
            self._claim(part.rid)
            begun = (Call(part.rid, part.method, part.path, dict(part.headers), b""), [])
        call, parts = begun
        parts.append(part.body)
        if sum(map(len, parts)) > HTTP_BODY_BYTES:
            raise error("too-big")
        if part.more and sum(len(each) for _, held in self._calls.values() for each in held) > HTTP_BODY_BYTES:
            raise error("slow-down", retry_ms=1000)
        if part.more:
            self._calls[part.rid] = (call, parts)
            return None
        return call._replace(body=b"".join(parts))

    def answered(self, rid: int) -> None:
        """The request is done; its number is free again."""
        self._open.discard(rid)
        self._calls.pop(rid, None)

    def _claim(self, rid: int) -> None:
        if rid in self._open:
            raise error("malformed")
        if len(self._open) >= INFLIGHT_MAX * 4:
            raise error("slow-down", retry_ms=1000)
        self._open.add(rid)


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
