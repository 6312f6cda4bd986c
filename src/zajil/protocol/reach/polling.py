"""A carrier made of POSTs, for networks that strip `Upgrade`: the bytes, and the answering end as a state machine.

    post   = carrier(16) || seq u32 || items        items = (length u32 || record)*        answer = items

`seq` counts the POSTs of one virtual carrier from 0. A POST with items is answered at once and empty; one without is a
poll and is held until there is something to send or its time is over. At most one of each is in flight, so two POSTs
may overtake each other on their two connections: one that comes a single step early waits for the other. A second POST
with items before the first is answered ends the carrier, as does a second early one: each would hold memory. Answers
may overtake each other too, and nothing there could wait, so polls alone bring records. A gap, a repeat or silence ends
the carrier; both ends then forget it, and the session resumes elsewhere.

Pure: times are arguments. Sources: design/reach.md section 3; the contract of issue 4, point 2.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from zajil.protocol.errors import error
from zajil.protocol.limits import KIB, RECORD_SIZES

CARRIER_ID_BYTES: Final = 16
HEAD_BYTES: Final = CARRIER_ID_BYTES + 4
RECORD_BYTES: Final = RECORD_SIZES[-1] + 16
"""Longest record: a padded frame and, on sealed routes, its tag."""
BODY_BYTES: Final = 512 * KIB
"""Longest POST and longest answer."""
BODY_RECORDS: Final = 256
HOLD_SHORTEST_S: Final = 20.0
HOLD_LONGEST_S: Final = 25.0
"""A poll without news is answered after a time between these, chosen at random for each."""
SILENT_S: Final = 60.0
"""No POST for this long: the carrier is lost."""
OVERTAKE_S: Final = 5.0
"""How long a POST that overtook another waits for it."""
_LENGTH_BYTES: Final = 4


@dataclass(frozen=True, slots=True)
class PollPost:
    """One POST. carrier: 16 random bytes, the same for all POSTs of a carrier. items: records; none makes it a poll."""

    carrier: bytes
    seq: int
    items: tuple[bytes, ...]


def encode_post(post: PollPost) -> bytes:
    """The body of a POST."""
    return post.carrier + post.seq.to_bytes(4) + encode_items(post.items)


def parse_post(body: bytes) -> PollPost:
    """What a POST says. Raises RemoteProtocolError `protocol`."""
    if not HEAD_BYTES <= len(body) <= BODY_BYTES:
        raise error("protocol", "length of a poll")
    seq = int.from_bytes(body[CARRIER_ID_BYTES:HEAD_BYTES])
    return PollPost(body[:CARRIER_ID_BYTES], seq, parse_items(body[HEAD_BYTES:], longest=RECORD_BYTES))


def encode_items(records: Iterable[bytes]) -> bytes:
    """Records with their lengths: the body of an answer."""
    return b"".join(len(record).to_bytes(_LENGTH_BYTES) + record for record in records)


def parse_items(data: bytes, *, longest: int = BODY_BYTES) -> tuple[bytes, ...]:
    """The records of an answer. Raises RemoteProtocolError `protocol`.

    longest: of one of them. The root documents, which are no record, may be longer than any.
    """
    if len(data) > BODY_BYTES:
        raise error("protocol", "length of a poll")
    records: list[bytes] = []
    at = 0
    while at < len(data):
        start = at + _LENGTH_BYTES
        end = start + int.from_bytes(data[at:start])
        if start > len(data) or not start < end <= min(len(data), start + longest):
            raise error("protocol", "item of a poll")
        if len(records) == BODY_RECORDS:
            raise error("protocol", "items of a poll")
        records.append(data[start:end])
        at = end
    return tuple(records)


class PolledCarrier:
    """The answering end of one virtual carrier.

    A shell calls `admit` until it is the POST's turn, takes its items, then calls `answer` until there is one. Between
    two calls it waits for `give`, for another POST, or for `next_deadline`. Any error ends the carrier.
    """

    def __init__(self, carrier: bytes, now: float) -> None:
        self.carrier = carrier
        self.waiting_bytes = 0
        """Records given and not yet sent; whoever gives them should pause while this is large."""
        self._next_seq = 0
        self._early: tuple[PollPost, float] | None = None
        self._unanswered: PollPost | None = None
        self._held: tuple[int, float] | None = None
        self._records: deque[bytes] = deque()
        self._heard_at = now

    def admit(self, post: PollPost, now: float, *, hold_s: float) -> bool:
        """Whether it is this POST's turn; False: one before it is still on its way, ask again with this very object.

        hold_s: how long a poll may be held. Raises RemoteProtocolError `protocol` for a gap, a repeat, another carrier,
        for items while others are unanswered, and for a second POST that came early.
        """
        if post.carrier != self.carrier:
            raise error("protocol", "another carrier")
        if post.items and self._unanswered is not None:
            raise error("protocol", "items before others were answered")
        if post.seq == self._next_seq:
            self._next_seq += 1
            self._heard_at = now
            if self._early is not None and self._early[0] is post:
                self._early = None
            if post.items:
                self._unanswered = post
            else:
                self._held = (post.seq, now + hold_s)
            return True
        if post.seq != self._next_seq + 1:
            raise error("protocol", "gap or repeat in polls")
        if self._early is None or self._early[0].seq != post.seq:  # the turn of the one before has come meanwhile
            self._early = (post, now + OVERTAKE_S)
        elif self._early[0] is not post:
            raise error("protocol", "a second early POST")
        if now >= self._early[1]:
            raise error("protocol", "gap in polls")
        return False

    def give(self, record: bytes) -> None:
        """A record for the other end. Raises LocalProtocolError for one that no answer could hold."""
        if not 0 < len(record) <= BODY_BYTES - _LENGTH_BYTES:
            raise error("wrong-call", "length of a record")
        self._records.append(record)
        self.waiting_bytes += len(record)

    def answer(self, post: PollPost, now: float, *, closing: bool = False) -> bytes | None:
        """The body that answers an admitted POST; None: hold it. closing: no further record will come.

        With items: call it once they are passed on and need no memory any more.
        """
        if post is self._unanswered:
            self._unanswered = None
        if post.items or self._held is None or self._held[0] != post.seq:
            return b""  # a newer poll may have taken the place of this one
        if not self._records and now < self._held[1] and not closing:
            return None
        self._held = None
        return encode_items(self._drain())

    def _drain(self) -> list[bytes]:
        taken: list[bytes] = []
        room = BODY_BYTES
        while self._records and len(taken) < BODY_RECORDS:
            room -= _LENGTH_BYTES + len(self._records[0])
            if room < 0:
                break
            taken.append(self._records.popleft())
            self.waiting_bytes -= len(taken[-1])
        return taken

    def lost(self, now: float) -> bool:
        """Whether the other end has been silent for too long. A poll that is being held is no silence."""
        return self._held is None and now >= self._heard_at + SILENT_S

    def next_deadline(self) -> float:
        """When `admit`, `answer` or `lost` may say something new without anything having come."""
        times = [each[1] for each in (self._early, self._held) if each is not None]
        return min(times, default=self._heard_at + SILENT_S)
