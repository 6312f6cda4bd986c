"""The key that stands in for whoever is not there: where it comes from, and that there is no shorter way to it."""

from __future__ import annotations

import hashlib

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.engine import edwards

from zajil.engine.nobody import NOBODY


def test_nobodys_key_is_a_hash_of_a_public_text_in_the_group_of_prime_order() -> None:
    hashes = (hashlib.sha256(b"zajil nobody v1" + bytes([n])).digest() for n in range(256))
    first = next(point for point in map(edwards.decode, hashes) if point is not None)
    found = edwards.multiply(8, first)
    assert edwards.encode(found) == NOBODY
    assert edwards.multiply(edwards.ORDER, found) == edwards.IDENTITY != found


def test_of_the_base_point_anybody_signs() -> None:
    """Why a point that is merely valid will not do."""
    Ed25519PublicKey.from_public_bytes(edwards.BASE).verify(edwards.BaseKey().sign(b"said"), b"said")
