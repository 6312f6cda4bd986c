"""Sealed carriers, live: the browser's client against the server's seals, carrier after carrier."""

from __future__ import annotations

import os

import pytest
from tests.interop.ts_mls import Peer, PeerRefused
from tests.protocol.reach_vectors import ORIGIN

from zajil.protocol.limits import RECORD_SIZES
from zajil.protocol.reach.seal import Channel, NewSeal, RecordSeal, Resumed, ServerSeals

pytestmark = pytest.mark.interop
NOW = 1_790_000_000_000


def new(peer: Peer, name: str, channel: Channel) -> bytes:
    made = peer.call(
        "seal_new", client=name, key=ORIGIN.public, info=ORIGIN.kid, channel=int(channel), now_ms=NOW - 5, data=b""
    )
    return bytes.fromhex(made["data"])


def cross(peer: Peer, name: str, far: RecordSeal) -> None:
    for size in RECORD_SIZES:
        frame = os.urandom(size)
        up = peer.call("seal_seal", client=name, data=frame)["data"]
        assert far.open(bytes.fromhex(up)) == frame
        down = peer.call("seal_open", client=name, data=far.seal(frame))["data"]
        assert bytes.fromhex(down) == frame


def test_records_cross_on_every_carrier(ts_mls: Peer) -> None:
    server = ServerSeals([ORIGIN], random=os.urandom)
    made = server.accept(new(ts_mls, "live", Channel.S), now_ms=NOW)
    assert isinstance(made, NewSeal)
    assert made.channel is Channel.S
    assert ts_mls.call("seal_accept", client="live", data=made.answer, now_ms=NOW - 3)["offset_ms"] == 3
    cross(ts_mls, "live", made.codec)
    for _ in range(3):
        resume = bytes.fromhex(ts_mls.call("seal_resume", client="live")["data"])
        found = server.accept(resume, now_ms=NOW)
        assert isinstance(found, Resumed)
        cross(ts_mls, "live", found.codec)


def test_the_browser_refuses_what_was_changed(ts_mls: Peer) -> None:
    server = ServerSeals([ORIGIN], random=os.urandom)
    made = server.accept(new(ts_mls, "forged", Channel.R), now_ms=NOW)
    assert isinstance(made, NewSeal)
    with pytest.raises(PeerRefused, match="protocol"):
        ts_mls.call("seal_accept", client="forged", data=made.answer[:-1] + bytes([made.answer[-1] ^ 1]), now_ms=NOW)
    ts_mls.call("seal_accept", client="forged", data=made.answer, now_ms=NOW)
    made.codec.open(bytes.fromhex(ts_mls.call("seal_seal", client="forged", data=bytes(256))["data"]))
    record = made.codec.seal(bytes(256))
    for bad in (record[:-1] + bytes([record[-1] ^ 1]), record):
        with pytest.raises(PeerRefused, match="protocol"):
            ts_mls.call("seal_open", client="forged", data=bad)
