"""The keys of moderation's log: what signs its heads, names staff in it, and draws the samples that people judge blind.

Whoever steals the file can sign a second history, and tell which pseudonym is whose; whoever loses it can sign no more,
and nobody can tell a new log from a forged one. Mode 0600, beside the database; a copy belongs elsewhere.

File: JSON `{"version": 1, "log": "<64 hex digits>", "pseudonym": "<64>", "sample": "<64>"}`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from zajil.engine.files import write_once
from zajil.engine.keys import KeyFileError

FILE_NAME: Final = "moderation.key"
_KEY_BYTES: Final = 32


class _KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    log: str
    pseudonym: str
    sample: str


class ModerationKeys:
    """log: signs checkpoints. pseudonym, sample: 32 bytes each."""

    def __init__(self, *, log: bytes, pseudonym: bytes, sample: bytes) -> None:
        """log: 32-byte Ed25519 seed."""
        self.log = Ed25519PrivateKey.from_private_bytes(log)
        self.pseudonym = pseudonym
        self.sample = sample

    def mark(self) -> bytes:
        """8 bytes that tell these keys from all others without telling them."""
        held = self.log.private_bytes_raw() + self.pseudonym + self.sample
        return HKDFExpand(algorithm=SHA256(), length=32, info=b"zajil moderation mark v1").derive(held)[:8]

    @classmethod
    def load(cls, path: Path, *, create: bool = False) -> ModerationKeys:
        """The keys in this file; with `create`, a missing file is written first. Raises KeyFileError."""
        if create:
            write_once(path, _fresh_file)
        try:
            if path.stat().st_mode & 0o077:
                raise KeyFileError(f"{path.name} can be read by others; it must have mode 0600")
            content = msgspec.json.decode(path.read_bytes(), type=_KeyFile)
            found = [bytes.fromhex(text) for text in (content.log, content.pseudonym, content.sample)]
        except FileNotFoundError:
            raise KeyFileError(
                f"{path.name} is missing: the moderation log is signed with it; put back a copy"
            ) from None
        except (msgspec.MsgspecError, ValueError):
            raise KeyFileError(f"{path.name} is not a key file") from None
        if {*map(len, found)} != {_KEY_BYTES}:
            raise KeyFileError(f"{path.name} is not a key file")
        log, pseudonym, sample = found
        return cls(log=log, pseudonym=pseudonym, sample=sample)


def _fresh_file() -> bytes:
    log, pseudonym, sample = (os.urandom(_KEY_BYTES).hex() for _ in range(3))
    content = _KeyFile(version=1, log=log, pseudonym=pseudonym, sample=sample)
    return msgspec.json.format(msgspec.json.encode(content), indent=2) + b"\n"
