"""The moderators' key: whoever runs the server stores reports, and only whoever holds the private half reads them.

Two files with mode 0600 in the data directory, JSON `{"version": 1, "keys": {"<id>": "<64 hex digits>"}}`:
`moderators.pub`, which every server needs, and `moderators.key`, which belongs on the machine where moderators work;
where that is another one, move it there: the server goes on sealing. The highest id seals; all ids open.

Sealed = `key id u8 || HPKE (RFC 9180, base mode, DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM)`; what is sealed
is padded, so that the size tells little of the text.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite

from zajil.engine.files import write_once
from zajil.engine.keys import KeyFileError, SealBroken

PUBLIC_FILE: Final = "moderators.pub"
PRIVATE_FILE: Final = "moderators.key"
_SUITE: Final = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_INFO: Final = b"zajil report v1\0"
_PAD_FROM: Final = 1024


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    keys: dict[int, str]


class ModeratorKeys:
    """Seals with the public half; opens where the private one is here."""

    def __init__(self, *, public: Mapping[int, bytes], private: Mapping[int, bytes]) -> None:
        """public, private: 32-byte X25519 keys by id 0..255. private: empty where moderators work elsewhere."""
        self._public = {number: X25519PublicKey.from_public_bytes(key) for number, key in public.items()}
        self._private = {number: X25519PrivateKey.from_private_bytes(key) for number, key in private.items()}
        self._newest = max(self._public)

    @classmethod
    def load(cls, data: Path, *, create: bool) -> ModeratorKeys:
        """The keys in this data directory. create: make both where neither is there. Raises KeyFileError.

        A public file that is missing beside a private one is made from it.
        """
        public, private = data / PUBLIC_FILE, data / PRIVATE_FILE
        if create and not public.exists():
            fresh = {1: X25519PrivateKey.generate().private_bytes_raw()}
            write_once(private, lambda: _encode(fresh))
        if private.exists():
            held = _load(private)
            write_once(public, lambda: _encode(_halves(held)))
            return cls(public=_load(public), private=held)
        if not public.exists():
            raise KeyFileError(f"{PUBLIC_FILE} is missing: reports could not be sealed to the moderators")
        return cls(public=_load(public), private={})

    @property
    def opens(self) -> bool:
        """Whether reports can be read here."""
        return bool(self._private)

    def seal(self, plaintext: bytes, *, context: bytes) -> bytes:
        """`key id || HPKE` of the padded plaintext. context: the row's identity; it opens in its own row only."""
        size = _PAD_FROM
        while size < len(plaintext) + 4:
            size *= 2
        padded = len(plaintext).to_bytes(4, "big") + plaintext
        sealed = _SUITE.encrypt(padded.ljust(size, b"\0"), self._public[self._newest], info=_INFO + context)
        return bytes([self._newest]) + sealed

    def open(self, sealed: bytes, *, context: bytes) -> bytes:
        """What `seal` took. Raises SealBroken, also where the private key is not here."""
        key = self._private.get(sealed[0]) if sealed else None
        if key is None:
            raise SealBroken
        try:
            padded = _SUITE.decrypt(sealed[1:], key, info=_INFO + context)
        except (InvalidTag, ValueError):
            raise SealBroken from None
        return padded[4 : 4 + int.from_bytes(padded[:4], "big")]


def _halves(private: Mapping[int, bytes]) -> dict[int, bytes]:
    public = (X25519PrivateKey.from_private_bytes(key).public_key() for key in private.values())
    return {number: key.public_bytes_raw() for number, key in zip(private, public, strict=True)}


def _encode(keys: Mapping[int, bytes]) -> bytes:
    content = _KeyFile(version=1, keys={number: key.hex() for number, key in keys.items()})
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"


def _load(path: Path) -> dict[int, bytes]:
    if path.stat().st_mode & 0o077:
        raise KeyFileError(f"{path.name} can be read by others; it must have mode 0600")
    try:
        keys = msgspec.json.decode(path.read_bytes(), type=_KeyFile).keys
        parsed = {number: bytes.fromhex(text) for number, text in keys.items()}
    except (msgspec.MsgspecError, ValueError):
        raise KeyFileError(f"{path.name} is not a key file") from None
    if not parsed or any(len(key) != 32 or not 0 <= number <= 255 for number, key in parsed.items()):
        raise KeyFileError(f"{path.name} is not a key file")
    return parsed
