"""The key of a member of staff on this machine, sealed under a passphrase, and the session that it opened.

    staff/key.json      Ed25519 seed, AES-256-GCM under Argon2id(passphrase, salt); server, origin and key id in clear
    staff/session.json  the bearer of the newest login, for as long as the server takes it (8 h, 30 min idle)

Both have mode 0600. The bearer lies there because every command is a process of its own; what is severe asks for the
passphrase again, so whoever finds the file can look, but neither block nor suspend. Source: RFC 9106 (Argon2).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Final

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from msgspec import Meta

from zajil.protocol.review.staff import key_id_of

FOLDER: Final = "staff"
KEY_FILE: Final = "key.json"
SESSION_FILE: Final = "session.json"
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 12
PASSPHRASE_CHARACTERS: Final = 8
"""Shortest passphrase that is taken."""


class Cost(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What trying one passphrase costs. RFC 9106's second recommendation: 64 MiB, three passes, four lanes."""

    memory_kib: Annotated[int, Meta(ge=64, le=1 << 21)] = 65_536
    passes: Annotated[int, Meta(ge=1, le=32)] = 3
    lanes: Annotated[int, Meta(ge=1, le=16)] = 4


COST: Final = Cost()
"""What new keys are sealed at."""


class KeyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`key.json`. origin: the server's name, which logins are signed for. sealed: nonce and ciphertext."""

    server: str
    origin: str
    public: bytes
    salt: bytes
    sealed: bytes
    cost: Cost = COST

    @property
    def key_id(self) -> bytes:
        """16 bytes."""
        return key_id_of(self.public)


class SessionFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`session.json`. expires: Unix seconds."""

    token: bytes
    expires: int


class WrongPassphrase(Exception):
    """The passphrase does not open the key."""


class NoStaffKey(Exception):
    """There is no key, or none that can be read, in this home."""


def make_key(
    passphrase: str, *, server: str, origin: str, random: Callable[[int], bytes] = os.urandom, cost: Cost | None = None
) -> tuple[Ed25519PrivateKey, KeyFile]:
    """A new key, and its file."""
    key = Ed25519PrivateKey.generate()
    public = key.public_key().public_bytes_raw()
    salt, nonce, price = random(SALT_BYTES), random(NONCE_BYTES), cost or COST
    sealed = AESGCM(_derive(passphrase, salt, price)).encrypt(nonce, key.private_bytes_raw(), public)
    return key, KeyFile(server, origin, public, salt, nonce + sealed, price)


def open_key(file: KeyFile, passphrase: str) -> Ed25519PrivateKey:
    """The key of this file. Raises WrongPassphrase."""
    cipher = AESGCM(_derive(passphrase, file.salt, file.cost))
    try:
        seed = cipher.decrypt(file.sealed[:NONCE_BYTES], file.sealed[NONCE_BYTES:], file.public)
    except InvalidTag:
        raise WrongPassphrase from None
    return Ed25519PrivateKey.from_private_bytes(seed)


def read_key(home: Path) -> KeyFile:
    """The key file of this home. Raises NoStaffKey."""
    try:
        return msgspec.json.decode((home / FOLDER / KEY_FILE).read_bytes(), type=KeyFile)
    except (FileNotFoundError, msgspec.MsgspecError):
        raise NoStaffKey from None


def has_key(home: Path) -> bool:
    """Whether this home holds a key already."""
    return (home / FOLDER / KEY_FILE).exists()


def write_key(home: Path, file: KeyFile) -> None:
    """Store a key file where none is. Raises FileExistsError."""
    _write(home, KEY_FILE, msgspec.json.encode(file), os.O_EXCL)


def read_session(home: Path) -> SessionFile | None:
    """The session of the newest login, if there is one."""
    try:
        return msgspec.json.decode((home / FOLDER / SESSION_FILE).read_bytes(), type=SessionFile)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None


def write_session(home: Path, file: SessionFile) -> None:
    """Store the session of a login."""
    _write(home, SESSION_FILE, msgspec.json.encode(file), os.O_TRUNC)


def drop_session(home: Path) -> None:
    """Nobody is logged in here any more."""
    (home / FOLDER / SESSION_FILE).unlink(missing_ok=True)


def _write(home: Path, name: str, data: bytes, flag: int) -> None:
    folder = home / FOLDER
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(folder / name, os.O_WRONLY | os.O_CREAT | flag, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _derive(passphrase: str, salt: bytes, cost: Cost) -> bytes:
    return Argon2id(salt=salt, length=32, iterations=cost.passes, lanes=cost.lanes, memory_cost=cost.memory_kib).derive(
        passphrase.encode()
    )
