"""The file `keys` (mode 0600): sealing key, device key, account seed, start counter.

It protects nothing from one who copies the whole home; it keeps the database alone unreadable, and its start
counter tells a database that was put back from an older copy (`StateRolledBack`, mls.md 7.10).
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import msgspec

from zajil.protocol.errors import error

FILE = "keys"
UNFINISHED = f"{FILE}.*.new"
"""Of the files in which keys stand until they are written whole; a kill leaves one there."""
RESTORING = "keys.restoring"
"""Keys of a device that is about to be listed: a restore that is cut off after that goes on as the same device."""
VERSION = 1


class Keys(msgspec.Struct, frozen=True):
    """Secrets of one device.

    store_key: 32 bytes, seals every database value. device_seed: 32 bytes, Ed25519 private key of the leaf.
    account_seed: 32 bytes, Ed25519 private key of the account. starts: how often a receiving process began.
    """

    version: int
    store_key: bytes
    device_seed: bytes
    account_seed: bytes
    starts: int

    def __repr__(self) -> str:
        return "Keys(...)"


def make_keys(rng: Callable[[int], bytes], *, account_seed: bytes | None = None) -> Keys:
    """Fresh keys; account_seed is given when an existing account is joined by device linking."""
    return Keys(VERSION, rng(32), rng(32), account_seed if account_seed is not None else rng(32), 0)


def make_folder(home: Path) -> None:
    """`home`, and whatever is missing above it, for this person alone (0700)."""
    for folder in reversed([home, *home.parents]):
        folder.mkdir(mode=0o700, exist_ok=True)


def has_keys(home: Path) -> bool:
    """Whether `home` holds a device already."""
    return (home / FILE).exists()


def read_keys(home: Path, name: str = FILE) -> Keys:
    """The keys of `home`. Raises `no-home` when there is none, `home-damaged` when the file does not parse."""
    try:
        data = (home / name).read_bytes()
    except FileNotFoundError:
        raise error("no-home") from None
    try:
        keys = msgspec.msgpack.decode(data, type=Keys)
    except msgspec.MsgspecError:
        raise error("home-damaged") from None
    if keys.version != VERSION or len(keys.store_key) != 32 or len(keys.device_seed) != 32:
        raise error("home-damaged")
    return keys


def write_keys(home: Path, keys: Keys, name: str = FILE) -> None:
    """Replace the file atomically and durably: a crash leaves the old or the new one, never a part."""
    make_folder(home)
    temporary = home / f"{FILE}.{os.getpid()}.new"
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.msgpack.encode(keys))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(home / name)
    directory = os.open(home, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
