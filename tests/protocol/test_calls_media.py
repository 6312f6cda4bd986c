"""Media frames and quality: what holds beside the vectors."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol import calls_media as cm

from zajil.protocol.calls import media as md
from zajil.protocol.calls import quality as ql
from zajil.protocol.errors import LocalProtocolError, Malformed


@pytest.mark.parametrize("frame", cm.FRAMES)
def test_a_frame_is_read_as_it_was_written(frame: md.Frame) -> None:
    data = md.encode_frame(frame)
    assert md.parse_frame(data) == frame
    assert data[: md.HEADER_BYTES] == frame.header


def test_a_wrong_frame_of_ours_is_an_error() -> None:
    for frame in (
        md.Frame("audio", False, 65_536, 0, b"x"),
        md.Frame("audio", False, 0, 1 << 32, b"x"),
        md.Frame("audio", True, 0, 0, b"x"),
        md.Frame("audio", False, 0, 0, b""),
        md.Frame("audio", False, 0, 0, bytes(593)),
        md.Frame("video", False, 0, 0, bytes(15_993)),
    ):
        with pytest.raises(LocalProtocolError):
            md.encode_frame(frame)
    with pytest.raises(LocalProtocolError):
        md.encode_room(md.Came(0))
    with pytest.raises(LocalProtocolError):
        md.encode_preamble(bytes(39))


@pytest.mark.fuzz
@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=40), st.integers(0, 5), st.integers(0, 3))
def test_hostile_bytes_are_read_and_written_again_or_malformed(data: bytes, first: int, second: int) -> None:
    for hostile in (data, bytes((first, second)) + data):
        with suppress(Malformed):
            assert md.encode_frame(md.parse_frame(hostile)) == hostile
        with suppress(Malformed):
            assert md.encode_room(md.parse_room(hostile)) == hostile
        with suppress(Malformed):
            md.parse_control(hostile)


@given(st.integers(0, 50_000), st.integers(0, 48_000), st.floats(0, 5000), st.floats(0, 1000))
def test_a_score_is_in_range_and_falls_with_loss(lost: int, total: int, rtt_ms: float, buffer_ms: float) -> None:
    mos = ql.rate(ql.Sample(lost, total, rtt_ms, buffer_ms, 20))
    assert 1 <= mos <= 4.5
    assert ql.rate(ql.Sample(lost + 100, total, rtt_ms, buffer_ms, 20)) <= mos + 1e-9


def test_words_and_steps_take_their_time() -> None:
    falls = cm.life_cases()[0]
    words = [word for _, _, _, word, _ in falls]
    assert words[:4] == ["good"] * 4
    assert "poor" in words[4:8]
    steps = [step for *_, step in falls]
    assert "least-audio" in steps
    assert steps[-1] == "full"


def test_round_trips_in_which_the_way_was_still_made_count_nothing() -> None:
    """They hold the time that a connection takes, and took the picture from ways that were good."""
    early, slow, moved = cm.life_cases()[-3:]
    assert {(word, step) for *_, word, step in (*early, *moved)} == {("good", "full")}
    assert [word for *_, word, _ in slow[: ql.EARLY]] == ["good"] * ql.EARLY
    assert slow[-1][-1] != "full", "a way that stays slow is found out all the same"
