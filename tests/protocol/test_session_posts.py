"""Carriers made of POSTs: every malformed body is refused, and records stay in order whatever overtakes what."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.protocol.errors import RemoteProtocolError
from zajil.protocol.limits import KIB
from zajil.protocol.session.posts import (
    BODY_BYTES,
    ITEM_BYTES,
    SILENT_S,
    FarEnd,
    Post,
    encode_items,
    encode_post,
    parse_items,
    parse_post,
)

_ID = bytes(range(16))
_records = st.lists(st.binary(min_size=1, max_size=300), max_size=8).map(tuple)


@given(seq=st.integers(0, 2**32 - 1), records=_records)
def test_bodies_come_back(seq: int, records: tuple[bytes, ...]) -> None:
    post = Post(_ID, seq, records)
    assert parse_post(encode_post(post)) == post
    assert parse_items(encode_items(records)) == records


@given(records=_records.filter(bool), cut=st.integers(1, 40))
def test_a_body_cut_off_is_refused_or_holds_fewer_whole_records(records: tuple[bytes, ...], cut: int) -> None:
    data = encode_items(records)[:-cut]
    try:
        found = parse_items(data)
    except RemoteProtocolError:
        return
    assert found == records[: len(found)]
    assert len(found) < len(records)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        _ID + b"\0\0\0",
        _ID + bytes(4) + b"\0\0\0",
        _ID + bytes(4) + bytes(4),
        _ID + bytes(4) + b"\0\0\0\2\1",
        _ID + bytes(4) + b"\xff\xff\xff\xff" + b"x" * 64,
        _ID + bytes(4) + (ITEM_BYTES + 1).to_bytes(4, "big") + bytes(ITEM_BYTES + 1),
        _ID + bytes(4) + encode_items((b"x" * KIB,) * 256),
        bytes(BODY_BYTES + 1),
    ],
    ids=["empty", "head", "length", "nothing", "cut", "huge", "item", "items", "body"],
)
def test_what_is_no_post_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_post(body)


def test_sends_and_polls_are_counted_apart() -> None:
    end = FarEnd(0.0)
    assert end.take(Post(_ID, 0, ()), now=0.0) == ()
    assert end.take(Post(_ID, 0, (b"a",)), now=0.0) == (b"a",)
    assert end.take(Post(_ID, 1, (b"b", b"c")), now=0.0) == (b"b", b"c")
    end.send(b"x")
    assert end.answer() == encode_items((b"x",))
    assert end.take(Post(_ID, 1, ()), now=1.0) == ()


@pytest.mark.parametrize("records", [(), (b"a",)], ids=["poll", "send"])
@pytest.mark.parametrize("seq", [0, 2, 2**32 - 1])
def test_a_gap_or_a_repeat_is_refused(records: tuple[bytes, ...], seq: int) -> None:
    end = FarEnd(0.0)
    end.take(Post(_ID, 0, records), now=0.0)
    with pytest.raises(RemoteProtocolError):
        end.take(Post(_ID, seq, records), now=0.0)


def test_a_poll_is_held_until_there_is_something_or_its_time_is_over() -> None:
    end = FarEnd(0.0)
    end.send(b"early")
    assert end.answer() is None, "nobody polls"
    end.take(Post(_ID, 0, ()), now=0.0)
    assert end.answer() == encode_items((b"early",))
    end.take(Post(_ID, 1, ()), now=1.0)
    assert end.answer() is None
    assert end.answer(over=True) == b""
    assert not end.polled


def test_what_does_not_fit_one_answer_comes_with_the_next() -> None:
    end = FarEnd(0.0)
    sent = [bytes([n]) * (60 * KIB) for n in range(10)]
    for record in sent:
        end.send(record)
    assert end.queued_bytes == 600 * KIB
    came: list[bytes] = []
    for seq in range(3):
        end.take(Post(_ID, seq, ()), now=0.0)
        came += parse_items(end.answer() or b"")
    assert came == sent
    assert end.queued_bytes == 0


def test_it_is_lost_after_a_minute_without_any_post() -> None:
    end = FarEnd(0.0)
    end.take(Post(_ID, 0, (b"a",)), now=5.0)
    assert end.lost_at() == 5.0 + SILENT_S
    end.take(Post(_ID, 0, ()), now=6.0)
    assert end.lost_at() is None
    end.answer(over=True)
    assert end.lost_at() == 6.0 + SILENT_S
