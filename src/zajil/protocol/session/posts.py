"""Carriers made of POSTs, for ways that strip `Upgrade`: the framing, and the far end without I/O.

    POST body   = carrier id (16 random bytes) || u32 seq || items        items = (u32 length || record)*
    answer body = items

A POST with items is a *send* and answered at once, with an empty body; a POST without is a *poll* and held until
there are records for the client, 20 to 25 s at most. Sends and polls are counted apart, each from 0, and the client has
one of each under way at a time. So whatever overtakes what (connections of one browser, or an edge's own), records
stay in order: those of the client come in sends, those of the server in answers to polls. A gap or a repeat ends the
carrier.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

from zajil.protocol.errors import error
from zajil.protocol.limits import KIB, RECORD_SIZES

ID_BYTES: Final = 16
HEAD_BYTES: Final = ID_BYTES + 4
ITEM_BYTES: Final = RECORD_SIZES[-1] + 16
"""Longest record: the largest padded frame, sealed."""
ITEMS_BYTES: Final = 256 * KIB
"""Most items in one body, their lengths included."""
BODY_BYTES: Final = HEAD_BYTES + ITEMS_BYTES
HELD_S: Final = (20.0, 25.0)
"""A poll is held this long at most; the shell takes a random time between."""
SILENT_S: Final = 60.0
"""Without any POST for so long the carrier is lost."""


@dataclass(frozen=True, slots=True)
class Post:
    """One POST. records: none in a poll."""

    carrier: bytes
    seq: int
    records: tuple[bytes, ...]


def encode_post(post: Post) -> bytes:
    """The body of a POST."""
    return post.carrier + post.seq.to_bytes(4, "big") + encode_items(post.records)


def parse_post(body: bytes) -> Post:
    """The POST in a body. Raises RemoteProtocolError `protocol`."""
    if not HEAD_BYTES <= len(body) <= BODY_BYTES:
        raise error("protocol", "size of a POST")
    return Post(body[:ID_BYTES], int.from_bytes(body[ID_BYTES:HEAD_BYTES], "big"), parse_items(body[HEAD_BYTES:]))


def encode_items(records: tuple[bytes, ...]) -> bytes:
    """Records with their lengths, as in both bodies."""
    return b"".join(len(record).to_bytes(4, "big") + record for record in records)


def parse_items(data: bytes) -> tuple[bytes, ...]:
    """The records of a body. Raises RemoteProtocolError `protocol` for what is cut off, empty or too long."""
    if len(data) > ITEMS_BYTES:
        raise error("protocol", "items beyond a body")
    records: list[bytes] = []
    at = 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        record = data[at + 4 : at + 4 + size]
        if not 0 < size <= ITEM_BYTES or len(record) != size:
            raise error("protocol", "item")
        records.append(record)
        at += 4 + size
    return tuple(records)


class FarEnd:
    """The server's or the bridge's end of one such carrier. The shell answers each send with an empty body at once.

    For a poll it asks `answer` until that gives a body: when `send` was called, and when the poll's time is over
    (`over` true). A newer poll ends the older, which the shell answers with an empty body. Times are seconds of any
    steady clock.
    """

    def __init__(self, now: float) -> None:
        self.polled = False
        """Whether a poll is open."""
        self.queued_bytes = 0
        """Records that wait for a poll; the shell's back-pressure."""
        self._heard_at = now
        self._sends = 0
        self._polls = 0
        self._out: deque[bytes] = deque()

    def take(self, post: Post, *, now: float) -> tuple[bytes, ...]:
        """The records that came; none for a poll, which is open from now on.

        Raises RemoteProtocolError `protocol` for a gap or a repeat: the carrier is over then.
        """
        expected = self._sends if post.records else self._polls
        if post.seq != expected:
            raise error("protocol", "POST out of order")
        self._heard_at = now
        if post.records:
            self._sends += 1
        else:
            self._polls += 1
            self.polled = True
        return post.records

    def send(self, record: bytes) -> None:
        """Queue one record for the client."""
        self._out.append(record)
        self.queued_bytes += len(record)

    def answer(self, *, over: bool = False) -> bytes | None:
        """The body for the open poll, which ends with it; None: hold it on. over: its time is up, or the carrier's."""
        if not self.polled or not (self._out or over):
            return None
        self.polled = False
        records: list[bytes] = []
        size = 0
        while self._out and size + 4 + len(self._out[0]) <= ITEMS_BYTES:
            records.append(self._out.popleft())
            size += 4 + len(records[-1])
            self.queued_bytes -= len(records[-1])
        return encode_items(tuple(records))

    def lost_at(self) -> float | None:
        """When the carrier counts as lost, None while a poll is held."""
        return None if self.polled else self._heard_at + SILENT_S
