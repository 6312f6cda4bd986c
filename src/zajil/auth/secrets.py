"""Random secrets of the Authentication Service and the one form in which they are stored: SHA-256."""

from __future__ import annotations

import hashlib
import os

TOKEN_BYTES = 32
TOKEN_LIFE_S = 3600
INVITE_LIFE_DAYS = 30
DAY_S = 86_400
_CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_CODE_CHARACTERS = 20
_LOOKALIKES = str.maketrans({"I": "1", "L": "1", "O": "0", "-": "", " ": ""})


def new_token() -> bytes:
    """32 random bytes."""
    return os.urandom(TOKEN_BYTES)


def digest(secret: bytes) -> bytes:
    """SHA-256 of a token or code: what is stored. Secrets here have at least 100 random bits, so no salt is needed."""
    return hashlib.sha256(secret).digest()


def new_invite_code() -> str:
    """A registration code to read out or paste: 20 Crockford base32 characters (100 bits) in groups of 5."""
    text = "".join(_CROCKFORD[byte & 31] for byte in os.urandom(_CODE_CHARACTERS))
    return "-".join(text[start : start + 5] for start in range(0, _CODE_CHARACTERS, 5))


def digest_of_code(code: str) -> bytes:
    """What is stored of a registration code, whatever case, dashes or look-alike letters a person typed."""
    return digest(code.upper().translate(_LOOKALIKES).encode())
