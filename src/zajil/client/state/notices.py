"""Lines of a chat that are no messages: new devices, who came or went, who set the timer. Kept on this device alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, TypeAlias

import msgspec

from zajil.client.state import rows
from zajil.client.storage.store import Tx

NoticeCode: TypeAlias = Literal[
    "device-added",
    "device-replaced",
    "left",
    "added",
    "removed",
    "renamed",
    "named",
    "timer",
    "write-admins",
    "write-members",
    "rules",
    "link-made",
    "link-ended",
    "asked",
    "repaired",
    "grown",
    "resealed",
    "overtaken",
    "overheard",
    "refused-welcome",
    "role-owner",
    "role-admin",
    "role-member",
]
KEPT: Final = 200
"""The newest of each chat."""
_LASTING: Final = ("device-added", "device-replaced")
"""These go last: they warn, and who comes and goes by a link must not crowd them out."""
_ROW: Final = b"notices"


class Notice(msgspec.Struct, frozen=True, array_like=True):
    """One line. account: whom it is about. at: Unix milliseconds, of the change. seconds: the new timer, 0 = off.

    whom: of the codes for roles, whose role `account` changed; of `added` and `removed`, who came in or was put out.
    was, became: of `named`, the names that `account` had before and has since.
    """

    code: NoticeCode
    account: bytes
    at: int
    seconds: int = 0
    whom: bytes = b""
    was: str = ""
    became: str = ""


class Notices(msgspec.Struct, frozen=True):
    """The row of `meta` of one chat, oldest first."""

    lines: tuple[Notice, ...] = ()


def row_name(gid: bytes) -> bytes:
    """Where the lines of a chat stand in `meta`."""
    return _ROW + gid


def load_notices(tx: Tx, gid: bytes) -> tuple[Notice, ...]:
    """The lines of a chat, oldest first."""
    data = tx.find("meta", row_name(gid))
    return () if data is None else rows.parse_row(data, Notices).lines


def replace_notice(tx: Tx, gid: bytes, line: Notice, *, by: Notice) -> None:
    """Write another line in the place of one that the chat has."""
    held = tuple(by if one == line else one for one in load_notices(tx, gid))
    tx.put("meta", row_name(gid), rows.encode_row(Notices(held)))


def add_notices(tx: Tx, gid: bytes, lines: Iterable[Notice]) -> None:
    """Add lines at the end of a chat; nothing is written where there is none."""
    fresh = tuple(lines)
    if fresh:
        held = (*load_notices(tx, gid), *fresh)
        order = sorted(range(len(held)), key=lambda n: (held[n].code in _LASTING, n))
        going = frozenset(order[: max(0, len(held) - KEPT)])
        kept = tuple(line for n, line in enumerate(held) if n not in going)
        tx.put("meta", row_name(gid), rows.encode_row(Notices(kept)))
