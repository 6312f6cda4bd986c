"""HPKE over X-Wing, live: each side opens what the other seals now."""

from __future__ import annotations

import pytest
from tests.interop.ts_mls import Peer, PeerRefused

from zajil.mls.primitives import hpke
from zajil.mls.primitives.suites import XWING

pytestmark = pytest.mark.interop
INFO, PLAINTEXT = b"MLS 1.0 Welcome", b"a path secret"


def test_both_open_each_other(ts_mls: Peer) -> None:
    secret, public = hpke.derive_key_pair(XWING, b"\x22" * 64)
    enc, ciphertext = hpke.seal(XWING, public, info=INFO, plaintext=PLAINTEXT, rng=bytes)
    theirs = ts_mls.call("xwing_open", key=secret, info=INFO, enc=enc, data=ciphertext)
    assert bytes.fromhex(theirs["data"]) == PLAINTEXT
    sealed = ts_mls.call("xwing_seal", key=public, info=INFO, data=PLAINTEXT)
    enc, ciphertext = bytes.fromhex(sealed["enc"]), bytes.fromhex(sealed["data"])
    assert hpke.open_sealed(XWING, secret, enc=enc, info=INFO, ciphertext=ciphertext) == PLAINTEXT


def test_a_flipped_bit_opens_nowhere(ts_mls: Peer) -> None:
    secret, public = hpke.derive_key_pair(XWING, b"\x22" * 64)
    enc, ciphertext = hpke.seal(XWING, public, info=INFO, plaintext=PLAINTEXT, rng=bytes)
    bad = enc[:-1] + bytes([enc[-1] ^ 1])
    with pytest.raises(PeerRefused):
        ts_mls.call("xwing_open", key=secret, info=INFO, enc=bad, data=ciphertext)
