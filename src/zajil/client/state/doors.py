"""What this device still has to tell the server about who reaches it."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from zajil.client.state.rows import encode_row, parse_row
from zajil.client.storage.store import Tx
from zajil.protocol.limits import OWN_LINKS

_KEY = b"doors"


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


def note_links(tx: Tx, told: Iterable[Link], *, now_s: int) -> None:
    """These links of ours admit so many at most; one that ended stays so. Those that expired are forgotten.

    What the server is to be told, it is told all the same: its list may be from before it was.
    """
    links = {one.hash: one for one in load_doors(tx).links}
    for one in told:
        held = links.pop(one.hash, one)  # put back at the end: it is the newest now
        links[one.hash] = Link(one.hash, min(held.uses, one.uses), max(held.expires, one.expires), held.due)
    change_doors(tx, links=_fitting([one for one in links.values() if one.expires > now_s]))


def _fitting(links: list[Link]) -> tuple[Link, ...]:
    """As many as an account has, by the server's rule: of those that admit nobody the first to end go.

    A server may list any number; of those that admit somebody the first to end go then, of equal ones the oldest.
    """
    going = sorted(links, key=lambda one: (one.uses > 0, one.expires))[: max(0, len(links) - OWN_LINKS)]
    gone = {one.hash for one in going}
    return tuple(one for one in links if one.hash not in gone)


def bring_links(tx: Tx, *, now_s: int) -> None:
    """The server is to be told of every link that has not expired, those that ended among them."""
    links = tuple(msgspec.structs.replace(one, due=True) for one in load_doors(tx).links if one.expires > now_s)
    change_doors(tx, links=links)
