"""How good a link is, in a number, in a word, and in steps of what it may carry.

The number is the E-model of ITU-T G.107 reduced to what a client measures: delay and concealed audio. Its constant for
loss, 10, is a cautious choice, since G.113 has none for Opus: the score compares our routes, it is no laboratory score.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final, Literal, TypeAlias

Word: TypeAlias = Literal["", "good", "fair", "poor"]
GOOD: Final = 3.8
FAIR: Final = 3.1
HYSTERESIS: Final = 0.1
AVERAGE: Final = 5
"""Samples, one a second."""
EARLY: Final = 3
"""Samples of a way that opened: what a round trip took then held the time in which the way was still made."""
DOWN_MS: Final = 4_000
UP_MS: Final = 15_000


@dataclass(frozen=True, slots=True)
class Sample:
    """One second of a link. concealed, total: audio samples, or packets lost and expected. frame_ms: of a packet."""

    concealed: int
    total: int
    rtt_ms: float
    buffer_ms: float
    frame_ms: float

    @property
    def loss_pct(self) -> float:
        """Percent concealed; a second without any audio is all lost."""
        return 100 * min(self.concealed, self.total) / self.total if self.total > 0 else 100


def rate(sample: Sample) -> float:
    """MOS from 1 to 4.5. Source: ITU-T G.107 annex B, with d = rtt/2 + buffer + frame + 25 ms."""
    delay = sample.rtt_ms / 2 + sample.buffer_ms + sample.frame_ms + 25
    delay_impairment = 0.024 * delay + 0.11 * max(0.0, delay - 177.3)
    loss_impairment = 95 * sample.loss_pct / (sample.loss_pct + 10)
    r = 93.2 - delay_impairment - loss_impairment
    if r < 0:
        return 1.0
    if r > 100:
        return 4.5
    # Below r = 6.5 the polynomial of G.107 falls under its own floor.
    return max(1.0, 1 + 0.035 * r + 7e-6 * r * (r - 60) * (100 - r))


def find_word(mos: float, before: Word) -> Word:
    """The word for an average; one that is left only 0.1 below where it is reached."""
    if mos >= (GOOD - HYSTERESIS if before == "good" else GOOD):
        return "good"
    return "fair" if mos >= (FAIR - HYSTERESIS if before in ("good", "fair") else FAIR) else "poor"


@dataclass(frozen=True, slots=True)
class Quality:
    """A link over the last seconds.

    mos: the average. word_since: ms at which the word, or the last step, began. heard: samples since its way opened.
    """

    recent: tuple[float, ...] = ()
    mos: float = 0
    word: Word = ""
    word_since: int = 0
    rtt_ms: float = 0
    loss_pct: float = 0
    heard: int = 0


def on_new_way(quality: Quality) -> Quality:
    """The link at the moment at which it goes another way."""
    return replace(quality, heard=0)


def note_sample(quality: Quality, sample: Sample, now_ms: int) -> Quality:
    """The link after one more second; the round trips of the first ones are shown, and do not count against it."""
    counted = replace(sample, rtt_ms=0) if quality.heard < EARLY else sample
    recent = (*quality.recent, rate(counted))[-AVERAGE:]
    mos = sum(recent) / len(recent)
    word = find_word(mos, quality.word)
    since = quality.word_since if word == quality.word else now_ms
    return Quality(recent, mos, word, since, sample.rtt_ms, sample.loss_pct, quality.heard + 1)


Step: TypeAlias = Literal["full", "small", "no-video", "less-audio", "least-audio"]
STEPS: Final[tuple[Step, ...]] = ("full", "small", "no-video", "less-audio", "least-audio")
"""What a link gives up, one after the other: a smaller picture, none, then sound of 24 and of 16 kbit/s."""
NO_VIDEO: Final = STEPS[2:]


def plan_step(quality: Quality, step: Step, *, now_ms: int) -> tuple[Quality, Step]:
    """The step after this second: one down after 4 s of `poor`, one up after 15 s of `good`."""
    lasted = now_ms - quality.word_since
    if quality.word == "poor" and lasted >= DOWN_MS and step != STEPS[-1]:
        return replace(quality, word_since=now_ms), STEPS[STEPS.index(step) + 1]
    if quality.word == "good" and lasted >= UP_MS and step != STEPS[0]:
        return replace(quality, word_since=now_ms), STEPS[STEPS.index(step) - 1]
    return quality, step
