"""Times in words, whatever number somebody sends as one."""

from __future__ import annotations

from zajil.cli.times import clock, day


def test_a_time_beyond_all_dates_as_a_member_may_give_a_link_is_said_and_breaks_nothing() -> None:
    for at in (253_402_128_000, 2**53 - 1, 2**64 - 1):
        assert day(at).startswith("9999-12-")
        assert len(clock(at)) == 5
