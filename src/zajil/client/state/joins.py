"""What waits on either side of a link into a group. One row of `meta`, so that a restart loses nothing of it."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

from zajil.client.state import rows
from zajil.client.storage.store import Tx

_ROW: Final = b"joins"
JoinState: TypeAlias = Literal["asked", "declined", "closed", "dropped"]


class Asked(msgspec.Struct, frozen=True):
    """We asked to be let into a group. title: by the word of the link. expires: Unix seconds. at: Unix ms.

    dm: the chat with the approver. closed: the link holds no more. dropped: too many waited.
    """

    gid: bytes
    invite_id: bytes
    approver: bytes
    title: str
    expires: int
    at: int
    dm: bytes
    state: JoinState = "asked"


class Waiting(msgspec.Struct, frozen=True):
    """Somebody asks us to be let in. name: their word. dm: where they asked. at: Unix ms.

    due: Unix ms at which this device adds them by itself, 0 = a person decides. accepted: an Add of them was queued.
    """

    gid: bytes
    invite_id: bytes
    account: bytes
    name: str
    dm: bytes
    at: int
    due: int = 0
    accepted: bool = False


class OwnLink(msgspec.Struct, frozen=True):
    """A link that this device made. token: 32 bytes, lets its readers reach us. expires: Unix seconds."""

    gid: bytes
    invite_id: bytes
    token: bytes
    expires: int
    title: str


class Declined(msgspec.Struct, frozen=True, array_like=True):
    """A request that was declined: this account does not get in by this link any more."""

    invite_id: bytes
    account: bytes


class Joins(msgspec.Struct, frozen=True):
    """Everything about links into groups, oldest first."""

    asked: tuple[Asked, ...] = ()
    waiting: tuple[Waiting, ...] = ()
    links: tuple[OwnLink, ...] = ()
    declined: tuple[Declined, ...] = ()


def load_joins(tx: Tx) -> Joins:
    """What is kept."""
    data = tx.find("meta", _ROW)
    return Joins() if data is None else rows.parse_row(data, Joins)


def change_joins(tx: Tx, **fields: object) -> Joins:
    """Write some fields of it; the new value."""
    changed = msgspec.structs.replace(load_joins(tx), **fields)
    tx.put("meta", _ROW, rows.encode_row(changed))
    return changed
