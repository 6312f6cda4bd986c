"""What passes through the references of strangers: so much, then nothing, and whoever sends cannot tell.

Counted for each reference by the hash that also denies it, in the transaction that fans out: no race lets two messages
through. Limits: `protocol/contacts/requests.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from zajil.engine.sql.interface import KIND_APPLICATION, KIND_COMMIT, KIND_WELCOME
from zajil.engine.sql.queues import Sql
from zajil.protocol.contacts.requests import HANDSHAKE_BYTES, HANDSHAKES, MESSAGE_BYTES, MESSAGES


def refuse(sql: Sql, keys: Sequence[bytes], *, kind: int | None, size: int, day: int) -> list[bytes]:
    """Those of these references that this body does not pass through; it is counted for the others.

    keys: SHA-256 of mailbox and serial. kind: None for what is never stored, which strangers may not send. Two
    statements, one where nothing passes.
    """
    if kind not in (KIND_COMMIT, KIND_WELCOME, KIND_APPLICATION) or (kind == KIND_APPLICATION and size > MESSAGE_BYTES):
        return list(keys)
    marks = ",".join("?" * len(keys))
    found = sql.run(
        f"SELECT hash, handshakes, bytes, messages FROM ref_use WHERE hash IN ({marks})",  # noqa: S608  # placeholders
        tuple(keys),
    ).fetchall()
    used = {bytes(key): (handshakes, octets, messages) for key, handshakes, octets, messages in found}
    refused, rows = [], []
    for key in keys:
        handshakes, octets, messages = used.get(key, (0, 0, 0))
        if kind == KIND_APPLICATION:
            messages += 1
        else:
            handshakes, octets = handshakes + 1, octets + size
        if handshakes > HANDSHAKES or octets > HANDSHAKE_BYTES or messages > MESSAGES:
            refused.append(key)
        else:
            rows.append((key, day, handshakes, octets, messages))
    if rows:
        sql.run_many(
            "INSERT INTO ref_use (hash, day, handshakes, bytes, messages) VALUES (?, ?, ?, ?, ?) ON CONFLICT (hash)"
            " DO UPDATE SET day = excluded.day, handshakes = excluded.handshakes, bytes = excluded.bytes,"
            " messages = excluded.messages",
            rows,
        )
    return refused
