"""Edits of bytes as a fuzzer makes them, always the same for the same seed."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

TOKENS = (
    *(b"\0", b"\xff", b"\x7f\xff", b"\x80", b"\xc0\0", b"\xff" * 4, b"\xff" * 8, b"\x7f" + b"\xff" * 7),
    *(b"\x9b" + b"\xff" * 8, b"\xbb" + b"\xff" * 8, b"\x5b\0\0\0\0\xff\xff\xff\xff", b"\x9f", b"\xf6", b"\xfb"),
    *(
        b"[" * 2000,
        b"\x81" * 2000,
        b"{",
        b"null",
        b'"',
        b"\\u0000",
        b"-1",
        b"1e999",
        b"0" * 30,
        b"\r\n",
        b"=",
        b"%",
        b"\xd9\xa1",
    ),
)
"""Lengths at their ends, CBOR and MessagePack heads, pieces of JSON and text."""


def edits(seeds: Sequence[bytes], *, seed: int, count: int) -> Iterator[bytes]:
    """Copies with bits flipped, bytes overwritten, pieces repeated, cut out, put in or taken from another seed."""
    chance = random.Random(seed)
    for _ in range(count):
        changed = bytearray(chance.choice(seeds))
        for _ in range(chance.choice((1, 1, 1, 2, 4, 8))):
            place, length = chance.randrange(len(changed) + 1), chance.choice((1, 1, 2, 4, 8, 32))
            match chance.randrange(7):
                case 0 if changed:
                    changed[min(place, len(changed) - 1)] ^= 1 << chance.randrange(8)
                case 1:
                    changed[place : place + length] = chance.randbytes(length)
                case 2:
                    del changed[place : place + length]
                case 3:
                    changed[place:place] = changed[place : place + length]
                case 4:
                    changed[place : place + chance.choice((0, 1, length))] = chance.choice(TOKENS)
                case 5:
                    other = chance.choice(seeds)
                    begin = chance.randrange(len(other) + 1)
                    changed[place : place + length] = other[begin : begin + length]
                case _ if changed:
                    at = min(place, len(changed) - 1)
                    changed[at] = (changed[at] + chance.choice((1, -1, 16, -16))) % 256
        yield bytes(changed)


def cuts(data: bytes, *, most: int = 200) -> Iterator[bytes]:
    """Its beginnings, each of them where there are not too many."""
    return (data[:size] for size in range(0, len(data), -(-len(data) // most) or 1))
