"""CBOR both ways. `tests/fuzz` has every parser against hostile bytes."""

from __future__ import annotations

from contextlib import suppress

import cbor2
from hypothesis import given, settings
from hypothesis import strategies as st

from zajil.protocol import cbor
from zajil.protocol.errors import ZajilError

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(1 << 64), (1 << 64) - 1) | st.binary(max_size=30) | st.text(max_size=30),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.integers(-300, 300) | st.text(max_size=4) | st.binary(max_size=4), inner, max_size=5)
    ),
    max_leaves=20,
)


@settings(max_examples=200, deadline=None)
@given(VALUES)
def test_cbor_is_what_another_decoder_reads(value: cbor.Parsed) -> None:
    data = cbor.encode(value)
    assert cbor.parse(data) == value
    assert cbor2.loads(data) == value


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=40))
def test_what_cbor_reads_it_writes_again(data: bytes) -> None:
    with suppress(ZajilError):
        assert cbor.encode(cbor.parse(data)) == data
