"""What this device still has to tell the server about who reaches it."""

from __future__ import annotations

import msgspec

from zajil.client.state.rows import encode_row, parse_row
from zajil.client.storage.store import Tx

_KEY = b"doors"


class Doors(msgspec.Struct, frozen=True):
    """deny, allow: serials of references that are to lead nowhere, or here again. token_due: the profile token is new.

    token_at: Unix ms at which the account's profile token was last changed; of two devices' tokens the later counts.
    """

    deny: tuple[bytes, ...] = ()
    allow: tuple[bytes, ...] = ()
    token_due: bool = False
    token_at: int = 0


def load_doors(tx: Tx) -> Doors:
    """What is left to tell."""
    data = tx.find("meta", _KEY)
    return Doors() if data is None else parse_row(data, Doors)


def change_doors(tx: Tx, **fields: object) -> Doors:
    """Write some of it; the new value."""
    doors = msgspec.structs.replace(load_doors(tx), **fields)
    tx.put("meta", _KEY, encode_row(doors))
    return doors


def deny(tx: Tx, via: bytes) -> None:
    """Nothing is to come through the reference of this serial any more; none without a serial."""
    doors = load_doors(tx)
    if via and via not in doors.deny:
        change_doors(tx, deny=(*doors.deny, via), allow=tuple(one for one in doors.allow if one != via))


def allow(tx: Tx, via: bytes) -> None:
    """The reference of this serial is to lead here again."""
    doors = load_doors(tx)
    if via and via not in doors.allow:
        change_doors(tx, allow=(*doors.allow, via), deny=tuple(one for one in doors.deny if one != via))
