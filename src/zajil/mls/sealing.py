"""State at rest: sealed under the device's storage key, one fresh key per row (mls.md 7.9)."""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zajil.mls.errors import CryptoError
from zajil.mls.primitives.codec import encode_opaque
from zajil.mls.primitives.hpke import Rng

SALT_BYTES = 32
_INFO = b"zajil mls state v1"
_NONCE = bytes(12)


def _cipher(key: bytes, salt: bytes) -> AESGCM:
    return AESGCM(HKDF(algorithm=hashes.SHA256(), length=32, salt=salt, info=_INFO).derive(key))


def _aad(group_id: bytes, kind: str) -> bytes:
    return encode_opaque(kind.encode()) + encode_opaque(group_id)


def seal(key: bytes, group_id: bytes, kind: str, data: bytes, rng: Rng) -> bytes:
    """salt (32 bytes) and AES-256-GCM ciphertext of data, under a key used for this row alone.

    key: 32 bytes from the device's key store. group_id, kind: where the row belongs; bound, not stored. The nonce is
    zero because the salt makes the key single-use.
    """
    salt = rng(SALT_BYTES)
    return salt + _cipher(key, salt).encrypt(_NONCE, data, _aad(group_id, kind))


def unseal(key: bytes, group_id: bytes, kind: str, data: bytes) -> bytes:
    """What `seal` was given; raises CryptoError for another key, place or damaged bytes."""
    try:
        return _cipher(key, data[:SALT_BYTES]).decrypt(_NONCE, data[SALT_BYTES:], _aad(group_id, kind))
    except (InvalidTag, ValueError) as error:
        raise CryptoError("sealed state") from error
