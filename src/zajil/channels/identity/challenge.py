"""Login challenges of personas, without storage.

nonce (32 B) = time u64 ms || 8 random bytes || HMAC-SHA256(key, time || random || persona)[:16]: good for 60 s and
once: the login that it opened leaves its mark in the database until then, so that neither another gateway nor the next
start takes it again. The key is derived from the key file, which every gateway has; it is not that of devices' logins,
so that neither nonce is good for the other.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from typing import Final

from zajil.protocol.errors import error
from zajil.protocol.ids import PersonaId

NONCE_LIFE_S: Final = 60
SKEW_MS: Final = 5000
"""So far the clocks of gateways may be apart."""
SPENT_S: Final = 2 * NONCE_LIFE_S
"""One that was used is remembered so long: by the fastest of those clocks too."""
_HEAD_BYTES: Final = 16
_TAG_BYTES: Final = 16


class PersonaChallenges:
    """Makes and checks login nonces. key: 32 bytes that the gateways of this server have, and nobody else."""

    def __init__(self, key: bytes, random: Callable[[int], bytes]) -> None:
        self._key = key
        self._random = random

    def issue(self, persona_id: PersonaId, *, now_ms: int) -> bytes:
        """A nonce for this persona, which need not exist: the answer tells nothing about that."""
        return self._nonce(now_ms.to_bytes(8, "big") + self._random(8), persona_id)

    def check(self, nonce: bytes, persona_id: PersonaId, *, now_ms: int) -> None:
        """Raises AuthError `bad-challenge` for a nonce that is foreign, for another persona or too old.

        Whether it was used is for `mark_of` and the database to say.
        """
        made_ms = int.from_bytes(nonce[:8], "big")
        genuine = hmac.compare_digest(nonce, self._nonce(nonce[:_HEAD_BYTES], persona_id))
        if not genuine or not -SKEW_MS <= now_ms - made_ms < 1000 * NONCE_LIFE_S:
            raise error("bad-challenge")

    def _nonce(self, head: bytes, persona_id: PersonaId) -> bytes:
        return head + hmac.digest(self._key, head + persona_id, "sha256")[:_TAG_BYTES]


def mark_of(nonce: bytes) -> bytes:
    """16 bytes that stand for a nonce which was used."""
    return hashlib.sha256(b"persona login\0" + nonce).digest()[:16]
