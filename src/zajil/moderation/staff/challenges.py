"""Challenges for keys of staff, without storage: 32 bytes for one purpose and holder, good for a minute and once.

nonce = time u64 ms || 8 random bytes || HMAC-SHA256(key, time || random || purpose || holder)[:16]. Used ones are
remembered in memory until they expire, and the key with them: after a restart no older nonce is good.
"""

from __future__ import annotations

import hmac
import itertools
from collections.abc import Callable
from typing import Final, Literal, TypeAlias

from zajil.protocol.errors import error

Purpose: TypeAlias = Literal["key login", "key step-up", "passkey registration", "passkey login", "passkey step-up"]
LIFE_MS: Final = 60_000
PASSKEY_LIFE_MS: Final = 300_000
"""A browser's dialogue takes people longer than a program."""
NONCE_BYTES: Final = 32
_HEAD_BYTES: Final = 16


class Challenges:
    """Makes and takes nonces. One per process; `key` is 32 random bytes that no other process has."""

    def __init__(self, key: bytes, random: Callable[[int], bytes]) -> None:
        self._key = key
        self._random = random
        self._used: dict[bytes, int] = {}

    def issue(self, purpose: Purpose, holder: bytes, *, now_ms: int) -> bytes:
        """A nonce. holder: key id, session or invite it is for, or empty."""
        return self._nonce(now_ms.to_bytes(8, "big") + self._random(8), purpose, holder)

    def redeem(self, nonce: bytes, purpose: Purpose, holder: bytes, *, now_ms: int) -> None:
        """Take a nonce. Raises AuthError `bad-challenge` if it is foreign, for something else, too old or used."""
        life_ms = PASSKEY_LIFE_MS if purpose.startswith("passkey") else LIFE_MS
        made_ms = int.from_bytes(nonce[:8], "big")
        genuine = hmac.compare_digest(nonce, self._nonce(nonce[:_HEAD_BYTES], purpose, holder))
        if not genuine or not 0 <= now_ms - made_ms < life_ms or nonce in self._used:
            raise error("bad-challenge")
        for old, at in list(itertools.islice(self._used.items(), 64)):
            if now_ms - at >= PASSKEY_LIFE_MS:
                del self._used[old]
        self._used[nonce] = made_ms

    def _nonce(self, head: bytes, purpose: Purpose, holder: bytes) -> bytes:
        return head + hmac.digest(self._key, head + purpose.encode() + b"\0" + holder, "sha256")[:_HEAD_BYTES]
