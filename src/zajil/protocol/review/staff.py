"""What members of staff sign with their Ed25519 keys. Passkeys sign as WebAuthn says; these are for the command line.

    key_id  = SHA-256(public key)[:16]
    enrol   = Ed25519 over "zajil/staff-enrol/1" || 0x00 || CBOR [origin, SHA-256 of the invite code, public key]
    login   = Ed25519 over "zajil/staff-login/1" || 0x00 || CBOR [origin, nonce, key_id]
    step-up = Ed25519 over "zajil/staff-step-up/1" || 0x00 || CBOR [origin, nonce, SHA-256 of the session's token]

`origin` is the server's `server_name`, as for personas. The three texts differ, so that none is good for another.
"""

from __future__ import annotations

import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from zajil.protocol import cbor
from zajil.protocol.errors import error

SCHEME: Final = "Staff"
"""Scheme of the Authorization header of /mod/v1; no other route knows it."""
_ENROL: Final = b"zajil/staff-enrol/1\0"
_LOGIN: Final = b"zajil/staff-login/1\0"
_STEP_UP: Final = b"zajil/staff-step-up/1\0"


def key_id_of(public: bytes) -> bytes:
    """The id (16 bytes) of the key with this public half (32 bytes)."""
    return hashlib.sha256(public).digest()[:16]


def digest_of(secret: bytes) -> bytes:
    """SHA-256 of an invite code or a token: what is stored, and what is signed for."""
    return hashlib.sha256(secret).digest()


def enrol_bytes(origin: str, invite: str, public: bytes) -> bytes:
    """What a new key signs over the invite that admits it."""
    return _ENROL + cbor.encode([origin, digest_of(invite.encode()), public])


def login_bytes(origin: str, nonce: bytes, key_id: bytes) -> bytes:
    """What a key signs to open a session."""
    return _LOGIN + cbor.encode([origin, nonce, key_id])


def step_up_bytes(origin: str, nonce: bytes, token: bytes) -> bytes:
    """What a key signs to show, in an open session, that its holder is there."""
    return _STEP_UP + cbor.encode([origin, nonce, digest_of(token)])


def check_signature(public: bytes, signature: bytes, signed: bytes) -> None:
    """Nothing, if the holder of this public key signed this. Raises AuthError `bad-challenge`."""
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, signed)
    except (InvalidSignature, ValueError):
        raise error("bad-challenge") from None
