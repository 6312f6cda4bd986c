"""Usernames: how a name becomes the key by which a server keeps it.

One spelling, one script and one skeleton of look-alikes, as handles have them (`protocol/public/handles.py`); then
Argon2id, so that whoever has a server's keys has to guess names one by one. The server sees the key alone.
Source: service.md 2; vectors/service/usernames.json.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from zajil.protocol.public.handles import parse_handle, skeleton

KEY_BYTES: Final = 32
MEMORY_KIB: Final = 19 * 1024
PASSES: Final = 2
LANES: Final = 1
_SALT_BYTES: Final = 16


def parse_username(text: str) -> str:
    """The name as it is shown, without a leading `@`. Raises Malformed `bad-handle`."""
    return parse_handle(text.removeprefix("@"))


def username_key(name: str, server_name: str) -> bytes:
    """32 bytes; takes some 30 ms. name: as `parse_username` gives it. Names that look alike have one key."""
    salt = hashlib.sha256(b"zajil username v1" + server_name.encode()).digest()[:_SALT_BYTES]
    kdf = Argon2id(salt=salt, length=KEY_BYTES, iterations=PASSES, lanes=LANES, memory_cost=MEMORY_KIB)
    return kdf.derive(skeleton(name).encode())
