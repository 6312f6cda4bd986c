"""Flood counters: windows, bounds, and what does not count twice."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from zajil.moderation.policy.conditions import Flood
from zajil.moderation.rules.flood import FloodCounters

THREE = Flood(3, 10, "author")
ME, YOU = b"m" * 16, b"y" * 16


def post(number: int) -> bytes:
    return number.to_bytes(16, "big")


def test_the_nth_within_the_window_and_every_later_one() -> None:
    counters = FloodCounters()
    answers = [counters.count(THREE, ME, target=post(n), now=n * 3.0) for n in range(6)]
    assert answers == [False, False, True, True, True, True]
    assert not counters.count(THREE, ME, target=post(9), now=100)


def test_the_window_slides() -> None:
    counters = FloodCounters()
    times = [0, 1, 10, 11, 11.5]
    assert [counters.count(THREE, ME, target=post(n), now=t) for n, t in enumerate(times)] == [
        False,
        False,
        False,
        False,
        True,
    ]


def test_keys_and_counters_are_apart() -> None:
    counters = FloodCounters()
    for n in range(3):
        counters.count(THREE, ME, target=post(n), now=0)
    assert not counters.count(THREE, YOU, target=post(7), now=0)
    assert not counters.count(Flood(3, 10, "text"), ME, target=post(7), now=0)
    assert counters.count(THREE, ME, target=post(7), now=0)


def test_redeliveries_do_not_count_and_get_the_answer_they_got() -> None:
    counters = FloodCounters()
    assert not counters.count(THREE, ME, target=post(0), now=0)
    for _ in range(5):
        assert not counters.count(THREE, ME, target=post(0), now=1)
    assert not counters.count(THREE, ME, target=post(1), now=1)
    assert counters.count(THREE, ME, target=post(2), now=1)
    assert not counters.count(THREE, ME, target=post(0), now=2)
    assert counters.count(THREE, ME, target=post(2), now=2)
    assert counters.entries == 3


def test_recalling_counts_nothing() -> None:
    counters = FloodCounters()
    assert not counters.recall(THREE, ME, target=post(0))
    for n in range(4):
        counters.count(THREE, ME, target=post(n), now=0)
    assert [counters.recall(THREE, ME, target=post(n)) for n in range(5)] == [False, False, True, True, False]
    assert counters.entries == 3


def test_memory_is_bounded_and_the_quiet_are_forgotten_first() -> None:
    counters = FloodCounters(entries_max=100)
    wide = Flood(1_000, 86_400, "author")
    for n in range(5_000):
        counters.count(wide, post(n % 37), target=post(n), now=n)
        assert counters.entries <= 100
    assert not counters.count(THREE, ME, target=post(0), now=0)
    for n in range(60):
        counters.count(wide, post(n), target=post(10_000 + n), now=6_000)
        counters.count(THREE, ME, target=post(n), now=6_000)
    assert counters.count(THREE, ME, target=post(99), now=6_000)


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 5)), max_size=60), st.integers(2, 5), st.integers(1, 12))
def test_the_counters_agree_with_counting(events: list[tuple[int, float]], n: int, per_s: int) -> None:
    """Against the definition: how many posts of the key came within the window, this one included."""
    counters, flood = FloodCounters(), Flood(n, per_s, "author")
    seen: dict[int, list[float]] = defaultdict(list)
    now = 0.0
    for number, (key, step) in enumerate(events):
        now += step
        seen[key].append(now)
        answer = counters.count(flood, post(key), target=post(number), now=now)
        assert answer == (sum(now - per_s < at for at in seen[key]) >= n)
        assert counters.count(flood, post(key), target=post(number), now=now) == answer
