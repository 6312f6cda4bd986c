"""No model gets worse unseen: an evaluation against the stored one, by language and functionality.

A drop counts where the new figure lies below the 95 % interval of the stored one. Functionalities are small groups, so
theirs is the exact interval of a share. Sets that are missing on either side are not compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec
from scipy.special import betaincinv

from zajil.moderation.evaluate.report import Report
from zajil.moderation.evaluate.run import Figures

METRICS: Final = "metrics.json"
TAIL: Final = 0.025
MEASURES: Final = ("auprc", "balanced", "recall_1")


class Drop(NamedTuple):
    """One figure that fell. where: set, scorer, language and measure or functionality; was: its lower bound."""

    where: str
    now: float
    was: float


class NoMetrics(ValueError):
    """No stored evaluation, or one of another form."""


def load_metrics() -> Report:
    """The evaluation of the models that ship. Raises NoMetrics."""
    try:
        data = files("zajil.moderation").joinpath("model", METRICS).read_bytes()
        return msgspec.json.decode(data, type=Report)
    except (OSError, msgspec.MsgspecError) as cause:
        raise NoMetrics(METRICS) from cause


def find_drops(now: Report, stored: Report) -> list[Drop]:
    """Everything that got worse, in the order of the sets."""
    return [
        drop
        for name, found in now.sets.items()
        if name in stored.sets
        for scorer, languages in found.scorers.items()
        for drop in _compare(f"{name} {scorer}", languages, stored.sets[name].scorers.get(scorer, {}))
    ]


def _compare(where: str, now: Mapping[str, Figures], stored: Mapping[str, Figures]) -> Iterator[Drop]:
    for language, figures in now.items():
        if language not in stored:
            continue
        for measure in MEASURES:
            value, low = getattr(figures, measure).value, getattr(stored[language], measure).low
            if value < low:
                yield Drop(f"{where} {language} {measure}", value, low)
        for functionality, (count, share) in figures.functionalities.items():
            cases, was = stored[language].functionalities.get(functionality, (0, 0.0))
            low = lower_bound(round(cases * was), cases)
            if count and share < low:
                yield Drop(f"{where} {language} {functionality}", share, low)


def lower_bound(right: int, cases: int) -> float:
    """The lower end of the exact two-sided 95 % interval of right/cases; 0 where nothing is right."""
    return float(betaincinv(right, cases - right + 1, TAIL)) if right else 0.0
