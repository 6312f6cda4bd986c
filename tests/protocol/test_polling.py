"""Carriers made of POSTs: the bytes under attack, and the answering end under every order of arrival."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.protocol.errors import LocalProtocolError, RemoteProtocolError
from zajil.protocol.reach.polling import (
    BODY_BYTES,
    BODY_RECORDS,
    HEAD_BYTES,
    OVERTAKE_S,
    RECORD_BYTES,
    SILENT_S,
    PolledCarrier,
    PollPost,
    encode_items,
    encode_post,
    parse_items,
    parse_post,
)

ID = bytes(range(16))
RECORDS = st.lists(st.binary(min_size=1, max_size=300), max_size=20).map(tuple)


def post(seq: int, *items: bytes) -> PollPost:
    return PollPost(ID, seq, items)


@given(st.binary(min_size=16, max_size=16), st.integers(0, 2**32 - 1), RECORDS)
def test_a_post_reads_back(carrier: bytes, seq: int, items: tuple[bytes, ...]) -> None:
    assert parse_post(encode_post(PollPost(carrier, seq, items))) == PollPost(carrier, seq, items)
    assert parse_items(encode_items(items)) == items


@given(st.binary(max_size=200))
def test_foreign_bytes_are_read_whole_or_refused(data: bytes) -> None:
    try:
        items = parse_items(data)
    except RemoteProtocolError:
        return
    assert encode_items(items) == data


def test_every_truncation_is_refused_or_ends_between_items() -> None:
    whole = encode_post(post(7, b"a", b"bc"))
    ends = {HEAD_BYTES, HEAD_BYTES + 5, len(whole)}
    for length in range(len(whole) + 1):
        if length in ends:
            parse_post(whole[:length])
        else:
            with pytest.raises(RemoteProtocolError):
                parse_post(whole[:length])


@pytest.mark.parametrize(
    "body",
    [
        bytes(4),
        (RECORD_BYTES + 1).to_bytes(4) + bytes(RECORD_BYTES + 1),
        b"\xff\xff\xff\xff" + bytes(100),
        encode_items([b"x"] * (BODY_RECORDS + 1)),
        encode_items([bytes(RECORD_BYTES)] * 8),
    ],
    ids=["empty item", "long item", "length beyond the end", "too many items", "too much"],
)
def test_what_no_peer_of_ours_sends_is_refused(body: bytes) -> None:
    with pytest.raises(RemoteProtocolError):
        parse_post(ID + bytes(4) + body)


def test_root_documents_may_be_longer_than_a_record() -> None:
    longest = bytes([1]) * (BODY_BYTES - 4)
    assert parse_items(encode_items([longest])) == (longest,)
    end = PolledCarrier(ID, 0.0)
    end.give(longest)
    poll = post(0)
    assert end.admit(poll, 0.0, hold_s=20)
    assert end.answer(poll, 0.0) == encode_items([longest])
    for wrong in (b"", longest + b"x"):
        with pytest.raises(LocalProtocolError):
            end.give(wrong)
    with pytest.raises(RemoteProtocolError):
        parse_items(encode_items([longest + b"x"]))


def test_a_send_is_answered_at_once_and_a_poll_when_there_is_news() -> None:
    end = PolledCarrier(ID, 0.0)
    hello, poll = post(0, b"new"), post(1)
    assert end.admit(hello, 0.0, hold_s=20)
    end.give(b"early")
    assert end.answer(hello, 0.0) == b"", "what goes down goes with polls alone, in their order"
    assert end.admit(poll, 0.1, hold_s=20)
    assert end.answer(poll, 0.1) == encode_items([b"early"])
    poll = post(2)
    assert end.admit(poll, 0.1, hold_s=20)
    assert end.answer(poll, 0.1) is None
    assert end.next_deadline() == 20.1
    end.give(b"accept")
    assert end.waiting_bytes == 6
    assert end.answer(poll, 1.0) == encode_items([b"accept"])
    assert end.waiting_bytes == 0
    empty = post(3)
    assert end.admit(empty, 2.0, hold_s=20)
    assert end.answer(empty, 21.9) is None
    assert end.answer(empty, 22.0) == b""
    last = post(4)
    assert end.admit(last, 23.0, hold_s=20)
    assert end.answer(last, 23.0, closing=True) == b""


def test_a_newer_poll_ends_the_older_with_an_empty_answer() -> None:
    end = PolledCarrier(ID, 0.0)
    older, newer = post(0), post(1)
    assert end.admit(older, 0.0, hold_s=20)
    assert end.admit(newer, 1.0, hold_s=20)
    end.give(b"news")
    assert end.answer(older, 1.0) == b""
    assert end.answer(newer, 1.0) == encode_items([b"news"])


def test_records_come_with_polls_alone_so_that_no_answer_overtakes_another() -> None:
    end = PolledCarrier(ID, 0.0)
    end.give(b"one")
    send, poll = post(0, b"x"), post(1)
    assert end.admit(send, 0.0, hold_s=20)
    assert end.answer(send, 0.0) == b""
    assert end.admit(poll, 0.0, hold_s=20)
    assert end.answer(poll, 0.0) == encode_items([b"one"])


def test_one_step_early_waits_and_two_steps_end_the_carrier() -> None:
    end = PolledCarrier(ID, 0.0)
    early, first = post(1, b"b"), post(0, b"a")
    assert not end.admit(early, 0.0, hold_s=20)
    assert end.next_deadline() == OVERTAKE_S
    assert end.admit(first, 0.1, hold_s=20)
    assert end.answer(first, 0.1) == b""
    assert end.admit(early, 0.1, hold_s=20)
    assert end.answer(early, 0.1) == b""
    for wrong in (post(1, b"b"), post(0, b"a"), post(4, b"c"), PollPost(bytes(16), 2, (b"c",))):
        with pytest.raises(RemoteProtocolError):
            end.admit(wrong, 0.2, hold_s=20)
    lonely = post(3, b"d")
    assert not end.admit(lonely, 1.0, hold_s=20)
    assert not end.admit(lonely, 1.0 + OVERTAKE_S - 0.01, hold_s=20)
    with pytest.raises(RemoteProtocolError):
        end.admit(lonely, 1.0 + OVERTAKE_S, hold_s=20)


def test_items_wait_until_those_before_are_answered_on_the_other_side() -> None:
    """Whoever sends on without waiting would fill memory behind a slow way on; no client of ours does."""
    end = PolledCarrier(ID, 0.0)
    first, poll = post(0, b"a"), post(1)
    assert end.admit(first, 0.0, hold_s=20)
    assert end.admit(poll, 0.0, hold_s=20), "a poll holds nothing"
    for wrong in (post(2, b"b"), post(3, b"b")):
        with pytest.raises(RemoteProtocolError):
            end.admit(wrong, 0.0, hold_s=20)
    assert end.answer(first, 0.0) == b""
    assert end.admit(post(2, b"b"), 0.0, hold_s=20)


@pytest.mark.parametrize("items", [(), (b"b",)])
def test_a_second_early_post_ends_the_carrier(items: tuple[bytes, ...]) -> None:
    end = PolledCarrier(ID, 0.0)
    early = post(1, *items)
    for _ in range(2):
        assert not end.admit(early, 0.0, hold_s=20), "the same one asks again"
    with pytest.raises(RemoteProtocolError):
        end.admit(post(1, *items), 0.0, hold_s=20)


def test_silence_is_loss_unless_a_poll_is_held() -> None:
    end = PolledCarrier(ID, 0.0)
    assert not end.lost(SILENT_S - 0.1)
    assert end.lost(SILENT_S)
    poll = post(0)
    assert end.admit(poll, 10.0, hold_s=25)
    assert not end.lost(10 + SILENT_S)
    assert end.answer(poll, 35.0) == b""
    assert end.next_deadline() == 10 + SILENT_S


def test_an_answer_holds_no_more_than_a_reader_takes() -> None:
    end = PolledCarrier(ID, 0.0)
    for _ in range(20):
        end.give(bytes(RECORD_BYTES))
    total = 0
    for seq in range(10):
        each = post(seq)
        assert end.admit(each, 0.0, hold_s=20)
        body = end.answer(each, 0.0, closing=True)
        assert body is not None
        assert len(body) <= BODY_BYTES
        total += len(parse_items(body))
    assert total == 20


@given(st.lists(RECORDS, min_size=1, max_size=12), st.randoms(use_true_random=False))
def test_whatever_overtakes_records_arrive_in_order_and_once(sent: list[tuple[bytes, ...]], random: Random) -> None:
    """Two in flight, delivered in any order that two connections allow."""
    end = PolledCarrier(ID, 0.0)
    arrived: list[bytes] = []
    flying: list[PollPost] = []
    queue = [PollPost(ID, seq, items) for seq, items in enumerate(sent)]
    while queue or flying:
        while queue and len(flying) < 2:
            flying.append(queue.pop(0))
        chosen = flying.pop(random.randrange(len(flying)))
        if end.admit(chosen, 0.0, hold_s=20):
            arrived += chosen.items
            end.answer(chosen, 0.0)
        else:
            flying.insert(0, chosen)
    assert arrived == [record for items in sent for record in items]
