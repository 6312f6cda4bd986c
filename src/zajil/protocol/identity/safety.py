"""The safety number two people compare: Signal's numeric fingerprint, version 0, with the account id as identifier.

Source: libsignal, rust/protocol/src/fingerprint.rs (5,200 rounds of SHA-512, 30 digits a side, both sides sorted).
"""

from __future__ import annotations

import hashlib
from typing import Final

from zajil.protocol.errors import error
from zajil.protocol.ids import AccountId

ROUNDS: Final = 5200


def half(account_pub: bytes, identifier: bytes) -> str:
    """30 digits for one side: six groups of a 40-bit number modulo 100,000."""
    digest = hashlib.sha512(b"\x00\x00" + account_pub + identifier + account_pub).digest()
    for _ in range(ROUNDS - 1):
        digest = hashlib.sha512(digest + account_pub).digest()
    chunks = (int.from_bytes(digest[at : at + 5], "big") % 100_000 for at in range(0, 30, 5))
    return "".join(f"{chunk:05d}" for chunk in chunks)


def safety_number(own: tuple[AccountId, bytes], other: tuple[AccountId, bytes]) -> str:
    """60 digits, the same for both sides. own, other: account id and current 32-byte account key."""
    halves = []
    for account, key in (own, other):
        if len(account) != 16 or len(key) != 32:
            raise error("wrong-call", "account id of 16 and key of 32 bytes")
        halves.append(half(key, account))
    return "".join(sorted(halves))
