"""The jitter buffer: what holds beside the vectors, for honest senders and for others."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol import calls_jitter as cj

from zajil.protocol.calls import jitter as jt


def played(rows: list[cj.Row]) -> list[int]:
    return [int(seq) for kind, _, seq, *_ in (row for row in rows if row[0] == "play") if kind and seq is not None]


def held(buffer: jt.JitterBuffer) -> list[int]:
    """Sizes of all that grows: frames first."""
    notes = (buffer._seen, buffer._outcomes, buffer._levels, buffer._delays._delays, buffer._delays._minima)
    return [len(buffer._frames), *map(len, notes)]


def test_steady_sound_is_played_whole_and_the_delay_falls_to_what_is_needed() -> None:
    buffer, rows = cj.live(cj.steady())
    assert played(rows) == list(range(200))
    assert buffer.late == 0
    assert buffer.target_ms == jt.TARGET_LEAST_MS
    assert buffer.delay_ms <= jt.TARGET_LEAST_MS + jt.FRAME_MS + jt.SLACK_MS


def test_numbers_wrap_without_a_gap() -> None:
    _, rows = cj.live(cj.wraps())
    assert played(rows) == [(65_510 + index) % 65_536 for index in range(60)]
    between = rows[rows.index(next(row for row in rows if row[0] == "play")) :]
    kinds = [row[0] for row in between if row[0] in ("play", "gap")]
    assert kinds[:60] == ["play"] * 60


def test_a_stall_raises_the_delay_at_once_and_less_of_the_next_one_is_lost() -> None:
    stall = {index: 300 - 40 * (index - start) for start in (50, 100) for index in range(start, start + 7)}
    buffer, rows = cj.live(cj.sent(160, lambda index: 20 + stall.get(index, 0)))
    assert 200 < buffer.target_ms <= jt.TARGET_MOST_MS
    lost = sorted(set(range(160)) - set(played(rows)))
    first, second = [[seq for seq in lost if start <= seq < start + 7] for start in (50, 100)]
    assert lost == first + second
    assert 0 < len(second) < len(first)


def test_the_same_is_played_once() -> None:
    buffer, rows = cj.live(cj.doubled())
    assert played(rows) == list(range(100))
    assert (buffer.doubles, buffer.late) == (25, 1)


def test_a_sender_that_slept_is_heard_again_after_a_second() -> None:
    buffer, rows = cj.live(cj.lags())
    assert buffer.restarts == 1
    assert played(rows)[-75:] == list(range(75, 150))


def test_too_much_delay_goes_by_leaving_out_what_is_quiet() -> None:
    buffer, rows = cj.live(cj.quick_clock())
    dropped = [
        int(seq) for kind, _, seq, *rest in (row for row in rows if row[0] == "play") if seq and rest[0] and kind
    ]
    assert dropped
    assert all(cj.level_of(seq) < 10 for seq in dropped)
    assert buffer.delay_ms < 250


def test_what_nobody_pulled_for_a_while_is_over() -> None:
    buffer = jt.JitterBuffer()
    for seq in range(100):
        buffer.push(seq, 40 * seq, arrival_ms=40 * seq, payload=bytes([seq]))
    assert held(buffer)[0] <= jt.FRAMES_MOST
    first = next(one for one in iter(lambda: buffer.pull(4_000), None) if not isinstance(one, jt.Gap))
    assert isinstance(first, jt.Play)
    assert first.payload[0] > 90
    assert buffer.pull(10_000) == jt.Gap()


def test_late_frames_are_told_of_in_per_mille_of_a_second() -> None:
    buffer = jt.JitterBuffer()
    assert buffer.late_per_mille(0) == 0
    for seq in range(20):
        buffer.push(seq, 40 * seq, arrival_ms=40 * seq, payload=b"x")
        while not isinstance(buffer.pull(40 * seq), jt.Wait):
            pass
    assert buffer.push(30, 120, arrival_ms=800, payload=b"x") == "late"
    assert buffer.late_per_mille(800) == 1000 // 21
    assert buffer.late_per_mille(2_000) == 0


@given(
    st.lists(st.integers(0, 140), min_size=30, max_size=80),
    st.integers(0, (1 << 16) - 1),
    st.integers(0, (1 << 32) - 1),
)
@settings(max_examples=40, deadline=None)
def test_no_frame_is_lost_whose_delay_is_within_the_least_target(delays: list[int], seq: int, ts: int) -> None:
    arrivals = cj.sent(len(delays), delays.__getitem__, first_seq=seq, first_ts=ts)
    buffer, rows = cj.live(arrivals)
    # Sound begins with the frame that comes first; what it overtook is over.
    begins = arrivals.index(min(arrivals))
    assert played(rows) == [(seq + index) % 65_536 for index in range(begins, len(delays))]
    assert buffer.late == begins


@given(st.randoms(use_true_random=False), st.integers(-5, 5))
@settings(max_examples=40, deadline=None)
def test_clocks_that_run_apart_cost_little(chance: random.Random, per_mille: int) -> None:
    arrivals = cj.in_order(cj.sent(150, lambda _: chance.randrange(40), step_ms=40 * (1 + per_mille / 1000)))
    buffer, rows = cj.live(arrivals)
    assert buffer.late == 0
    assert len(played(rows)) == 150
    assert buffer.left_out + buffer.stretched <= 3


@pytest.mark.fuzz
@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, (1 << 16) - 1) | st.integers(0, 3),
            st.integers(0, (1 << 32) - 1) | st.sampled_from((0, 40, 80, 1 << 31, (1 << 32) - 1)),
            st.integers(-100, 3_000),
            st.integers(0, 5),
        ),
        max_size=120,
    )
)
def test_whatever_comes_little_is_held_and_nothing_is_played_twice(steps: list[tuple[int, int, int, int]]) -> None:
    buffer, now, most = jt.JitterBuffer(), 0, [jt.FRAMES_MOST, *[jt.NOTES_MOST] * 4]
    pushed, told = 0, list[bytes]()
    for seq, ts, wait, count in steps:
        now += wait
        for again in range(count):
            pushed += 1
            buffer.push((seq + again) % 65_536, ts, arrival_ms=now, payload=pushed.to_bytes(4, "big"))
        for _ in range(200):
            match buffer.pull(now):
                case jt.Play(payload):
                    told.append(payload)
                    buffer.leaves_out(payload[-1])
                case jt.Wait(until):
                    assert until is None or until > now
                    break
        assert all(size <= limit for size, limit in zip(held(buffer), most, strict=False))
        assert jt.TARGET_LEAST_MS <= buffer.target_ms <= jt.TARGET_MOST_MS
        assert 0 <= buffer.late_per_mille(now) <= 1000
    assert len(set(told)) == len(told) == buffer.played
    assert buffer.kept + buffer.late + buffer.doubles >= pushed


@pytest.mark.fuzz
def test_a_flood_of_a_hundred_thousand_frames_costs_no_memory() -> None:
    chance, buffer = random.Random(7), jt.JitterBuffer()
    for turn in range(20_000):
        buffer.push(chance.randrange(65_536), chance.randrange(1 << 32), arrival_ms=turn // 8, payload=b"x")
        if turn % 16 == 0:
            buffer.pull(turn // 8)
    assert all(size <= jt.NOTES_MOST for size in held(buffer))
    for turn in range(80_000):
        buffer.push(turn % 65_536, 40 * turn // 100, arrival_ms=40 * turn // 100, payload=b"x")
    assert all(size <= jt.NOTES_MOST for size in held(buffer))
