"""What passes through the references of strangers: so much, then nothing, and whoever sends cannot tell.

Counted for each reference by the hash that also denies it, in the transaction that fans out: no race lets two messages
through. Limits: `protocol/contacts/requests.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zajil.engine.sql.interface import KIND_APPLICATION, KIND_COMMIT, KIND_WELCOME
from zajil.protocol.contacts.requests import HANDSHAKE_BYTES, HANDSHAKES, MESSAGE_BYTES, MESSAGES

Counts = tuple[int, int, int]
"""What passed so far: handshakes, their bytes, messages."""


def may_pass(kind: int | None, size: int) -> bool:
    """Whether such a body passes through any stranger's reference. kind: None for what is never stored."""
    return kind in (KIND_COMMIT, KIND_WELCOME) or (kind == KIND_APPLICATION and size <= MESSAGE_BYTES)


def weigh(
    used: Mapping[bytes, Counts], keys: Sequence[bytes], *, kind: int | None, size: int
) -> tuple[list[bytes], dict[bytes, Counts]]:
    """Which of these references a body that `may_pass` does not pass through, and the counts of the others with it."""
    refused: list[bytes] = []
    counted: dict[bytes, Counts] = {}
    for key in keys:
        handshakes, octets, messages = used.get(key, (0, 0, 0))
        if kind == KIND_APPLICATION:
            messages += 1
        else:
            handshakes, octets = handshakes + 1, octets + size
        if handshakes > HANDSHAKES or octets > HANDSHAKE_BYTES or messages > MESSAGES:
            refused.append(key)
        else:
            counted[key] = handshakes, octets, messages
    return refused, counted
