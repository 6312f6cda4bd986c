"""Personas: the keys of a public identity, derived from the account's seed so that every full device has them.

    seed of persona i = HKDF-SHA-256(account seed, no salt, info = "zajil persona v1" || i as one byte), i 0..2
    key               = Ed25519 key of that seed (RFC 8032)
    persona_id        = SHA-256(public key)[:16]
    login             = Ed25519 over "zajil/persona-login/1" || 0x00 || CBOR [origin, nonce, persona_id]

`origin` is the `server_name` of the server: fronts and domains change, and a signature must not be good elsewhere. For
a new persona the nonce is SHA-256 of its pass, which is good once by itself. `vectors/persona.json` fixes all of it.
Source: design/moderation.md 3; RFC 5869.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zajil.protocol import cbor
from zajil.protocol.errors import error
from zajil.protocol.ids import PersonaId

PERSONAS: Final = 3
"""Most personas of one account."""
SEED_BYTES: Final = 32
NONCE_BYTES: Final = 32
_INFO: Final = b"zajil persona v1"
_LOGIN: Final = b"zajil/persona-login/1\0"


def derive_seed(account_seed: bytes, number: int) -> bytes:
    """The Ed25519 seed (32 bytes) of an account's persona. account_seed: 32 bytes. number: 0..2.

    Raises LocalProtocolError for another size or number.
    """
    if len(account_seed) != SEED_BYTES or not 0 <= number < PERSONAS:
        raise error("wrong-call", "persona of a 32-byte seed and a number 0..2")
    return HKDF(algorithm=SHA256(), length=SEED_BYTES, salt=None, info=_INFO + bytes([number])).derive(account_seed)


def persona_id_of(key: bytes) -> PersonaId:
    """The id of the persona with this public key (32 bytes)."""
    return PersonaId(hashlib.sha256(key).digest()[:16])


def login_bytes(origin: str, nonce: bytes, persona_id: PersonaId) -> bytes:
    """What a persona signs to log in. origin: the server's `server_name`. nonce: 32 bytes, the server's."""
    return _LOGIN + cbor.encode([origin, nonce, persona_id])


def nonce_of_pass(one_time_pass: bytes) -> bytes:
    """The nonce that a new persona signs: the server has not seen its pass before, and will take it once."""
    return hashlib.sha256(one_time_pass).digest()


def check_login(key: bytes, signature: bytes, *, origin: str, nonce: bytes) -> None:
    """Nothing, if the holder of this public key signed this login. Raises AuthError `bad-challenge`."""
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, login_bytes(origin, nonce, persona_id_of(key)))
    except (InvalidSignature, ValueError):
        raise error("bad-challenge") from None
