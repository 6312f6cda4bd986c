"""Sound of one peer in the media room, put back in time: what came, when it is played, and what came too late.

Theory of operation. A frame carries the sender's clock, `ts`, which counts its sound: 40 ms from one frame to the next.
`arrival - ts` is its delay, off by how far the two clocks stand apart; the least delay of the last 10 s is the fastest
way there is, and only what lies above it matters. The target covers 95 of 100 frames of the last 5 s and 20 ms more; it
grows at once and shrinks 10 ms a second.

    out    when the next frame is due at the loudspeaker, by our clock; it steps 40 ms, whatever comes
    place  which sound that is, by the sender's clock
    out - place is the delay of now: below fastest + target, a gap is put in (place stays); above it by more than a
    frame, a quiet frame is left out (out stays)

A frame whose place is played already is late. One second of late frames alone, or a `ts` that leaps by 5 s, is another
clock: all begins anew. Whatever a sender does, little is held: 64 frames.
Every number is a whole number, so that both languages agree. Reads no clock.
Source: section 10.5 of the design; docs/protocol/call-media.md.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

FRAME_MS: Final = 40
TARGET_START_MS: Final = 200
TARGET_LEAST_MS: Final = 150
TARGET_MOST_MS: Final = 400
SPARE_MS: Final = 20
"""Above what 95 of 100 frames need."""
SHRINK_MS: Final = 100
"""The target shrinks by one in so many."""
SLACK_MS: Final = 10
"""So far the delay may be off the target, beside what a frame's length makes it."""
FASTEST_S: Final = 10
DELAYS_MS: Final = 5_000
DOUBLE_MS: Final = 2_000
LATE_MS: Final = 1_000
LEAP_MS: Final = 5_000
REST_FRAMES: Final = 25
"""After so many gaps in a row nothing is played until a frame comes."""
LEVELS: Final = 25
APART: Final = 4
"""Of two frames that are left out although they are not quiet."""
FRAMES_MOST: Final = 64
NOTES_MOST: Final = 256
"""Of the sequence numbers, delays and outcomes that are remembered: more than honest senders need."""

Outcome: TypeAlias = Literal["kept", "late", "double"]


@dataclass(frozen=True, slots=True)
class Play:
    """40 ms of sound, as it was pushed."""

    payload: bytes


@dataclass(frozen=True, slots=True)
class Gap:
    """40 ms without sound: lost, late, or put in to wait longer."""


@dataclass(frozen=True, slots=True)
class Wait:
    """Nothing is due. until: ms; None: until a frame comes."""

    until: int | None


Pulled: TypeAlias = Play | Gap | Wait


