"""Login challenges without storage: the nonce proves by itself that we made it for this device, and when.

nonce (32 B) = time u64 ms || HMAC-SHA256(key, time || account || device)[:24]. A nonce is good for 60 s and once: the
login that it opened leaves its mark in the database until then, so that neither another gateway nor the next start
takes it again. The key is derived from the key file, which every gateway has. Source: service.md 2, Login.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from zajil.protocol.errors import error
from zajil.protocol.ids import AccountId, DeviceId, client_id

NONCE_LIFE_S = 60
SKEW_MS: Final = 5000
"""So far the clocks of gateways may be apart."""
SPENT_S: Final = 2 * NONCE_LIFE_S
"""One that was used is remembered so long: by the fastest of those clocks too."""
_TAG_BYTES = 24


class Challenges:
    """Makes and checks login nonces. key: 32 bytes that the gateways of this server have, and nobody else."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, account_id: AccountId, device_id: DeviceId, *, now_ms: int) -> bytes:
        """A nonce for this device, which need not exist: the answer tells nothing about that."""
        return self._nonce(account_id, device_id, now_ms)

    def check(self, nonce: bytes, account_id: AccountId, device_id: DeviceId, *, now_ms: int) -> None:
        """Raises AuthError `bad-challenge` for a nonce that is foreign, for another device or too old.

        Whether it was used is for `mark_of` and the database to say.
        """
        made_ms = int.from_bytes(nonce[:8], "big")
        genuine = hmac.compare_digest(nonce, self._nonce(account_id, device_id, made_ms))
        if not genuine or not -SKEW_MS <= now_ms - made_ms < 1000 * NONCE_LIFE_S:
            raise error("bad-challenge")

    def _nonce(self, account_id: AccountId, device_id: DeviceId, made_ms: int) -> bytes:
        time = (made_ms & (1 << 64) - 1).to_bytes(8, "big")
        return time + hmac.digest(self._key, time + client_id(account_id, device_id), "sha256")[:_TAG_BYTES]


def mark_of(nonce: bytes) -> bytes:
    """16 bytes that stand for a nonce which was used."""
    return hashlib.sha256(b"login\0" + nonce).digest()[:16]
