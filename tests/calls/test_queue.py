"""What a receiver that reads nothing costs: as little as one that reads."""

from __future__ import annotations

from typing import NamedTuple

import pytest
from tests.calls.party import Party, read

from zajil.calls.queue import LATE_S, NOTICES, QUEUE_BYTES, MediaQueue, Waiting
from zajil.protocol.calls import media
from zajil.protocol.calls.media import AUDIO, CONTROL, VIDEO


class Looked(NamedTuple):
    """A Waiting that counts how often a queue looks at its record."""

    inner: Waiting
    looks: list[int]

    @property
    def record(self) -> bytes:
        self.looks[0] += 1
        return self.inner.record

    @property
    def slot(self) -> int:
        self.looks[0] += 1
        return self.inner.slot

    @property
    def kind(self) -> int:
        self.looks[0] += 1
        return self.inner.kind

    @property
    def is_key(self) -> bool:
        self.looks[0] += 1
        return self.inner.is_key

    @property
    def at(self) -> float:
        self.looks[0] += 1
        return self.inner.at


@pytest.mark.parametrize("kinds", [(AUDIO,), (VIDEO,), (AUDIO, VIDEO), (AUDIO, CONTROL, VIDEO)])
def test_a_full_queue_costs_as_much_a_frame_as_an_empty_one(kinds: tuple[int, ...]) -> None:
    queue, looks = MediaQueue(), [0]
    for number in range(20_000):
        kind = kinds[number % len(kinds)]
        item = Waiting(bytes(100), 1 + number % 11, kind, number % 50 == 0, number / 1300)
        queue.push(Looked(item, looks))  # type: ignore[arg-type]  # it has everything that a queue looks at
    assert queue.dropped > 5_000
    assert looks[0] < 40 * 20_000


def test_video_of_a_paused_sender_drops_nothing() -> None:
    queue = MediaQueue()
    queue.push(Waiting(bytes(16_000), 1, VIDEO, True, 0.0))
    for number in range(100):
        queue.push(Waiting(bytes(600), 2, AUDIO, False, number / 50))
    assert queue.dropped == 1
    waiting = len(queue)
    for number in range(100):
        queue.push(Waiting(bytes(16_000), 1, VIDEO, False, 2 + LATE_S * number))
    assert len(queue) == waiting
    assert queue.dropped == 101


def test_kinds_go_out_in_the_order_of_their_arrival() -> None:
    queue = MediaQueue()
    records = [bytes([number]) * 3 for number in range(60)]
    for number, record in enumerate(records):
        kind = (AUDIO, VIDEO, CONTROL)[number % 3]
        queue.push(Waiting(record, 0 if number % 5 == 0 else 1, kind if number % 5 else CONTROL, False, 0.0))
    assert queue.pull() == records


def test_sixty_four_notices_wait_and_whoever_reads_none_is_thrown_out() -> None:
    party = Party()
    deaf = party.join()
    for _ in range(NOTICES // 2 - 1):
        party.leave(party.join())
    last = party.join()
    assert (deaf.close_code, len(deaf.queue)) == (None, NOTICES)
    party.leave(last)
    assert deaf.close_code == media.TOO_MUCH
    quick = party.join()
    for _ in range(NOTICES):
        party.leave(party.join())
        assert read(quick)
    assert quick.close_code is None


def test_a_notice_finds_room_in_a_full_queue() -> None:
    queue = MediaQueue()
    while not queue.dropped:
        queue.push(Waiting(bytes(601), 1, AUDIO, False, 0.0))
    for _ in range(NOTICES):
        assert queue.push(Waiting(bytes(13), 0, CONTROL, False, 0.0))
    assert queue.size_bytes <= QUEUE_BYTES
