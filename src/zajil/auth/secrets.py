"""Random secrets of the Authentication Service and the one form in which they are stored: SHA-256."""

from __future__ import annotations

import hashlib
import os

from zajil.protocol.codes import CODE_BYTES, plain_code, spell_code

TOKEN_BYTES = 32
TOKEN_LIFE_S = 3600
INVITE_LIFE_DAYS = 30
DAY_S = 86_400


def new_token() -> bytes:
    """32 random bytes."""
    return os.urandom(TOKEN_BYTES)


def digest(secret: bytes) -> bytes:
    """SHA-256 of a token or code: what is stored. Secrets here have at least 100 random bits, so no salt is needed."""
    return hashlib.sha256(secret).digest()


def new_invite_code() -> str:
    """A registration code to read out or paste."""
    return spell_code(os.urandom(CODE_BYTES))


def digest_of_code(code: str) -> bytes:
    """What is stored of a registration code, however a person typed it."""
    return digest(plain_code(code))
