"""The group of Ed25519 in Python integers, slow and for tests alone: RFC 8032, sections 5.1.1 to 5.1.4."""

from __future__ import annotations

import hashlib
from typing import Final

P: Final = 2**255 - 19
ORDER: Final = 2**252 + 27742317777372353535851937790883648493
"""The prime order of the group that the base point makes."""
BASE: Final = bytes.fromhex("58" + "66" * 31)
"""The base point, encoded: the public key whose secret scalar is 1."""
_D: Final = -121665 * pow(121666, -1, P) % P
_ROOT: Final = pow(2, (P - 1) // 4, P)

Point = tuple[int, int]
IDENTITY: Final[Point] = (0, 1)


class BaseKey:
    """Signs as whoever holds the secret of the base point, which is everybody. Its R is the base point, too (r = 1)."""

    def sign(self, data: bytes) -> bytes:
        challenge = int.from_bytes(hashlib.sha512(BASE + BASE + data).digest(), "little")
        return BASE + ((1 + challenge) % ORDER).to_bytes(32, "little")


def decode(data: bytes) -> Point | None:
    """The point that 32 bytes stand for; None for those that stand for none."""
    value = int.from_bytes(data, "little")
    y, sign = value & (2**255 - 1), value >> 255
    if y >= P:
        return None
    square = (y * y - 1) * pow(_D * y * y + 1, -1, P) % P
    x = pow(square, (P + 3) // 8, P)
    if x * x % P != square:
        x = x * _ROOT % P
    if x * x % P != square or (x == 0 and sign):
        return None
    return (P - x if x & 1 != sign else x, y)


def encode(point: Point) -> bytes:
    x, y = point
    return (y | (x & 1) << 255).to_bytes(32, "little")


def add(one: Point, other: Point) -> Point:
    (x1, y1), (x2, y2) = one, other
    product = _D * x1 * x2 * y1 * y2 % P
    x = (x1 * y2 + x2 * y1) * pow(1 + product, -1, P) % P
    y = (y1 * y2 + x1 * x2) * pow(1 - product, -1, P) % P
    return x, y


def multiply(times: int, point: Point) -> Point:
    total = IDENTITY
    while times:
        if times & 1:
            total = add(total, point)
        point, times = add(point, point), times >> 1
    return total
