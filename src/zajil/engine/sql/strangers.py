"""What passes through the references of strangers: so much, then nothing, and whoever sends cannot tell.

Counted for each reference by the hash that also denies it, in the transaction that fans out: no race lets two messages
through. Limits: `protocol/contacts/requests.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from zajil.engine.sql.interface import KIND_APPLICATION, KIND_COMMIT, KIND_WELCOME
from zajil.engine.sql.queues import Sql
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


def refuse(sql: Sql, keys: Sequence[bytes], *, kind: int | None, size: int, day: int) -> list[bytes]:
    """Those of these references that this body does not pass through; it is counted for the others.

    keys: SHA-256 of mailbox and serial. kind: None for what is never stored, which strangers may not send. Two
    statements, one where nothing passes.
    """
    if not may_pass(kind, size):
        return list(keys)
    marks = ",".join("?" * len(keys))
    found = sql.run(
        f"SELECT hash, handshakes, bytes, messages FROM ref_use WHERE hash IN ({marks})",  # noqa: S608  # placeholders
        tuple(keys),
    ).fetchall()
    used = {bytes(key): (handshakes, octets, messages) for key, handshakes, octets, messages in found}
    refused, counted = weigh(used, keys, kind=kind, size=size)
    rows = [(key, day, *counts) for key, counts in counted.items()]
    if rows:
        sql.run_many(
            "INSERT INTO ref_use (hash, day, handshakes, bytes, messages) VALUES (?, ?, ?, ?, ?) ON CONFLICT (hash)"
            " DO UPDATE SET day = excluded.day, handshakes = excluded.handshakes, bytes = excluded.bytes,"
            " messages = excluded.messages",
            rows,
        )
    return refused
