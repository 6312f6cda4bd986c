"""The pure rule of disappearing messages: vectors, and any clock at any moment."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.protocol import expiry_vectors, service_vectors

from zajil.protocol.chat import expiry
from zajil.protocol.chat.content import Expires
from zajil.protocol.chat.expiry import SPAN_MAX_S

VECTOR: dict[str, Any] = json.loads((service_vectors.FOLDER / "expiry.json").read_text(encoding="utf-8"))
NOW = expiry_vectors.NOW
SPANS = st.integers(1, SPAN_MAX_S)
CLOCKS = st.integers(0, 4_102_444_800_000)
# Backwards and forwards, by up to two years.
LEAPS = st.lists(st.integers(-2 * SPAN_MAX_S * 1000, 2 * SPAN_MAX_S * 1000), max_size=20)


def test_spans_deadlines_and_looks_are_those_of_the_vectors() -> None:
    assert VECTOR["span_max_s"] == SPAN_MAX_S
    for one in VECTOR["spans"]:
        asked = None if one["expires"] is None else Expires(*one["expires"])
        assert expiry.find_span(asked, sent=one["sent"]) == one["span_s"]
    for one in VECTOR["deadlines"]:
        assert expiry.find_deadline(one["span_s"], start=one["start"], now=one["now"]) == one["at"]
    for one in VECTOR["looks"]:
        assert expiry.look(one["at"], one["span_s"], now=one["now"]) == one["left"]


@given(relative=st.booleans(), time=st.integers(0, (1 << 32) - 1), sent=CLOCKS)
def test_a_span_is_bounded_and_a_fixed_time_takes_nothing_before_it_was_read(
    *, relative: bool, time: int, sent: int
) -> None:
    span_s = expiry.find_span(Expires(relative, time), sent=sent)
    assert 0 <= span_s <= SPAN_MAX_S
    assert (span_s == 0) == (relative and time == 0)


@given(span_s=SPANS, start=CLOCKS, now=CLOCKS)
def test_nothing_lasts_longer_than_its_span_from_now(span_s: int, start: int, now: int) -> None:
    deadline = expiry.find_deadline(span_s, start=start, now=now)
    assert deadline <= now + span_s * 1000
    assert expiry.look(deadline, span_s, now=max(now, deadline)) is None


@given(span_s=SPANS, now=CLOCKS, leaps=LEAPS)
def test_however_the_clock_leaps_a_span_without_a_leap_ends_it(span_s: int, now: int, leaps: list[int]) -> None:
    """Looks at any moments of a clock that anybody turns; once it runs on, one span is the most that is left."""
    deadline: int | None = expiry.find_deadline(span_s, start=now, now=now)
    for leap in leaps:
        now = max(0, now + leap)
        before = deadline
        deadline = None if deadline is None else expiry.look(deadline, span_s, now=now)
        if before is not None and before <= now:
            assert deadline is None, "it is over, so it goes at the first look"
        if deadline is not None:
            assert now < deadline <= now + span_s * 1000
            assert before is not None
            assert deadline <= before, "no look gives it more time"
    if deadline is not None:
        assert expiry.look(deadline, span_s, now=now + span_s * 1000) is None
