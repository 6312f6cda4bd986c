"""Sound that arrives badly, and what both languages must make of it.

A step is `["push", seq, ts, arrival ms, outcome, target ms]`, `["play", ms, seq, left out]`, `["gap", ms]`,
`["wait", ms, until]` or `["report", ms, late per mille, delay ms]`. A payload is its `seq`, two bytes; how loud it is,
`level_of` says.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Sequence
from typing import Final

from zajil.protocol.calls.jitter import FRAME_MS, Gap, JitterBuffer, Play, Wait

Row = tuple[str | int | bool | None, ...]
Arrival = tuple[int, int, int]
"""ms at which it comes, seq, ts."""
START: Final = 1_000_000
PULL_MS: Final = 10


def level_of(seq: int) -> int:
    """How loud a frame is, 0 to 99: loud and quiet by turns, as speech is."""
    return seq * 37 % 100


def live(arrivals: Sequence[Arrival], *, rest_ms: int = 600) -> tuple[JitterBuffer, list[Row]]:
    """A listener that pulls every 10 ms until a while after the last arrival; and each step."""
    buffer, rows = JitterBuffer(), list[Row]()
    due = list(arrivals)
    heapq.heapify(due)
    for now in range(START, max(at for at, _, _ in due) + rest_ms, PULL_MS):
        while due and due[0][0] < now + PULL_MS:
            at, seq, ts = heapq.heappop(due)
            outcome = buffer.push(seq, ts, arrival_ms=at, payload=seq.to_bytes(2, "big"))
            rows.append(("push", seq, ts, at, outcome, buffer.target_ms))
        rows += pulls(buffer, now + PULL_MS)
        if now % 1_000 == 0:
            rows.append(("report", now, buffer.late_per_mille(now), buffer.delay_ms))
    return buffer, rows


def pulls(buffer: JitterBuffer, now: int) -> list[Row]:
    """All that is due; a wait where nothing was."""
    rows = list[Row]()
    while True:
        match buffer.pull(now):
            case Play(payload):
                seq = int.from_bytes(payload, "big")
                rows.append(("play", now, seq, buffer.leaves_out(level_of(seq))))
            case Gap():
                rows.append(("gap", now))
            case Wait(until):
                return rows if rows or now % 500 else [("wait", now, until)]


def sent(
    frames: int,
    delay: Callable[[int], int],
    *,
    first_seq: int = 0,
    first_ts: int = 5_000,
    begins: int = START,
    step_ms: float = FRAME_MS,
) -> list[Arrival]:
    """Frames of an honest sender. delay: ms of the frame at this index. step_ms: by our clock."""
    return [
        (
            begins + round(step_ms * index) + delay(index),
            (first_seq + index) % (1 << 16),
            (first_ts + FRAME_MS * index) % (1 << 32),
        )
        for index in range(frames)
    ]


def in_order(arrivals: Sequence[Arrival]) -> list[Arrival]:
    """As TCP gives them: none before the one sent before it."""
    latest, ordered = 0, []
    for at, seq, ts in arrivals:
        latest = max(latest, at)
        ordered.append((latest, seq, ts))
    return ordered


def steady() -> list[Arrival]:
    """Nothing disturbs; the target shrinks to 150 ms."""
    return sent(200, lambda _: 30)


def shaky() -> list[Arrival]:
    """Every frame takes 20 to 160 ms, and they overtake each other."""
    chance = random.Random(1)
    return sent(200, lambda _: chance.randrange(20, 160))


def wraps() -> list[Arrival]:
    """`seq` and `ts` wrap, not at the same frame."""
    return sent(60, lambda index: 20 + index % 3, first_seq=65_510, first_ts=(1 << 32) - 1_250)


def stalls() -> list[Arrival]:
    """The line stands for 300 ms, and later for 900; what waited comes at once."""
    held = {**dict.fromkeys(range(50, 57), 300), **dict.fromkeys(range(110, 132), 900)}
    first = {300: 50, 900: 110}
    return sent(260, lambda index: 20 + held[index] - 40 * (index - first[held[index]]) if index in held else 20)


def doubled() -> list[Arrival]:
    """Two connections bring the same for a second, the second one a little later; one frame comes again after 3 s."""
    once = sent(100, lambda _: 25)
    again = [(at + 60, seq, ts) for at, seq, ts in once[40:65]]
    return [*once, *again, (once[10][0] + 3_000, once[10][1], once[10][2])]


def lossy() -> list[Arrival]:
    """One of ten never comes, and then a second of nothing and more."""
    chance = random.Random(2)
    return [one for index, one in enumerate(sent(200, lambda _: 40)) if chance.random() > 0.1 and not 80 < index < 120]


def slow_clock() -> list[Arrival]:
    """The sender's clock is slow by a percent: 404 ms more in each 40 s."""
    return sent(250, lambda _: 20, step_ms=40.4)


def quick_clock() -> list[Arrival]:
    """It is quick by a percent."""
    return sent(250, lambda _: 20, step_ms=39.6)


def lags() -> list[Arrival]:
    """The sender's machine slept for 2 s, and its sound goes on where it was: late, until that is taken for a clock."""
    return sent(150, lambda index: 20 if index < 50 else 2_020)


def shorter_way() -> list[Arrival]:
    """The way gets 200 ms shorter: too much delay, which goes frame by frame."""
    return in_order(sent(220, lambda index: 220 if index < 75 else 20))


def leaps() -> list[Arrival]:
    """Another clock of the same sender, further than a day away, and back."""
    first, second = sent(40, lambda _: 20), sent(40, lambda _: 20, first_seq=40, first_ts=3_000_000_000)
    moved = [(at + 1_600, seq, ts) for at, seq, ts in second]
    third = sent(40, lambda _: 20, first_seq=80, first_ts=5_000 + 3_200, begins=START + 3_200)
    return [*first, *moved, *third]


def hostile() -> list[Arrival]:
    """No clock at all: any `seq`, any `ts`, often."""
    chance = random.Random(3)
    places = (0, 1, 4_999, 9_999, 1 << 31, (1 << 31) - 1, (1 << 32) - 1)
    return [
        (START + 7 * turn, chance.randrange(1 << 16), (chance.choice(places) + chance.randrange(3_000)) % (1 << 32))
        for turn in range(300)
    ]


STORIES: Final[dict[str, Callable[[], list[Arrival]]]] = {
    made.__name__: made
    for made in (
        *(steady, shaky, wraps, stalls, doubled, lossy),
        *(slow_clock, quick_clock, lags, shorter_way, leaps, hostile),
    )
}


def cases() -> list[tuple[str, str, list[Row]]]:
    """Name, about, steps."""
    return [(name, made.__doc__ or "", live(made())[1]) for name, made in STORIES.items()]
