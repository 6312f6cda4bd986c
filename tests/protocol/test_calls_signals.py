"""Signals: what is written is read, what is hostile is dropped, and nothing else is ever raised."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.protocol import calls_signals as cs

from zajil.protocol import cbor
from zajil.protocol.calls import sdp
from zajil.protocol.calls import signals as sg
from zajil.protocol.errors import Malformed, ZajilError


@pytest.mark.parametrize("signal", cs.EVERY, ids=lambda one: str(one.TYPE))
def test_what_is_written_is_read(signal: sg.Signal) -> None:
    assert cs.read(cbor.encode(dict(sg.encode_signal(signal).items()))) == signal


def test_what_waits_at_the_server_and_what_wakes() -> None:
    waits = {signal.TYPE for signal in cs.EVERY if sg.ttl_of(signal) == 60}
    assert waits == {"ring", "cancel", "accept", "decline", "taken", "end", "beacon"}
    assert {signal.TYPE for signal in cs.EVERY if sg.wakes(signal)} == {"ring"}


def test_a_padded_signal_fits_its_step() -> None:
    largest = sg.Desc(cs.CALL, 65_535, (1 << 32) - 1, "offer", cs.OFFER + "a=" + "x" * (3_498 - len(cs.OFFER)))
    assert len(cbor.encode(["call", dict(sg.encode_signal(largest).items())])) < 3_700


@pytest.mark.parametrize("about", ["host", "srflx"])
def test_an_address_never_leaves_under_the_relay_policy(about: str) -> None:
    with pytest.raises(Malformed):
        sdp.hide_candidate(cs.HOST.replace("typ host", f"typ {about}"))
    hidden = sdp.hide_candidate(cs.RELAY)
    assert "192.0.2.7" not in hidden
    assert " raddr 0.0.0.0 rport 0 " in hidden


def test_a_wrong_signal_of_ours_is_an_error() -> None:
    with pytest.raises(ZajilError):
        sg.encode_signal(sg.Desc(cs.CALL, 1, 2, "offer", cs.ANSWER))
    with pytest.raises(ZajilError):
        sg.encode_signal(sg.Taken(cs.CALL, 65_536))


SEEDS: list[dict[str, Any]] = [  # Any: hostile values go in
    dict(sg.encode_signal(signal).items()) for signal in cs.EVERY
]
ODD = (
    st.none()
    | st.booleans()
    | st.integers(-5, 1 << 60)
    | st.binary(max_size=40)
    | st.text(max_size=60)
    | st.lists(st.integers(-2, 70_000) | st.text(max_size=40), max_size=12)
    | st.dictionaries(st.text(max_size=2), st.none(), max_size=2)
)


@pytest.mark.fuzz
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_hostile_map_is_dropped_or_a_signal_that_is_written_again(data: st.DataObject) -> None:
    seed = dict(data.draw(st.sampled_from(SEEDS)))
    for _ in range(data.draw(st.integers(1, 3))):
        seed[data.draw(st.sampled_from([*seed, "to", "pc", "leaf"]))] = data.draw(ODD)
    found = sg.parse_signal(seed)
    if found is not None and not isinstance(found, sg.Unsupported):
        assert sg.parse_signal(sg.encode_signal(found)) == found


@pytest.mark.fuzz
@settings(max_examples=400, deadline=None)
@given(st.data())
def test_a_hostile_sdp_is_taken_or_malformed(data: st.DataObject) -> None:
    lines = cs.OFFER.split("\r\n")
    for _ in range(data.draw(st.integers(0, 4))):
        at = data.draw(st.integers(0, len(lines) - 1))
        odd = st.sampled_from(lines) | st.text(max_size=30) | st.sampled_from(["m=", "m=audio", "a=rtpmap:", "a=mid:"])
        lines[at : at + data.draw(st.integers(0, 2))] = [data.draw(odd)]
    text = "\r\n".join(lines)
    with suppress(Malformed):
        sdp.check_sdp(text, "offer")
        hidden = sdp.hide_addresses(text)
        sdp.check_sdp(hidden, "offer")
