"""The targets of the first version, each computed from a stored evaluation: figure, interval, met or not.

A target that is missed has at least two approaches in `model/approaches.json`, measured and written down.
Source: design/moderation.md section 15.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from typing import Final, NamedTuple

import msgspec

from zajil.moderation.categories import LANGUAGES
from zajil.moderation.evaluate.attacks import Kept
from zajil.moderation.evaluate.measures import Estimate
from zajil.moderation.evaluate.report import Report, find_gap

LINEAR: Final = "linear"
FUSED: Final = "fused"
SCORERS: Final = (LINEAR, FUSED)
BALANCED: Final = (
    ("hatecheck", "en", 0.62),
    ("mhc_arabic", "ar", 0.60),
    *(("threatcheck", language, 0.75) for language in LANGUAGES),
    *(("fraudcheck", language, 0.80) for language in LANGUAGES),
)
OPENAI_AUPRC: Final = 0.65
ALARMS_AT_LIMIT: Final = 0.15
GAP: Final = 0.35
KEPT: Final = 0.80
KEPT_LATIN: Final = 0.65
KEPT_UNSEEN: Final = 0.60
LATIN: Final = "latin"
FOUND_MIN: Final = 20
"""With fewer cases found in clean text, a share of them says nothing; it is shown in brackets and not counted."""


class Target(NamedTuple):
    """One line of the table. figures: by scorer, as text; met: whether one of the stages that run by default does it.

    id: names it in `approaches.json`.
    """

    id: str
    name: str
    wanted: str
    figures: dict[str, str]
    met: bool


class Approach(msgspec.Struct, frozen=True, kw_only=True):
    """Something that was tried for a target. targets: their ids, or the beginnings of them. figure: what came out."""

    targets: tuple[str, ...]
    tried: str
    figure: str


def load_approaches() -> tuple[Approach, ...]:
    """What was measured on the way, in the order in which it was. Raises OSError, msgspec.MsgspecError."""
    data = files("zajil.moderation").joinpath("model", "approaches.json").read_bytes()
    return msgspec.json.decode(data, type=tuple[Approach, ...])


def find_targets(report: Report) -> list[Target]:
    """Every target that the sets of this report can answer."""
    return [*_find_scores(report), *_find_alarms(report), *_find_gaps(report), *_find_kept(report)]


def show(estimate: Estimate) -> str:
    """A figure with its interval."""
    return f"{estimate.value:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _find_scores(report: Report) -> Iterator[Target]:
    wanted = [("openai", "en", OPENAI_AUPRC, "auprc"), *((*row, "balanced") for row in BALANCED)]
    for name, language, least, measure in wanted:
        if name not in report.sets:
            continue
        found = {
            scorer: getattr(languages[language], measure)
            for scorer, languages in report.sets[name].scorers.items()
            if language in languages
        }
        if not found:
            continue
        title = {"auprc": "AUPRC", "balanced": "balanced accuracy"}[measure]
        met = any(estimate.value >= least for estimate in found.values())
        yield Target(
            f"{name}-{language}",
            f"{name}, {language}: {title}",
            f">= {least:.2f}",
            {k: show(v) for k, v in found.items()},
            met,
        )


def _find_alarms(report: Report) -> Iterator[Target]:
    for name in ("threatcheck", "fraudcheck"):
        for language, figures in report.sets[name].scorers[LINEAR].items() if name in report.sets else ():
            if figures.limit is None:
                continue
            text = f"{figures.limit.alarms:.3f} wrong, {figures.limit.found:.3f} found"
            yield Target(
                f"limit-{name}-{language}",
                f"{name}, {language}: benign contrasts wrong at `limit`",
                f"<= {ALARMS_AT_LIMIT:.2f}",
                {LINEAR: text},
                figures.limit.alarms <= ALARMS_AT_LIMIT,
            )


def _find_gaps(report: Report) -> Iterator[Target]:
    found = {scorer: gap for scorer in SCORERS if (gap := find_gap(report, scorer)) is not None}
    if found:
        figures = {scorer: f"{gap:.3f}" for scorer, gap in found.items()}
        yield Target(
            "gap", "language gap, toxic recall at 1 % FPR", f"<= {GAP:.2f}", figures, min(found.values()) <= GAP
        )


def _stays_quiet(share: Kept) -> bool:
    """Whether harmless texts under the attack are left alone: recall that everything disguised has is none."""
    return share.alarms <= max(ALARMS_AT_LIMIT, share.clean_alarms)


def _find_kept(report: Report) -> Iterator[Target]:
    """The worst set under each attack: an attack that works on one of them works."""
    for language in LANGUAGES:
        names = {attack for found in report.attacks.values() for attack in found.get(language, {})}
        for attack in sorted(names):
            shares = {
                name: found[language][attack]
                for name, found in report.attacks.items()
                if attack in found.get(language, {}) and found[language][attack].kept is not None
            }
            if not shares:
                continue
            unseen = next(iter(shares.values())).unseen
            counted = [share for share in shares.values() if share.cases * share.clean >= FOUND_MIN]
            if not counted:
                continue
            least = KEPT_UNSEEN if unseen else KEPT_LATIN if (attack, language) == (LATIN, "ar") else KEPT
            text = ", ".join(
                f"{name} {share.kept:.2f}" if share.cases * share.clean >= FOUND_MIN else f"({name} {share.kept:.2f})"
                for name, share in shares.items()
            )
            yield Target(
                f"attack-{language}-{attack}",
                f"recall kept, {language}: {attack}{' (unseen)' if unseen else ''}",
                f">= {least:.2f}",
                {LINEAR: text},
                all((share.kept or 0.0) >= least and _stays_quiet(share) for share in counted),
            )
