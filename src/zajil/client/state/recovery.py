"""What a device keeps of its recovery key, and the moves between the states of one.

none -> shown -> confirmed -> rotated -> confirmed: a key is *shown* once it was made, *confirmed* once the person typed
it back, and *rotated* where a new one took its place and was not typed back yet. The backup is kept from *shown* on: a
person who wrote the key down and never confirmed loses nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from zajil.client.state.rows import encode_row, parse_row
from zajil.client.storage.store import Tx
from zajil.protocol.errors import error

RecoveryState: TypeAlias = Literal["none", "shown", "confirmed", "rotated"]
RecoveryMove: TypeAlias = Literal["show", "confirm", "rotate"]
MOVES: Final[Mapping[tuple[RecoveryState, RecoveryMove], RecoveryState]] = {
    ("none", "show"): "shown",
    ("shown", "show"): "shown",
    ("shown", "confirm"): "confirmed",
    ("shown", "rotate"): "rotated",
    ("confirmed", "show"): "confirmed",
    ("confirmed", "confirm"): "confirmed",
    ("confirmed", "rotate"): "rotated",
    ("rotated", "show"): "rotated",
    ("rotated", "confirm"): "confirmed",
    ("rotated", "rotate"): "rotated",
}


class OldKey(msgspec.Struct, frozen=True, array_like=True):
    """A key that was replaced and whose backup is still to be deleted. version: of that backup."""

    key: bytes
    version: int


class Recovery(msgspec.Struct, frozen=True):
    """key: 20 bytes, empty before there is one. version: of the newest backup we know the server to hold.

    digest: of what that one holds, empty where none of this key is stored yet. stored_at: Unix ms. due: renew it
    although nothing changed, or the server forgets it. again_at: Unix ms from which it is due since the server went
    back, 0 where it did not. problem: error code of the last try, empty when it succeeded.
    """

    key: bytes = b""
    state: RecoveryState = "none"
    version: int = 0
    digest: bytes = b""
    stored_at: int = 0
    due: bool = False
    problem: str = ""
    again_at: int = 0
    old: tuple[OldKey, ...] = ()

    def __repr__(self) -> str:
        return f"Recovery({self.state})"


def next_state(state: RecoveryState, move: RecoveryMove) -> RecoveryState:
    """Where a move leads. Raises HomeError `no-recovery-key` for one that needs a key where there is none."""
    after = MOVES.get((state, move))
    if after is None:
        raise error("no-recovery-key")
    return after


def load_recovery(tx: Tx) -> Recovery:
    """What is kept."""
    data = tx.find("meta", b"recovery")
    return Recovery() if data is None else parse_row(data, Recovery)


def save_recovery(tx: Tx, recovery: Recovery) -> Recovery:
    """Write it and return it."""
    tx.put("meta", b"recovery", encode_row(recovery))
    return recovery


def change_recovery(tx: Tx, **fields: object) -> Recovery:
    """Write some fields of it; the new value."""
    return save_recovery(tx, msgspec.structs.replace(load_recovery(tx), **fields))
