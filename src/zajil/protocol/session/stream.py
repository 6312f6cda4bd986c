"""One session's numbered stream: whole messages, in order, each once.

A message is cut into DATA frames counted from 1 per direction; acknowledgements are cumulative. A stream outlives its
carriers: after a resume each side sends again everything above the other's `rx` and drops what it has. Nothing is sent
twice on one carrier. At most 64 frames or 256 KiB are unacknowledged per direction.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from typing import Final

from zajil.protocol import limits
from zajil.protocol.errors import error
from zajil.protocol.session.wire import Ack, Data, Part, encode_record

ACK_DELAY_S: Final = 0.25
ACK_FRAMES: Final = 16
ACK_BYTES: Final = 64 * limits.KIB
"""An ACK goes at once after this much, so that a full window never waits for the delay."""
FRAME_OVERHEAD: Final = limits.RECORD_SIZES[-1] - limits.DATA_BODY_BYTES
UNLIMITED: Final = 1 << 62


def record_bytes(body_bytes: int) -> int:
    """Most bytes that the record of such a part may have."""
    return limits.RECORD_SIZES[bisect_left(limits.RECORD_SIZES, body_bytes + FRAME_OVERHEAD)]


class Stream:
    """Both directions of one session, whoever's side it is on. Times are seconds of any steady clock."""

    def __init__(self) -> None:
        self.rx = 0
        """Highest n received in order."""
        self.frag = limits.RECORD_SIZES[-1]
        """Largest record the peer wants for new parts."""
        self._incoming = bytearray()
        self._acked_to_peer = 0
        self._unacked_in_bytes = 0
        self.ack_due: float | None = None
        """When an ACK goes out although nothing else does."""
        self.queued_bytes = 0
        """Bytes accepted by `send` that no peer has acknowledged."""
        self.unacked_bytes = 0
        """Bytes of DATA that is out."""
        self._waiting: deque[bytes] = deque()
        self._offset = 0
        self._unacked: deque[Part] = deque()
        self._last_n = 0
        self._resend_at = 1

    @property
    def incoming_bytes(self) -> int:
        """Bytes of a message whose last part has not come yet."""
        return len(self._incoming)

    @property
    def untouched(self) -> bool:
        """Nothing came in and nothing is to go out: forgetting it costs the peer nothing."""
        return not (self.rx or self._last_n or self._waiting)

    def has_output(self, now: float) -> bool:
        """Whether `pull` may have something. now: see `pull`."""
        return (
            bool(self._waiting) or self._resend_at <= self._last_n or (self.ack_due is not None and now >= self.ack_due)
        )

    @property
    def in_flight_bytes(self) -> int:
        """Bytes out until the peer has reason to acknowledge: at most what it takes before an ACK, and a record."""
        return min(self.unacked_bytes, ACK_BYTES + limits.DATA_BODY_BYTES)

    @property
    def expecting(self) -> bool:
        """DATA is out that the peer has not acknowledged."""
        return bool(self._unacked)

    def send(self, message: bytes) -> None:
        """Queues one message. Raises LocalProtocolError for none or more than 1 MiB."""
        size = len(message)
        if not 0 < size <= limits.MESSAGE_BYTES:
            raise error("wrong-call", "message of 1 byte to 1 MiB")
        self._waiting.append(message)
        self.queued_bytes += size

    def resumed(self, peer_rx: int, *, frag: int) -> None:
        """A carrier was opened and the peer has everything up to peer_rx; what is above goes out again.

        frag: of this carrier. Parts too large for it are cut anew: the peer holds none of them, so numbers above
        peer_rx may change their meaning.
        Raises RemoteProtocolError if the peer lacks what it acknowledged or has what was never sent.
        """
        self.take_ack(peer_rx)
        if peer_rx < self._last_n - len(self._unacked):
            raise error("protocol", "rx below what was acknowledged")
        self.frag = frag
        if any(len(part.body) > self.frag - FRAME_OVERHEAD for part in self._unacked):
            self._uncut()
        self._resend_at = peer_rx + 1
        # OPEN or OPENED told our own rx, so the peer's window starts there.
        self._acked_to_peer, self._unacked_in_bytes, self.ack_due = self.rx, 0, None

    def _uncut(self) -> None:
        """Puts what is out back in front of what waits."""
        whole: deque[bytes] = deque()
        parts = bytearray()
        for part in self._unacked:
            parts += part.body
            if not part.more:
                whole.append(bytes(parts))
                parts.clear()
        if self._offset:
            whole.append(bytes(parts) + self._waiting.popleft()[self._offset :])
        self._waiting = whole + self._waiting
        self._last_n -= len(self._unacked)
        self._unacked.clear()
        self.unacked_bytes = self._offset = 0

    def take_ack(self, ack: int) -> None:
        """The peer acknowledged up to ack. Raises RemoteProtocolError for what was never sent."""
        if ack > self._last_n:
            raise error("protocol", "acknowledges what was never sent")
        unacked = self._unacked
        while unacked and unacked[0].n <= ack:
            size = len(unacked.popleft().body)
            self.unacked_bytes -= size
            self.queued_bytes -= size

    def take_data(self, frame: Data, *, now: float) -> bytes | None:
        """The message this part completes, if it does. A part already here is dropped.

        Raises RemoteProtocolError for a gap, a part beyond the window, an empty part, or a message over 1 MiB.
        """
        self.take_ack(frame.ack)
        n, body = frame.n, frame.body
        if n <= self.rx:
            return None
        if n != self.rx + 1 or not body:
            raise error("protocol", "gap or empty part")
        if len(self._incoming) + len(body) > limits.MESSAGE_BYTES:
            raise error("protocol", "message over 1 MiB")
        frames = n - self._acked_to_peer
        size = self._unacked_in_bytes = self._unacked_in_bytes + len(body)
        if frames > limits.WINDOW_FRAMES or size > limits.WINDOW_BYTES:
            raise error("protocol", "beyond the window")
        self.rx = n
        due = now if frames >= ACK_FRAMES or size >= ACK_BYTES else now + ACK_DELAY_S
        if self.ack_due is None or due < self.ack_due:
            self.ack_due = due
        if not (frame.more or self._incoming):
            return body  # whole, which most are
        self._incoming += body
        if frame.more:
            return None
        message = bytes(self._incoming)
        self._incoming.clear()
        return message

    def pull(self, *, now: float, room: int = UNLIMITED) -> list[Data | Ack]:
        """What may go out on the current carrier now, in order. room: bytes of records that it may still take."""
        out: list[Data | Ack] = []
        while self._waiting or self._resend_at <= self._last_n:
            part = self._again(room) if self._behind else self._next_part(room)
            if part is None:
                break
            out.append(Data(part.n, self.rx, part.more, part.body))
            self._resend_at = part.n + 1
            room -= record_bytes(len(part.body))
        if not out and room >= limits.RECORD_SIZES[0] and self.ack_due is not None and now >= self.ack_due:
            out.append(Ack(self.rx))
        if out:
            self._acked_to_peer, self._unacked_in_bytes, self.ack_due = self.rx, 0, None
        return out

    def pull_records(self, *, now: float) -> list[bytes]:
        """What `pull` gives without a bound, as records. A small message alone, which most are, goes the short way."""
        waiting = self._waiting
        if len(waiting) == 1 and not self._offset and self._resend_at > self._last_n:
            message = waiting[0]
            out_bytes = self.unacked_bytes + len(message)
            if (
                len(message) <= self.frag - FRAME_OVERHEAD
                and len(self._unacked) < limits.WINDOW_FRAMES
                and out_bytes <= limits.WINDOW_BYTES
            ):
                waiting.popleft()
                n = self._last_n = self._last_n + 1
                self._unacked.append(Part(n, False, message))
                self.unacked_bytes, self._resend_at = out_bytes, n + 1
                self._acked_to_peer, self._unacked_in_bytes, self.ack_due = self.rx, 0, None
                return [encode_record(Data(n, self.rx, False, message))]
        return [encode_record(frame) for frame in self.pull(now=now)]

    def _again(self, room: int) -> Part | None:
        """The next part that this carrier has not taken yet although another one had; None where it is too large."""
        part = self._unacked[-self._behind]
        return part if record_bytes(len(part.body)) <= room else None

    @property
    def _behind(self) -> int:
        """How many unacknowledged parts the carrier has not taken yet."""
        behind = self._last_n + 1 - self._resend_at
        return min(behind, len(self._unacked)) if behind else 0

    def _next_part(self, room: int) -> Part | None:
        if not self._waiting or len(self._unacked) >= limits.WINDOW_FRAMES:
            return None
        message, start = self._waiting[0], self._offset
        size = self.frag
        if room < limits.RECORD_SIZES[-1]:
            size = min(size, max((one for one in limits.RECORD_SIZES if one <= room), default=0))
        size -= FRAME_OVERHEAD
        if size <= 0:
            return None
        body = message[start : start + size]
        end = start + len(body)
        if self.unacked_bytes + end - start > limits.WINDOW_BYTES:
            return None
        more = end < len(message)
        self._offset = end if more else 0
        if not more:
            self._waiting.popleft()
        self._last_n += 1
        part = Part(self._last_n, more, body)
        self._unacked.append(part)
        self.unacked_bytes += end - start
        return part
