"""The log as one file: what `zajil moderation log verify` reads.

    b"zajil audit log v1\\n", then records of kind (1 byte: E entry, C checkpoint), length (u32, big endian) and bytes,
    entries in their order, each checkpoint after the last entry it covers.

Nothing in a file says whose it is or with which key to check it: that comes from elsewhere.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from zajil.moderation.audit.entries import ENTRY_BYTES
from zajil.protocol.errors import error
from zajil.protocol.tlog.checkpoint import NOTE_BYTES

MAGIC: Final = b"zajil audit log v1\n"
_HEAD: Final = struct.Struct(">cI")
_LIMITS: Final = {b"E": ENTRY_BYTES, b"C": NOTE_BYTES}


class Export(NamedTuple):
    """The parts of a file, nothing verified."""

    entries: tuple[bytes, ...]
    notes: tuple[bytes, ...]


def encode_export(entries: Iterable[bytes], checkpoints: Sequence[tuple[int, bytes]]) -> Iterator[bytes]:
    """The file, piece by piece. checkpoints: size and note, oldest first."""
    yield MAGIC
    waiting = list(checkpoints)
    for count, entry in enumerate(entries):
        while waiting and waiting[0][0] <= count:
            yield _frame(b"C", waiting.pop(0)[1])
        yield _frame(b"E", entry)
    for _, note in waiting:
        yield _frame(b"C", note)


def parse_export(data: bytes) -> Export:
    """The parts of a whole file. Raises Malformed for a cut or foreign one."""
    if not data.startswith(MAGIC):
        raise error("malformed", "not an audit log")
    found: dict[bytes, list[bytes]] = {b"E": [], b"C": []}
    at = len(MAGIC)
    while at < len(data):
        if at + _HEAD.size > len(data):
            raise error("malformed", "audit log ends early")
        kind, size = _HEAD.unpack_from(data, at)
        at += _HEAD.size
        if kind not in found or size > _LIMITS[kind] or at + size > len(data):
            raise error("malformed", "audit log ends early, or holds something else")
        found[kind].append(data[at : at + size])
        at += size
    return Export(tuple(found[b"E"]), tuple(found[b"C"]))


def _frame(kind: bytes, data: bytes) -> bytes:
    return _HEAD.pack(kind, len(data)) + data
