"""What waits for one receiver of a media room: little, and the newest rather than all. Without I/O.

Beyond 64 KiB video goes first, and stays away until its next key frame, since a decoder has no use for the rest; then
audio that is late by half a second, which nobody would hear any more; then the oldest audio. Each of them waits in a
line of its own, so that dropping costs what is dropped: a receiver that reads nothing must cost no more than others.
"""

from __future__ import annotations

from collections import deque
from typing import Final, NamedTuple

from zajil.protocol.calls.media import VIDEO

QUEUE_BYTES: Final = 64 * 1024
NOTICES: Final = 64
"""So many words of the room itself may wait, which are never dropped."""
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


class _Line(deque[tuple[int, Waiting]]):
    """What waits, with the number that orders it among all lines."""

    @property
    def first(self) -> int:
        return self[0][0]


class MediaQueue:
    """dropped: frames that never went out."""

    def __init__(self) -> None:
        self._notices, self._audio, self._video = self._lines = _Line(), _Line(), _Line()
        self._pushed = 0
        self._bytes = 0
        self._paused: set[int] = set()
        self.dropped = 0

    def __len__(self) -> int:
        """Frames that wait."""
        return sum(map(len, self._lines))

    @property
    def size_bytes(self) -> int:
        """Bytes that wait."""
        return self._bytes

    def push(self, item: Waiting) -> bool:
        """Let it wait, or drop it or others. False: the receiver reads so little that notices pile up."""
        if item.slot == _NOBODY and len(self._notices) >= NOTICES:
            return False
        if not self._waits_for_key(item) and self._lacks(item):
            self._make_room(item)
        is_video = item.kind == VIDEO
        if self._waits_for_key(item) or self._lacks(item):
            if is_video:
                self._paused.add(item.slot)
            self.dropped += 1
            return True
        if is_video:
            self._paused.discard(item.slot)
        line = self._notices if item.slot == _NOBODY else self._video if is_video else self._audio
        self._pushed += 1
        line.append((self._pushed, item))
        self._bytes += len(item.record)
        return True

    def pull(self) -> list[bytes]:
        """The next few, in order; the rest stays here, where it can still be dropped."""
        out: list[bytes] = []
        left = _BATCH_BYTES
        while lines := [line for line in self._lines if line]:
            line = min(lines, key=lambda each: each.first)
            record = line[0][1].record
            if out and left < len(record):
                break
            line.popleft()
            self._bytes -= len(record)
            left -= len(record)
            out.append(record)
        return out

    def forget(self, slot: int) -> None:
        """This sender is gone; its slot may be another one's."""
        self._paused.discard(slot)

    def _waits_for_key(self, item: Waiting) -> bool:
        """Whether it is video of a sender whose video was dropped, and no key frame."""
        return item.kind == VIDEO and item.slot in self._paused and not item.is_key

    def _lacks(self, item: Waiting) -> bool:
        """Whether there is no room for it."""
        return self._bytes + len(item.record) > QUEUE_BYTES

    def _make_room(self, item: Waiting) -> None:
        while self._video:
            self._paused.add(self._drop_first(self._video).slot)
        if not self._lacks(item):
            return
        while self._audio and item.at - self._audio[0][1].at > LATE_S:
            self._drop_first(self._audio)
        while item.kind != VIDEO and self._audio and self._lacks(item):
            self._drop_first(self._audio)

    def _drop_first(self, line: _Line) -> Waiting:
        _, item = line.popleft()
        self._bytes -= len(item.record)
        self.dropped += 1
        return item
