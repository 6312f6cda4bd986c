"""How the person arranged each chat, as rows: by group id, so that what is told of a chat may come before it."""

from __future__ import annotations

from typing import Final

import msgspec

from zajil.client.state import rows
from zajil.client.storage.store import Tx
from zajil.protocol.chat.arranging import Arrangement, Register, encode_draft, read_registers

_ROW: Final = b"arranged "
_TOLD: Final = b"drafts-told"
NO_DRAFT: Final = encode_draft(None)


class Arranged(msgspec.Struct, frozen=True):
    """The settings of one chat. due: Unix ms from which the draft is to be told, 0 = nothing is to be told.

    told: the draft as our other devices have it; None where none was ever told.
    """

    registers: dict[int, Register] = {}
    due: int = 0
    told: Register | None = None

    def is_shared(self) -> bool:
        """Whether our other devices hold a draft here."""
        return self.told is not None and self.told.value != NO_DRAFT

    def read(self) -> Arrangement:
        """What they say."""
        return read_registers(self.registers)


def load_arranged(tx: Tx, gid: bytes) -> Arranged:
    """The settings of a chat."""
    data = tx.find("meta", _ROW + gid)
    return Arranged() if data is None else rows.parse_row(data, Arranged)


def save_arranged(tx: Tx, gid: bytes, arranged: Arranged) -> Arranged:
    """Write them and return them."""
    tx.put("meta", _ROW + gid, rows.encode_row(arranged))
    return arranged


def load_drafts_told(tx: Tx) -> int:
    """When this device last told drafts, Unix ms."""
    data = tx.find("meta", _TOLD)
    return 0 if data is None else int.from_bytes(data, "big")


def save_drafts_told(tx: Tx, at: int) -> None:
    """Write it."""
    tx.put("meta", _TOLD, at.to_bytes(8, "big"))
