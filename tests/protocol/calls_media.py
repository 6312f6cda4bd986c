"""Frames of the media WebSocket, good and bad, and links from good to poor, that both languages must judge alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeAlias

from zajil.protocol import cbor
from zajil.protocol.calls import media as md
from zajil.protocol.calls import quality as ql
from zajil.protocol.errors import Malformed

FRAMES = (
    md.Frame("audio", False, 0, 0, b"\x01"),
    md.Frame("audio", False, 65_535, (1 << 32) - 1, bytes(592)),
    md.Frame("video", True, 7, 40, bytes(range(256))),
    md.Frame("video", False, 8, 80, bytes(15_992)),
    md.Frame("control", False, 1, 1000, b"xyz"),
)
ROOM: tuple[md.RoomMessage, ...] = (
    md.Joined(1, ()),
    md.Joined(3, (1, 2, 255)),
    md.Came(4),
    md.Left(255),
    md.Forwarded(9, FRAMES[2]),
)
ECHOES = (md.Echo(0, 0, 0), md.Echo(65_535, (1 << 32) - 1, 65_535), md.Echo(7, 4_000, 23))
CONTROLS = (
    *(md.Control(), md.Control(12, 200), md.Control(pli=True), md.Control(0, 400, True)),
    *(md.Control(0, 150, echoes=ECHOES), md.Control(echoes=ECHOES[:1])),
)


def judged(parse: Callable[[bytes], object], cases: Sequence[tuple[str, bytes]]) -> list[tuple[str, bytes, object]]:
    """About, bytes, and what they are; None where they are refused."""
    rows = []
    for about, data in cases:
        found = None
        with suppress(Malformed):
            found = parse(data)
        rows.append((about, data, found))
    return rows


def frame_cases() -> list[tuple[str, bytes, object]]:
    audio, video = md.encode_frame(FRAMES[0]), md.encode_frame(FRAMES[2])
    cases: list[tuple[str, bytes]] = [(frame.kind, md.encode_frame(frame)) for frame in FRAMES]
    cases += [("a header alone", audio[:8]), ("nothing", b""), ("kind 3", b"\x03" + audio[1:])]
    cases += [
        ("a key frame of audio", audio[:1] + b"\x01" + audio[2:]),
        ("other flags", video[:1] + b"\x03" + video[2:]),
    ]
    cases += [("audio too long", audio + bytes(592)), ("video too long", video + bytes(15_737))]
    return judged(md.parse_frame, cases)


def room_cases() -> list[tuple[str, bytes, object]]:
    cases = [(type(one).__name__, md.encode_room(one)) for one in ROOM]
    cases += [("nothing", b""), ("slot 0 alone", b"\x00"), ("joined without a slot", b"\x00\x01")]
    cases += [
        ("two came", b"\x00\x02\x01\x02"),
        ("a slot twice", b"\x00\x01\x01\x01"),
        ("slot 0 came", b"\x00\x02\x00"),
    ]
    cases += [("code 4", b"\x00\x04\x01"), ("a slot without a frame", b"\x05"), ("a bad frame", b"\x05\x01")]
    return judged(md.parse_room, cases)


def control_cases() -> list[tuple[str, bytes, object]]:
    cases = [("control", md.encode_control(one)) for one in CONTROLS]
    odd: list[tuple[str, cbor.Value]] = [
        ("another key", {"pli": 1, "new": [1]}),
        ("pli 2", {"pli": 2}),
        ("pli of text", {"pli": "1"}),
        ("a report without target", {"rr": {"late": 1}}),
        ("a report that is none", {"rr": 1}),
        ("a large number", {"rr": {"late": 1, "target": 65_536}}),
        ("no map", [1]),
        ("four echoes", {"echo": [[1, 2, 3]] * 4}),
        ("an echo without a time", {"echo": [[1, 2]]}),
        ("an echo that was held for long", {"echo": [[1, 2, 65_536]]}),
        ("an echo that is none", {"echo": 1}),
    ]
    return judged(md.parse_control, [*cases, *((about, cbor.encode(value)) for about, value in odd)])


def preamble_cases() -> list[tuple[str, bytes, object]]:
    good = md.encode_preamble(bytes(range(40)))
    cases = [
        ("a preamble", good),
        ("too short", good[:-1]),
        ("too long", good + b"x"),
        ("another", b"\x01\x03" + good[2:]),
    ]
    return judged(md.parse_preamble, cases)


SAMPLES = tuple(
    ql.Sample(concealed, 48_000, rtt, buffer, frame)
    for concealed in (0, 480, 1_440, 4_800, 24_000, 48_000)
    for rtt, buffer, frame in ((20.0, 40.0, 20.0), (80.0, 60.0, 20.0), (250.0, 200.0, 40.0), (600.0, 400.0, 40.0))
)


def rate_cases() -> list[tuple[ql.Sample, float]]:
    """A second of a link, and its MOS."""
    odd = (ql.Sample(0, 0, 20, 40, 20), ql.Sample(9, 3, 20, 40, 20), ql.Sample(0, 48_000, 0, 0, 0))
    return [(sample, round(ql.rate(sample), 6)) for sample in (*SAMPLES, *odd)]


def word_cases() -> list[tuple[float, str, str]]:
    """An average, the word before, and the word after."""
    words: tuple[ql.Word, ...] = ("", "good", "fair", "poor")
    scores = (1.0, 2.99, 3.0, 3.05, 3.1, 3.69, 3.7, 3.75, 3.8, 4.4)
    return [(mos, before, ql.find_word(mos, before)) for mos in scores for before in words]


Second: TypeAlias = tuple[int, int, float, str, str]


def life_cases() -> list[list[Second]]:
    """Links second by second: concealed samples of 48,000 and round trip in ms, then MOS, word and step after it.

    The last ones: a way whose first round trips held its own making, one that stays so slow, and one that is left for
    another after 10 s.
    """
    falls, wobbles = (0,) * 4 + (24_000,) * 30 + (0,) * 80, (0,) * 10 + (960, 0) * 20
    plans = [[(lost, 60) for lost in plan] for plan in (falls, wobbles, (1_440,) * 12 + (4_800,) * 12 + (0,) * 40)]
    plans += [[(0, rtt) for rtt in rtts] for rtts in ((4_000,) * 3 + (60,) * 20, (2_000,) * 24)]
    lives = [_live(plan) for plan in plans]
    return [*lives, _live([(0, 60)] * 10 + [(0, 4_000)] * 3 + [(0, 60)] * 10, moves_at=10)]


def _live(plan: Sequence[tuple[int, int]], *, moves_at: int = -1) -> list[Second]:
    quality, step = ql.Quality(), ql.STEPS[0]
    rows: list[Second] = []
    for second, (concealed, rtt) in enumerate(plan):
        now = 1000 * second
        quality = ql.on_new_way(quality) if second == moves_at else quality
        quality = ql.note_sample(quality, ql.Sample(concealed, 48_000, rtt, 60, 20), now)
        quality, step = ql.plan_step(quality, step, now_ms=now)
        rows.append((concealed, rtt, round(quality.mos, 6), quality.word, step))
    return rows
