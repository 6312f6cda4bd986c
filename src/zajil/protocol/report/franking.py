"""The server's mark on a message that it cannot read.

    K_day = HKDF-SHA-256(frank_master, no salt, info "zajil frank v1" || day u32, 32 bytes)
    frank = HMAC-SHA256(K_day, tag || gid || ts u64)

tag: of the content, in the message's AAD. ts: Unix ms at which the server took the message; day: whole days of it.
Numbers are big endian. Source: service.md 9; Facebook, Messenger Secret Conversations, 2016 (franking).
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zajil.protocol.ids import GroupId

FRANK_DAYS: Final = 90
"""A mark proves something for so many days after its own."""
DAY_MS: Final = 86_400_000


def frank_day(ts: int) -> int:
    """Days since 1970 of a time in Unix ms."""
    return ts // DAY_MS


def derive_day_key(master: bytes, day: int) -> bytes:
    """K_day, 32 bytes. master: 32 bytes. day: u32."""
    info = b"zajil frank v1" + day.to_bytes(4, "big")
    return HKDF(algorithm=SHA256(), length=32, salt=None, info=info).derive(master)


def make_frank(day_key: bytes, *, tag: bytes, gid: GroupId, ts: int) -> bytes:
    """The mark, 32 bytes. tag: 32 bytes, gid: 16 bytes, so that no two triples make the same input. ts: below 2^64."""
    mac = _keyed(day_key).copy()
    mac.update(tag + gid + ts.to_bytes(8, "big"))
    return mac.finalize()


@lru_cache(maxsize=64)
def _keyed(day_key: bytes) -> HMAC:
    # Taken up from here for each message; and not of `hmac`, which lets go of the interpreter and waits for it again.
    return HMAC(day_key, SHA256())
