"""The rules of an S session under a peer that means harm: what it may leave unfinished, and what that costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.server.people import FakeGroup
from tests.server.wire import Wire

from zajil.protocol.errors import ZajilError
from zajil.protocol.frames import HttpReq, Role
from zajil.protocol.limits import HTTP_BODY_BYTES
from zajil.server.gateway.sender import Desk


def part(rid: int, body: bytes = b"", *, more: bool = True, headers: dict[str, str] | None = None) -> HttpReq:
    return HttpReq(rid, "PUT", "/v1/keypackages", headers or {}, body, more)


def test_a_body_in_any_number_of_parts_is_one_body() -> None:
    desk = Desk()
    for byte in b"abc":
        assert desk.call(part(1, bytes([byte]))) is None
        assert desk.call(part(1)) is None
    call = desk.call(part(1, b"d", more=False))
    assert call is not None
    assert call.body == b"abcd"


def test_parts_without_bytes_cost_nothing() -> None:
    """A peer may send them for ever: nothing may be kept of each, or be counted through again for the next."""
    desk = Desk()
    for _ in range(50_000):
        desk.call(part(1))
    assert desk.held_bytes < 100
    desk.answered(1)
    assert desk.held_bytes == 0


def test_unfinished_calls_are_bounded_with_their_headers() -> None:
    desk = Desk()
    with pytest.raises(ZajilError, match="slow-down"):
        for rid in range(256):
            desk.call(part(rid, headers={"authorization": "x" * 4096, "range": "x" * 4096}))
    assert desk.held_bytes <= HTTP_BODY_BYTES + 10_000
    desk = Desk()
    with pytest.raises(ZajilError, match="too-big"):
        for _ in range(100):
            desk.call(part(1, bytes(HTTP_BODY_BYTES // 50)))


@pytest.mark.parametrize("headers", [{"cookie": "a"}, {"host": "b"}, {f"x-{n}": "" for n in range(100)}])
def test_headers_off_the_list_are_refused(headers: dict[str, str]) -> None:
    with pytest.raises(ZajilError, match="malformed"):
        Desk().call(part(1, headers=headers))


async def test_a_session_with_a_header_off_the_list_ends(wire: Callable[[Role], Wire]) -> None:
    async with wire(Role.S) as s:
        await s.send(part(1, headers={"cookie": "a"}))
        assert await s.until_end() == "protocol"


def test_an_unfinished_call_keeps_no_session_alive() -> None:
    desk = Desk()
    desk.call(part(1))
    assert desk.idle
    desk.submit(FakeGroup().send(2))
    assert not desk.idle
    desk.answered(2)
    assert desk.idle
    desk.call(part(1, more=False))
    assert not desk.idle
