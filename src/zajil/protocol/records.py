"""Records: the units on a carrier, of a few fixed sizes, so that lengths say little.

record = u32 length || frame || zeros, up to 256, 1024, 4096, 16384 or 65536 bytes.
"""

from __future__ import annotations

from bisect import bisect_left

from zajil.protocol.errors import error
from zajil.protocol.limits import FRAME_BYTES, RECORD_SIZES


def pad(frame: bytes, *, at_least: int = 0) -> bytes:
    """The smallest record that holds the frame.

    at_least: bytes; a larger size of the table for echo frames. Raises LocalProtocolError over 65,532 bytes.
    """
    length = len(frame)
    needed = max(length + 4, at_least)
    if length > FRAME_BYTES or needed > RECORD_SIZES[-1]:
        raise error("wrong-call", "frame beyond a record")
    size = RECORD_SIZES[bisect_left(RECORD_SIZES, needed)]
    return (length.to_bytes(4, "big") + frame).ljust(size, b"\x00")


def unpad(record: bytes) -> bytes:
    """The frame of one record. Raises Malformed for another size, a length beyond it, or padding that is not zero."""
    size, end = len(record), 4 + int.from_bytes(record[:4], "big")
    if size not in RECORD_SIZES or end > size:
        raise error("malformed", "record size or length")
    if not record.endswith(bytes(size - end)):
        raise error("malformed", "record padding")
    return record[4:end]
