"""The recovery key: what a person writes down, and the sealed backup that it opens.

Theory of operation. The key is 20 random bytes, spelled in Crockford's base32 as 8 groups of 4. HKDF-SHA-256 makes
three secrets of it: `locator` names a row at the server, `auth` signs what is written there, `enc` seals it. The row
has no account: the server sees an unguessable name, a public key that belongs to nothing else, a version and a blob of
padded size. `docs/protocol/recovery.md` is the format; `vectors/service/recovery.json` has examples.

Source: service.md 2, Recovery key. HKDF: RFC 5869, salt `zajil recovery v1`, info the secret's name in ASCII.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zajil.protocol import cbor
from zajil.protocol.attachments import padme
from zajil.protocol.codes import CROCKFORD, plain_code
from zajil.protocol.errors import error
from zajil.protocol.identity import objects
from zajil.protocol.identity.objects import Kind
from zajil.protocol.limits import BACKUP_BYTES, BACKUP_LEAST_BYTES

KEY_BYTES: Final = 20
LOCATOR_BYTES: Final = 16
_SALT: Final = b"zajil recovery v1"
_GROUP: Final = 4
_NONCE_BYTES, _LENGTH_BYTES, _TAG_BYTES = 12, 4, 16
_DELETED: Final = b""
"""What stands for the blob in the signature of a deletion; no blob is that short."""


@dataclass(frozen=True, slots=True)
class RecoverySecrets:
    """What a recovery key makes. locator: 16 bytes. auth: Ed25519 seed, enc: AES-256 key, 32 bytes each."""

    locator: bytes = field(repr=False)
    auth: bytes = field(repr=False)
    enc: bytes = field(repr=False)

    @property
    def auth_pub(self) -> bytes:
        """32 bytes: the public key that the first write pins."""
        return _signer(self).public_key().public_bytes_raw()


def spell_key(key: bytes) -> str:
    """8 groups of 4, with dashes between them. key: 20 bytes."""
    if len(key) != KEY_BYTES:
        raise error("wrong-call", "recovery key of 20 bytes")
    number = int.from_bytes(key, "big")
    text = "".join(CROCKFORD[number >> shift & 31] for shift in range(8 * KEY_BYTES - 5, -5, -5))
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def parse_key(text: str) -> bytes:
    """The 20 bytes of a key as a person typed it, in whatever case, with I and L for 1, O for 0, any dashes or spaces.

    Raises HomeError `bad-recovery-key`.
    """
    plain = plain_code(" ".join(text.split()))
    digits = [CROCKFORD.find(chr(byte)) for byte in plain]
    if len(digits) != KEY_BYTES * 8 // 5 or -1 in digits:
        raise error("bad-recovery-key")
    number = 0
    for digit in digits:
        number = number << 5 | digit
    return number.to_bytes(KEY_BYTES, "big")


def derive_secrets(key: bytes) -> RecoverySecrets:
    """The secrets of a key of 20 bytes."""
    if len(key) != KEY_BYTES:
        raise error("wrong-call", "recovery key of 20 bytes")

    def secret(name: bytes, size: int) -> bytes:
        return HKDF(algorithm=SHA256(), length=size, salt=_SALT, info=name).derive(key)

    return RecoverySecrets(secret(b"locator", LOCATOR_BYTES), secret(b"auth", 32), secret(b"enc", 32))


def seal_backup(secrets: RecoverySecrets, plain: bytes, *, version: int, nonce: bytes) -> bytes:
    """The blob of version `version` (u64): nonce 12 || AES-256-GCM(u32 length || plain || zeros), of padded size.

    nonce: 12 random bytes. Raises Malformed `too-big` where the blob would be longer than the server takes.
    """
    head = _NONCE_BYTES + _LENGTH_BYTES + _TAG_BYTES
    size = max(BACKUP_LEAST_BYTES, padme(head + len(plain)))
    if size > BACKUP_BYTES:
        raise error("too-big", "backup")
    if len(nonce) != _NONCE_BYTES:
        raise error("wrong-call", "nonce of 12 bytes")
    padded = len(plain).to_bytes(_LENGTH_BYTES, "big") + plain + bytes(size - head - len(plain))
    return nonce + AESGCM(secrets.enc).encrypt(nonce, padded, _aad(secrets, version))


def open_backup(secrets: RecoverySecrets, blob: bytes, *, version: int) -> bytes:
    """What `seal_backup` sealed. Raises HomeError `bad-backup` for anything else, also under another version."""
    try:
        nonce, sealed = blob[:_NONCE_BYTES], blob[_NONCE_BYTES:]
        padded = AESGCM(secrets.enc).decrypt(nonce, sealed, _aad(secrets, version))
    except (InvalidTag, ValueError):
        raise error("bad-backup") from None
    size = int.from_bytes(padded[:_LENGTH_BYTES], "big")
    plain, zeros = padded[_LENGTH_BYTES : _LENGTH_BYTES + size], padded[_LENGTH_BYTES + size :]
    if len(plain) != size or any(zeros):
        raise error("bad-backup")
    return plain


def sign_backup(secrets: RecoverySecrets, blob: bytes, *, version: int) -> bytes:
    """64 bytes that let the server write this blob as this version."""
    signed = objects.sign_object(Kind.BACKUP, _payload(secrets.locator, version, blob), _signer(secrets))
    return objects.parse_object(signed).sig


def sign_deletion(secrets: RecoverySecrets, *, version: int) -> bytes:
    """64 bytes that let the server delete what stands there up to this version."""
    return sign_backup(secrets, _DELETED, version=version)


def check_backup(locator: bytes, auth_pub: bytes, blob: bytes, *, version: int, sig: bytes) -> None:
    """The holder of auth_pub wrote this blob as this version. Raises Malformed `bad-signature`."""
    objects.open_object(Kind.BACKUP, cbor.encode([_payload(locator, version, blob), sig]), auth_pub)


def check_deletion(locator: bytes, auth_pub: bytes, *, version: int, sig: bytes) -> None:
    """The holder of auth_pub wants the row deleted. Raises Malformed `bad-signature`."""
    check_backup(locator, auth_pub, _DELETED, version=version, sig=sig)


def _signer(secrets: RecoverySecrets) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(secrets.auth)


def _payload(locator: bytes, version: int, blob: bytes) -> bytes:
    return cbor.encode({1: locator, 2: version, 3: hashlib.sha256(blob).digest()})


def _aad(secrets: RecoverySecrets, version: int) -> bytes:
    return secrets.locator + version.to_bytes(8, "big")
