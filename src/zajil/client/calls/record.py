"""The record of a call: what a reload needs to return to it, and the numbers that must never be used twice.

One row, sealed like the rest of the store. `next_ctx` is written before the first number below it is used, so whatever
happens to the process, the next one begins with numbers that no frame was ever sealed with.
Source: RFC 9605 section 4.4.1 (a KID and counter are used once); docs/protocol/calls.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from zajil.protocol import cbor
from zajil.protocol.calls.events import Record
from zajil.protocol.calls.limits import CALL_BYTES, LEAF_BITS, PEOPLE, SECRET_BYTES
from zajil.protocol.calls.signals import KINDS
from zajil.protocol.calls.state import REMEMBERED
from zajil.protocol.errors import Malformed, error
from zajil.protocol.fields import Fields

BLOCK = 64
"""Numbers that are reserved at a time."""
LOW = 96
"""With fewer left another block is written: three peers that say `lost` as often as they may use no more at once."""
CTX_MOST = 1 << 32
PLACES = 1 << 25
"""Blocks at which the numbers of a call may begin."""
_VERSION = 1


@dataclass(frozen=True, slots=True)
class Kept:
    """The record of the call of one group. next_ctx: the first free number. last_seen: ms."""

    gid: bytes
    record: Record
    next_ctx: int
    last_seen: int

    def encode(self) -> bytes:
        """Deterministic CBOR of the record."""
        record = self.record
        return cbor.encode(
            {
                "v": _VERSION,
                "gid": self.gid,
                "call": record.call,
                "secret": record.secret,
                "kind": record.kind,
                "caller": record.caller,
                "since": record.since,
                "leaves": list(record.leaves),
                "next_ctx": self.next_ctx,
                "last_seen": self.last_seen,
                "mic": record.mic,
            }
        )


def parse_kept(data: bytes) -> Kept | None:
    """The record of its bytes, None for one of another version or that is damaged."""
    try:
        return _parse(Fields.of_open_map(cbor.parse(data)))
    except Malformed:
        return None


def _parse(fields: Fields) -> Kept:
    kind = next((one for one in KINDS if one == fields.raw("kind")), None)
    if fields.number("v") != _VERSION or kind is None:
        raise error("malformed", "record of a call")
    items = fields.items("leaves", most=PEOPLE)
    leaves = Fields(dict(enumerate(items)))
    record = Record(
        fields.blob("call", size=CALL_BYTES),
        fields.blob("secret", size=SECRET_BYTES),
        kind,
        fields.flag("caller"),
        fields.number_or_none("since"),
        tuple(leaves.number(at, bits=LEAF_BITS) for at in range(len(items))),
        mic=fields.raw("mic") is True,
    )
    return Kept(fields.blob("gid", size=16), record, fields.number("next_ctx", bits=33), fields.number("last_seen"))


class UsedNumbers:
    """Where the numbers of a call begin, so that who leaves it and joins again in the same epoch repeats none.

    Of the last 8 calls it is known; another one begins at one of 2^25 places, so that a call that is forgotten, after a
    reload, is not met again, and neither are the numbers of the other end.
    """

    def __init__(self) -> None:
        self._free: dict[bytes, int] = {}

    def note(self, call: bytes, first_free: int) -> None:
        """Numbers below this one may have been used in the call."""
        free = max(first_free, self._free.pop(call, 0))
        self._free[call] = free
        if len(self._free) > REMEMBERED:
            del self._free[next(iter(self._free))]

    def begin(self, call: bytes, random: Callable[[int], bytes]) -> CtxNumbers:
        """The numbers to go on with."""
        place = int.from_bytes(random(4), "big") % PLACES
        return CtxNumbers(self._free.get(call, (1 + place) * BLOCK))


class CtxNumbers:
    """The numbers of one call's attempts, two each. reserved: the record that is written says so; durable: it is."""

    def __init__(self, first: int) -> None:
        self._next = first
        self.reserved = first
        self.durable = first

    def take(self) -> int:
        """The number of an attempt; the one after it is its video's. Raises LocalProtocolError when none is durable."""
        if self._next + 2 > self.durable:
            raise error("wrong-call", "no number for an attempt")
        self._next += 2
        return self._next - 2

    def reserve(self) -> None:
        """Another block, to be written."""
        self.reserved = min(self.reserved + BLOCK, CTX_MOST)

    @property
    def usable(self) -> bool:
        """Whether one can be taken."""
        return self._next + 2 <= self.durable

    @property
    def low(self) -> bool:
        """Whether another block should be on its way."""
        return self.reserved - self._next < LOW
