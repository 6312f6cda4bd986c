"""How a call sounds at each end: what was concealed and how long it took, counted by the browser or by the laboratory.

Over WebRTC the browser counts. Of the media room the laboratory knows each packet as one browser made it and the other
decoded it, by one clock, and each block and gap that went to the loudspeaker.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tests.calls.routes.person import Person

from zajil.protocol.calls.quality import Sample, rate

_FRAME_MS: Final = 20.0
_ROOM_FRAME_MS: Final = 40.0
_NOTHING: Final = Sample(1, 1, 0.0, 0.0, _FRAME_MS)


@dataclass(frozen=True)
class Heard:
    """One way of a call for some seconds. held: it was the same all the time."""

    rung: str
    held: bool
    sample: Sample

    @property
    def delay_ms(self) -> float:
        """From mouth to ear, as the E-model takes it."""
        return self.sample.rtt_ms / 2 + self.sample.buffer_ms + self.sample.frame_ms + 25


@dataclass(frozen=True)
class _Look:
    at_ms: float
    rung: str
    """By which the other one sends."""
    counts: Sequence[Mapping[str, Any]]
    frames: Mapping[str, int]


def listen(one: Person, other: Person, *, seconds: float) -> Heard:
    """The end that hears less well."""
    pairs = [(one, other), (other, one)]
    before = [_look(hearer, speaker) for hearer, speaker in pairs]
    time.sleep(seconds)
    after = [_look(hearer, speaker) for hearer, speaker in pairs]
    heard = [
        _by_room(was, now, hearer, speaker) if now.rung == "server" else _by_connection(was, now)
        for was, now, (hearer, speaker) in zip(before, after, pairs, strict=True)
    ]
    return min(heard, key=lambda each: rate(each.sample))


def _look(hearer: Person, speaker: Person) -> _Look:
    return _Look(time.time() * 1000, speaker.rung(), hearer.counts(), hearer.frames())


def _by_connection(was: _Look, now: _Look) -> Heard:
    """Of the connection that brought most meanwhile; one that is new counts from its beginning."""
    pairs = [
        (old.get("received"), new, old)
        for old, new in zip([*was.counts, *[{}] * len(now.counts)], now.counts, strict=False)
        if new.get("received")
    ]
    if not pairs:
        return Heard(now.rung, held=False, sample=_NOTHING)

    def grown(name: str, of: tuple[Any, Any, Any]) -> float:
        return float(of[1]["received"][name] - (of[0] or {}).get(name, 0))

    best = max(pairs, key=lambda of: grown("packets", of))
    received, new, old = best
    buffered, answers = grown("buffered", best), new["rtts"] - old.get("rtts", 0)
    sample = Sample(
        concealed=int(grown("concealed", best)),
        total=int(grown("samples", best)),
        rtt_ms=1000 * (new["rtts_s"] - old.get("rtts_s", 0.0)) / answers if answers else new["rtt_ms"],
        buffer_ms=1000 * grown("buffer_s", best) / buffered if buffered else 0.0,
        frame_ms=_FRAME_MS,
    )
    return Heard(now.rung, held=was.rung == now.rung and received is not None, sample=sample)


def _by_room(was: _Look, now: _Look, hearer: Person, speaker: Person) -> Heard:
    """buffer_ms: from the encoder to the decoder, so the network is in it."""
    said = {mark: at for at, mark in speaker.packets()["said"]}
    played = [(at, mark) for at, mark in hearer.packets()["played"] if was.at_ms <= at <= now.at_ms and mark in said]
    gaps = now.frames["gaps"] - was.frames["gaps"]
    blocks = now.frames["blocks"] - was.frames["blocks"]
    if not played:
        return Heard(now.rung, held=False, sample=_NOTHING)
    took_ms = statistics.fmean(at - said[mark] for at, mark in played)
    sample = Sample(concealed=gaps, total=gaps + blocks, rtt_ms=0.0, buffer_ms=took_ms, frame_ms=_ROOM_FRAME_MS)
    return Heard(now.rung, held=was.rung == now.rung, sample=sample)