class _Delays:
    """How late frames come: the fastest of 10 s, and what covers nearly all of 5 s."""

    def __init__(self) -> None:
        self.fastest = 0
        self.target = TARGET_START_MS
        self._minima: deque[tuple[int, int]] = deque(maxlen=FASTEST_S + 1)
        self._delays: deque[tuple[int, int]] = deque(maxlen=NOTES_MOST)
        self._shrunk_at: int | None = None

    @property
    def needed(self) -> int:
        """From a frame's `ts` to its play time."""
        return self.fastest + self.target

    def note(self, delay: int, now: int) -> None:
        second = now // 1000
        if self._minima and self._minima[-1][0] == second:
            self._minima[-1] = second, min(self._minima[-1][1], delay)
        else:
            self._minima.append((second, delay))
        while self._minima[0][0] <= second - FASTEST_S:
            self._minima.popleft()
        self._delays.append((now, delay))
        while self._delays[0][0] <= now - DELAYS_MS:
            self._delays.popleft()
        self.fastest = min(least for _, least in self._minima)
        ranked = sorted(one for _, one in self._delays)
        covering = ranked[(95 * len(ranked) + 99) // 100 - 1] - self.fastest + SPARE_MS
        self._aim(max(TARGET_LEAST_MS, min(TARGET_MOST_MS, covering)), now)

    def _aim(self, wanted: int, now: int) -> None:
        if wanted >= self.target or self._shrunk_at is None:
            self.target, self._shrunk_at = max(wanted, self.target), now
            return
        steps = (now - self._shrunk_at) // SHRINK_MS
        self._shrunk_at += steps * SHRINK_MS
        self.target = max(wanted, self.target - steps)


class JitterBuffer:
    """The sound of one attempt of one leaf. Times are whole ms of one clock that never goes back.

    `push` what was opened, as it comes; `pull` until Wait; of each Play, `leaves_out` says whether to be silent about
    it. Raises nothing.
    """

    def __init__(self) -> None:
        self.kept = self.late = self.doubles = 0
        """Frames pushed, by what became of them. Those that a full buffer let go of count as late."""
        self.played = self.gaps = self.stretched = self.left_out = 0
        """Frames pulled: of sound; gaps for want of sound; gaps put in; and sound that was left out."""
        self.restarts = 0
        self._delays = _Delays()
        self._frames: dict[int, bytes] = {}
        self._seen: dict[int, int] = {}
        self._outcomes: deque[tuple[int, bool]] = deque(maxlen=NOTES_MOST)
        self._levels: deque[int] = deque(maxlen=LEVELS)
        self._since_left_out = 0
        self._now: int | None = None
        self._newest = 0
        self._newest_at = 0
        self._out: int | None = None
        self._place = 0
        self._empty = 0
        self._late_since: int | None = None

    @property
    def target_ms(self) -> int:
        """How long the fastest frame should wait."""
        return self._delays.target

    @property
    def delay_ms(self) -> int:
        """How long it does wait; the target while nothing plays."""
        return self.target_ms if self._out is None else self._out - self._place - self._delays.fastest

    def late_per_mille(self, now_ms: int) -> int:
        """Of the frames that came in the last second, how many were late."""
        while self._outcomes and self._outcomes[0][0] <= now_ms - 1000:
            self._outcomes.popleft()
        late = sum(late for _, late in self._outcomes)
        return 1000 * late // len(self._outcomes) if self._outcomes else 0

    def push(self, seq: int, ts: int, *, arrival_ms: int, payload: bytes) -> Outcome:
        """Take a frame that was opened. seq: u16. ts: u32, ms. Of doubles within 2 s the first one counts."""
        now = arrival_ms if self._now is None else max(self._now, arrival_ms)
        if self._is_double(seq, now):
            self.doubles += 1
            return "double"
        place = self._unwrap(ts, now)
        self._now = now
        if place in self._frames:
            self.doubles += 1
            return "double"
        self._delays.note(now - place, now)
        if self._is_late(place, now):
            if self._late_since is None:
                self._late_since = now
            if now - self._late_since < LATE_MS:
                self.late += 1
                self._outcomes.append((now, True))
                return "late"
            self._restart(place, now)
        self._keep(place, payload, now)
        return "kept"

    def _is_double(self, seq: int, now: int) -> bool:
        for old in [old for old, at in self._seen.items() if now - at >= DOUBLE_MS]:
            del self._seen[old]
        if seq in self._seen:
            return True
        if len(self._seen) == NOTES_MOST:
            del self._seen[next(iter(self._seen))]
        self._seen[seq] = now
        return False

    def _unwrap(self, ts: int, now: int) -> int:
        """The place of a frame; the clock begins anew where `ts` leaps."""
        leap = (ts - self._newest + (1 << 31)) % (1 << 32) - (1 << 31)
        if self._now is None or abs(leap - (now - self._newest_at)) > LEAP_MS:
            if self._now is not None:
                self._restart(ts, now)
            self._newest, self._newest_at = ts, now
            return ts
        place = self._newest + leap
        if leap > 0:
            self._newest, self._newest_at = place, now
        return place

    def _is_late(self, place: int, now: int) -> bool:
        if self._out is None:
            return place + self._delays.needed < now
        return place + FRAME_MS // 2 < self._place

    def _restart(self, place: int, now: int) -> None:
        self.restarts += 1
        self._frames.clear()
        self._out = self._late_since = None
        self._delays = _Delays()
        self._delays.note(now - place, now)
        self._newest, self._newest_at = place, now

    def _keep(self, place: int, payload: bytes, now: int) -> None:
        self.kept += 1
        self._outcomes.append((now, False))
        self._late_since = None
        self._frames[place] = payload
        if self._out is None:
            self._place, self._out, self._empty = place, place + self._delays.needed, 0
        elif len(self._frames) > FRAMES_MOST:
            del self._frames[min(self._frames)]
            self.late += 1

    def pull(self, now_ms: int) -> Pulled:
        """What is due: the next 40 ms, or nothing yet."""
        if self._out is None or now_ms < self._out:
            return Wait(self._out)
        if now_ms - self._out > LATE_MS:
            self._skip((now_ms - self._out) // FRAME_MS)
        stretches = self._out - self._place < self._delays.needed - SLACK_MS
        self._out += FRAME_MS
        if stretches:
            self.stretched += 1
            return Gap()
        first = min(self._frames, default=None)
        if first is not None and first < self._place + FRAME_MS // 2:
            self._place, self._empty = first + FRAME_MS, 0
            self.played += 1
            return Play(self._frames.pop(first))
        self._place += FRAME_MS
        self.gaps += 1
        self._empty = 0 if self._frames else self._empty + 1
        if self._empty >= REST_FRAMES:
            self._out = None
        return Gap()

    def _skip(self, frames: int) -> None:
        """Nobody pulled for a while: what was due then is over."""
        self._out = (self._out or 0) + frames * FRAME_MS
        self._place += frames * FRAME_MS
        for place in [place for place in self._frames if place + FRAME_MS // 2 < self._place]:
            del self._frames[place]
            self.late += 1

    def leaves_out(self, level: int) -> bool:
        """Whether the frame that was just pulled is left out, because there is more delay than needed.

        level: how loud it is, in any unit. It is left out when it is the quietest of a second, or when there are two
        frames too many. Then the next one is due at once.
        """
        self._levels.append(level)
        self._since_left_out += 1
        if self._out is None:
            return False
        excess = self._out - self._place - self._delays.needed - SLACK_MS
        quiet = len(self._levels) == LEVELS and level <= min(self._levels)
        if excess < FRAME_MS or not (quiet or (excess > 2 * FRAME_MS and self._since_left_out >= APART)):
            return False
        self._out -= FRAME_MS
        self._since_left_out = 0
        self.left_out += 1
        return True
