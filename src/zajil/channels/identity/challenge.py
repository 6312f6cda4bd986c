"""Login challenges of personas, without storage.

nonce (32 B) = time u64 ms || 8 random bytes || HMAC-SHA256(key, time || random || persona)[:16]: good for 60 s and
once. Used ones are remembered in memory until they expire, and the key with them: after a restart no older nonce is
good. The key is not that of devices' logins, so that neither nonce is good for the other.
"""

from __future__ import annotations

import hmac
import itertools
from collections.abc import Callable
from typing import Final

from zajil.protocol.errors import error
from zajil.protocol.ids import PersonaId

NONCE_LIFE_MS: Final = 60_000
_HEAD_BYTES: Final = 16
_TAG_BYTES: Final = 16


class PersonaChallenges:
    """Makes and takes login nonces. One per process; `key` is 32 random bytes that no other process has."""

    def __init__(self, key: bytes, random: Callable[[int], bytes]) -> None:
        self._key = key
        self._random = random
        self._used: dict[bytes, int] = {}

    def issue(self, persona_id: PersonaId, *, now_ms: int) -> bytes:
        """A nonce for this persona, which need not exist: the answer tells nothing about that."""
        return self._nonce(now_ms.to_bytes(8, "big") + self._random(8), persona_id)

    def redeem(self, nonce: bytes, persona_id: PersonaId, *, now_ms: int) -> None:
        """Take a nonce. Raises AuthError `bad-challenge` if it is foreign, for another persona, too old or used."""
        made_ms = int.from_bytes(nonce[:8], "big")
        genuine = hmac.compare_digest(nonce, self._nonce(nonce[:_HEAD_BYTES], persona_id))
        if not genuine or not 0 <= now_ms - made_ms < NONCE_LIFE_MS or nonce in self._used:
            raise error("bad-challenge")
        for old, at in list(itertools.islice(self._used.items(), 64)):
            if now_ms - at >= NONCE_LIFE_MS:
                del self._used[old]
        self._used[nonce] = made_ms

    def _nonce(self, head: bytes, persona_id: PersonaId) -> bytes:
        return head + hmac.digest(self._key, head + persona_id, "sha256")[:_TAG_BYTES]
