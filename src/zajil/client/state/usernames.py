"""The account's username, as its devices tell each other; one row of `meta`."""

from __future__ import annotations

import msgspec

from zajil.client.state.rows import encode_row, parse_row
from zajil.client.storage.store import Tx

_KEY = b"own-username"
_OLD_KEY = b"username"
"""The bare name, where a version before the devices told each other wrote it."""


class OwnUsername(msgspec.Struct, frozen=True):
    """name: as it is shown, None where it was given up. at: Unix ms of that; the latest counts."""

    name: str | None = None
    at: int = 0


def load_username(tx: Tx) -> OwnUsername:
    """What this device knows of it."""
    data = tx.find("meta", _KEY)
    if data is not None:
        return parse_row(data, OwnUsername)
    old = tx.find("meta", _OLD_KEY)
    return OwnUsername(old.decode() if old else None, 1 if old else 0)


def save_username(tx: Tx, known: OwnUsername) -> None:
    """Write it."""
    tx.put("meta", _KEY, encode_row(known))
