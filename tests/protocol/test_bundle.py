"""Files of carried messages: only their key opens them, and nothing that was changed is taken."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zajil.protocol.errors import HomeError
from zajil.protocol.reach.bundle import ENTRIES, STEP_BYTES, Bundle, Entry, encode_bundle, open_bundle

KEY, OTHER, NONCE = bytes(range(32)), bytes(32), bytes(range(12))
ENTRY = Entry(b"i" * 16, 2, b"body", 1_800_000_000)
BUNDLE = Bundle(1_790_000_000, (ENTRY, ENTRY._replace(body=b"x" * 5000)))
FILE = encode_bundle(BUNDLE, key=KEY, nonce=NONCE)


def test_only_the_right_key_of_several_opens_it() -> None:
    assert open_bundle(FILE, [OTHER, KEY]) == (BUNDLE, KEY)
    with pytest.raises(HomeError, match="foreign-bundle"):
        open_bundle(FILE, [OTHER])
    with pytest.raises(HomeError, match="foreign-bundle"):
        open_bundle(FILE, [])


def test_sizes_tell_steps_of_4_kib_alone() -> None:
    assert {len(encode_bundle(BUNDLE._replace(entries=(ENTRY,) * n), key=KEY, nonce=NONCE)) for n in (0, 1, 90)} == {
        STEP_BYTES
    }
    assert len(FILE) == 2 * STEP_BYTES


def test_every_truncation_and_extension_is_refused() -> None:
    for size in range(0, len(FILE), 61):
        with pytest.raises(HomeError, match="bad-bundle"):
            open_bundle(FILE[:size], [KEY])
    for size in (STEP_BYTES, len(FILE) - 1):
        with pytest.raises(HomeError, match="bad-bundle"):
            open_bundle(FILE[:size], [KEY])
    with pytest.raises(HomeError, match="bad-bundle"):
        open_bundle(FILE + bytes(STEP_BYTES), [KEY])


@given(at=st.integers(0, len(FILE) - 1), bit=st.integers(0, 7))
def test_every_flipped_bit_is_refused(at: int, bit: int) -> None:
    changed = bytearray(FILE)
    changed[at] ^= 1 << bit
    with pytest.raises(HomeError, match=r"bad-bundle|foreign-bundle"):
        open_bundle(bytes(changed), [KEY])


@given(body=st.binary(max_size=64))
def test_a_member_cannot_break_the_reader(body: bytes) -> None:
    """Whoever holds the key may seal anything."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    head = FILE[:25]
    for plain in (body, len(body).to_bytes(4, "big") + body, (2**32 - 1).to_bytes(4, "big") + body):
        padded = plain.ljust(STEP_BYTES - 25 - 16, b"\x00")
        with pytest.raises(HomeError, match="bad-bundle"):
            open_bundle(head + AESGCM(KEY).encrypt(NONCE, padded, head), [KEY])


def test_more_than_fits_is_refused_when_it_is_made() -> None:
    for entries in ((ENTRY,) * (ENTRIES + 1), (ENTRY._replace(body=bytes(1 << 20)),) * 17):
        with pytest.raises(HomeError, match="bundle-too-big"):
            encode_bundle(Bundle(0, entries), key=KEY, nonce=NONCE)
