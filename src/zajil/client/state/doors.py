"""What this device still has to tell the server about who reaches it."""

from __future__ import annotations

from typing import Final

import msgspec

from zajil.client.state.rows import encode_row, parse_row
from zajil.client.storage.store import Tx

_KEY = b"doors"
LINKS_MAX: Final = 400
"""The newest: a server may list any number of them."""


class Link(msgspec.Struct, frozen=True, array_like=True):
    """A link of this account that this device made, ended, or saw in the server's list.

    hash: SHA-256 of its token. uses: the fewest it heard of, 0 once it was ended. expires: Unix seconds.
    due: the server, which came back from a backup, is to be told.
    """

    hash: bytes
    uses: int
    expires: int
    due: bool = False


class Doors(msgspec.Struct, frozen=True):
    """deny, allow: serials of references that are to lead nowhere, or here again. token_due: the profile token is new.

    token_at: Unix ms at which the account's profile token was last changed; of two devices' tokens the later counts.
    links: those that have not expired, the oldest first.
    """

    deny: tuple[bytes, ...] = ()
    allow: tuple[bytes, ...] = ()
    token_due: bool = False
    token_at: int = 0
    links: tuple[Link, ...] = ()


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


def note_link(tx: Tx, token_hash: bytes, *, uses: int, expires: int, now_s: int) -> None:
    """This link of ours admits so many at most; one that ended stays so. Those that expired are forgotten.

    What the server is to be told, it is told all the same: its list may be from before it was.
    """
    links, due = load_doors(tx).links, False
    for held in links:
        if held.hash == token_hash:
            uses, expires, due = min(held.uses, uses), max(held.expires, expires), held.due
    others = tuple(one for one in links if one.hash != token_hash and one.expires > now_s)
    change_doors(tx, links=(*others, Link(token_hash, uses, expires, due))[-LINKS_MAX:])


def bring_links(tx: Tx, *, now_s: int) -> None:
    """The server is to be told of every link that has not expired, those that ended among them."""
    links = tuple(msgspec.structs.replace(one, due=True) for one in load_doors(tx).links if one.expires > now_s)
    change_doors(tx, links=links)
