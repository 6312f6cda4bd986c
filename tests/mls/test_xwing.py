"""HPKE over X-Wing: key derivation and ciphertexts of both languages, from vectors/hpke/xwing.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from zajil.mls.errors import CryptoError
from zajil.mls.primitives import hpke
from zajil.mls.primitives.suites import XWING

pytestmark = pytest.mark.vectors
FILE = Path(__file__).resolve().parents[2] / "vectors" / "hpke" / "xwing.json"
VECTORS: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))  # Any: JSON


@pytest.mark.parametrize("row", VECTORS["derive"], ids=lambda row: row["ikm"][:8])
def test_derivation(row: dict[str, str]) -> None:
    secret, public = hpke.derive_key_pair(XWING, bytes.fromhex(row["ikm"]))
    assert (secret.hex(), public.hex()) == (row["secret"], row["public"])


def test_known_answer() -> None:
    secret, public = hpke.derive_key_pair(XWING, b"\x11" * 64)
    assert secret.hex() == "ab8adcebd9950838bb22f3a23bb7ea1a4765a4b98b75d0e85992f5a4ab58f87b"
    assert public.hex().startswith("92245de4f41bd46b07adec2d32848fd8")


@pytest.mark.parametrize("row", VECTORS["sealed"], ids=lambda row: row["by"].split()[0])
def test_opens_what_each_side_sealed(row: dict[str, str]) -> None:
    secret, enc, info = (bytes.fromhex(row[name]) for name in ("secret", "enc", "info"))
    ciphertext = bytes.fromhex(row["ciphertext"])
    opened = hpke.open_sealed(XWING, secret, enc=enc, info=info, ciphertext=ciphertext)
    assert opened.hex() == row["plaintext"]
    with pytest.raises(CryptoError):
        hpke.open_sealed(XWING, secret, enc=enc, info=info + b"x", ciphertext=ciphertext)
    flipped = bytes([enc[0] ^ 1]) + enc[1:]
    with pytest.raises(CryptoError):
        hpke.open_sealed(XWING, secret, enc=flipped, info=info, ciphertext=ciphertext)
