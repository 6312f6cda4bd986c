"""The private halves of the moderators' keys at rest: one file, sealed under a passphrase of those who read reports.

File: JSON `{"version": 2, "cost": {...}, "salt": base64, "sealed": base64}`, mode 0600. sealed = nonce 12 ||
AES-256-GCM(Argon2id(passphrase, salt), `{"<id>": "<64 hex digits>"}`), bound to version, cost and salt. A wrong
passphrase and a damaged file look alike. Source: RFC 9106 section 4, second recommendation.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from msgspec import Meta

PASSPHRASE_CHARACTERS: Final = 12
"""Shortest passphrase that is taken: whoever has the disk tries as many as they can pay for."""
_VERSION: Final = 2
_SALT_BYTES: Final = 16
_NONCE_BYTES: Final = 12


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What trying one passphrase costs: 64 MiB, three passes, four lanes."""

    memory_kib: Annotated[int, Meta(ge=64, le=1 << 20)] = 65_536
    passes: Annotated[int, Meta(ge=1, le=32)] = 3
    lanes: Annotated[int, Meta(ge=1, le=16)] = 4


COST: Final = Cost()


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    cost: Cost
    salt: bytes
    sealed: bytes


class WrongPassphrase(Exception):
    """The passphrase does not open the file, or the file is damaged."""


def seal_keys(
    keys: Mapping[int, bytes], passphrase: str, *, cost: Cost = COST, random: Callable[[int], bytes] = os.urandom
) -> bytes:
    """The file of these keys, 32 bytes each by id. Takes as long as one try of a passphrase."""
    salt, nonce = random(_SALT_BYTES), random(_NONCE_BYTES)
    plain = msgspec.json.encode({number: key.hex() for number, key in keys.items()})
    sealed = nonce + AESGCM(_derive(passphrase, salt, cost)).encrypt(nonce, plain, _bound(salt, cost))
    content = _File(_VERSION, cost, salt, sealed)
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def open_keys(file: bytes, passphrase: str) -> dict[int, bytes]:
    """The keys of a file by id. Raises WrongPassphrase; ValueError for what is no such file."""
    content = msgspec.json.decode(file, type=_File)
    if content.version != _VERSION:
        raise ValueError("version")
    cipher = AESGCM(_derive(passphrase, content.salt, content.cost))
    nonce, sealed = content.sealed[:_NONCE_BYTES], content.sealed[_NONCE_BYTES:]
    try:
        plain = cipher.decrypt(nonce, sealed, _bound(content.salt, content.cost))
    except InvalidTag:
        raise WrongPassphrase from None
    return {number: bytes.fromhex(text) for number, text in msgspec.json.decode(plain, type=dict[int, str]).items()}


def _bound(salt: bytes, cost: Cost) -> bytes:
    return b"zajil moderators' keys v2\0" + salt + msgspec.json.encode(cost)


def _derive(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    kdf = Argon2id(salt=salt, length=32, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib)
    return kdf.derive(passphrase.encode())
