"""Login challenges without storage: the nonce proves by itself that we made it for this device, and when.

nonce (32 B) = time u64 ms || HMAC-SHA256(key, time || account || device)[:24]. A nonce is good for 60 s and once: used
ones are remembered in memory until they expire, and the key with them: after a restart no older nonce is good, or a
login seen before it could be repeated. Source: service.md 2, Login.
"""

from __future__ import annotations

import hmac
import itertools

from zajil.protocol.errors import error
from zajil.protocol.ids import AccountId, DeviceId, client_id

NONCE_LIFE_MS = 60_000
_TAG_BYTES = 24


class Challenges:
    """Makes and takes login nonces. One per process; `key` is 32 random bytes that no other process has."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._used: dict[bytes, int] = {}

    def issue(self, account_id: AccountId, device_id: DeviceId, *, now_ms: int) -> bytes:
        """A nonce for this device, which need not exist: the answer tells nothing about that."""
        return self._nonce(account_id, device_id, now_ms)

    def redeem(self, nonce: bytes, account_id: AccountId, device_id: DeviceId, *, now_ms: int) -> None:
        """Take a nonce. Raises AuthError `bad-challenge` if it is foreign, for another device, too old or used."""
        made_ms = int.from_bytes(nonce[:8], "big")
        genuine = hmac.compare_digest(nonce, self._nonce(account_id, device_id, made_ms))
        if not genuine or not 0 <= now_ms - made_ms < NONCE_LIFE_MS or nonce in self._used:
            raise error("bad-challenge")
        self._forget(now_ms)
        self._used[nonce] = made_ms

    def _nonce(self, account_id: AccountId, device_id: DeviceId, made_ms: int) -> bytes:
        time = (made_ms & (1 << 64) - 1).to_bytes(8, "big")
        return time + hmac.digest(self._key, time + client_id(account_id, device_id), "sha256")[:_TAG_BYTES]

    def _forget(self, now_ms: int) -> None:
        """Drop expired nonces from the old end; they are in order of use, so close to order of age."""
        for nonce, made_ms in list(itertools.islice(self._used.items(), 64)):
            if now_ms - made_ms >= NONCE_LIFE_MS:
                del self._used[nonce]
