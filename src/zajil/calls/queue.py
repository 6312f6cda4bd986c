"""What waits for one receiver of a media room: little, and the newest rather than all. Without I/O.

Beyond 64 KiB video goes first, and stays away until its next key frame, since a decoder has no use for the rest; then
audio that is late by half a second, which nobody would hear any more; then the oldest audio.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from zajil.protocol.calls.media import VIDEO

QUEUE_BYTES: Final = 64 * 1024
LATE_S: Final = 0.5
_BATCH_BYTES: Final = 8 * 1024
_NOBODY: Final = 0


class Waiting(NamedTuple):
    """record: as it goes out. slot: of its sender, 0 for the room. at: seconds of a clock that only goes forward."""

    record: bytes
    slot: int
    kind: int
    is_key: bool
    at: float


class MediaQueue:
    """dropped: frames that never went out."""

    def __init__(self) -> None:
        self._waiting: deque[Waiting] = deque()
        self._bytes = 0
        self._paused: set[int] = set()
        self.dropped = 0

    def __len__(self) -> int:
        """Frames that wait."""
        return len(self._waiting)

    @property
    def size_bytes(self) -> int:
        """Bytes that wait."""
        return self._bytes

    def push(self, item: Waiting) -> bool:
        """Let it wait, or drop it or others. False: the receiver reads so little that even notices fill the queue."""
        if self._bytes + len(item.record) > QUEUE_BYTES:
            self._make_room(item)
        fits = self._bytes + len(item.record) <= QUEUE_BYTES
        if item.kind == VIDEO:
            paused = item.slot in self._paused and not item.is_key
            if paused or not fits:
                self._paused.add(item.slot)
                self.dropped += 1
                return True
            self._paused.discard(item.slot)
        elif not fits:
            self.dropped += 1
            return item.slot != _NOBODY
        self._waiting.append(item)
        self._bytes += len(item.record)
        return True

    def pull(self) -> list[bytes]:
        """The next few, in order; the rest stays here, where it can still be dropped."""
        out: list[bytes] = []
        left = _BATCH_BYTES
        while self._waiting and (not out or left >= len(self._waiting[0].record)):
            record = self._waiting.popleft().record
            self._bytes -= len(record)
            left -= len(record)
            out.append(record)
        return out

    def forget(self, slot: int) -> None:
        """This sender is gone; its slot may be another one's."""
        self._paused.discard(slot)

    def _make_room(self, item: Waiting) -> None:
        self._paused.update(each.slot for each in self._waiting if each.kind == VIDEO)
        self._keep([each for each in self._waiting if each.kind != VIDEO])
        if self._bytes + len(item.record) > QUEUE_BYTES:
            self._keep([each for each in self._waiting if each.slot == _NOBODY or item.at - each.at <= LATE_S])
        spare = QUEUE_BYTES - len(item.record)
        if item.kind != VIDEO and self._bytes > spare:
            kept: deque[Waiting] = deque()
            for each in reversed(self._waiting):
                spare -= len(each.record)
                if each.slot == _NOBODY or spare >= 0:
                    kept.appendleft(each)
            self._keep(list(kept))

    def _keep(self, kept: list[Waiting]) -> None:
        self.dropped += len(self._waiting) - len(kept)
        self._waiting = deque(kept)
        self._bytes = sum(len(each.record) for each in kept)
