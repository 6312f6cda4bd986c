"""The model card: `python -m zajil.moderation.evaluate.card > docs/operate/model-card.md`.

Made of `model/metrics.json`, `model/training.json`, the models' own thresholds and what was tried, so that no figure is
typed by hand. In-domain figures stand beside those of sets nobody trained on, never alone.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from importlib.resources import files
from typing import Final

import msgspec

from zajil.moderation.categories import ANY, CATEGORIES, HEADS, LANGUAGES
from zajil.moderation.classify.modelfile import ModelMetadata
from zajil.moderation.classify.packaged import load_linear
from zajil.moderation.data.attacks import TRAINED, UNSEEN
from zajil.moderation.evaluate.attacks import Kept
from zajil.moderation.evaluate.cardtext import INTRO, LIMITS, READ, USE
from zajil.moderation.evaluate.gate import load_metrics
from zajil.moderation.evaluate.peers import PeerFigures, load_peers
from zajil.moderation.evaluate.report import Report
from zajil.moderation.evaluate.targets import (
    ALARMS_AT_LIMIT,
    FOUND_MIN,
    FUSED,
    LINEAR,
    Target,
    find_targets,
    load_approaches,
    show,
)
from zajil.moderation.train.indomain import InDomain, Training

IDENTITY: Final = (
    "ident_neutral_nh",
    "ident_pos_nh",
    "counter_quote_nh",
    "counter_ref_nh",
    "negate_neg_nh",
    "slur_reclaimed_nh",
)
OUTSIDE: Final = {"hate": {"en": "hatecheck", "ar": "mhc_arabic"}, "any": {"en": "openai"}}
SUITES: Final = {"fraud": "fraudcheck", "violence_incitement": "threatcheck"}


def load_training() -> Training:
    """What the training run wrote. Raises OSError, msgspec.MsgspecError."""
    data = files("zajil.moderation").joinpath("model", "training.json").read_bytes()
    return msgspec.json.decode(data, type=Training)


def render() -> str:
    """The page as Markdown."""
    report, training, metadata = load_metrics(), load_training(), load_linear().metadata
    targets = find_targets(report)
    parts = [
        INTRO,
        _first(metadata),
        "## Targets of the first version",
        *_targets(targets),
        "## On rows like those of training, and on sets never seen",
        READ,
        *_sides(report, training),
        "## Sets never trained on",
        *_sets(report),
        "## Beside other packages",
        *_peers(load_peers()),
        "## Disguised texts",
        *_attacks(report),
        "## Talk about people and against hate",
        *_identity(report),
        "## Behaviour by behaviour",
        *_functionalities(report),
        "## Thresholds",
        *_thresholds(metadata),
        "## Removal by score alone",
        *_removals(training),
        USE,
        LIMITS,
    ]
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    columns = list(head)
    lines = [columns, ["---"] * len(columns), *(list(row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _first(metadata: ModelMetadata) -> str:
    auto = [
        f"{head} in {language}"
        for head, levels in metadata.thresholds.items()
        for language, found in levels.items()
        if found.get("auto") is not None
    ]
    if not auto:
        return (
            "**No score removes anything by itself.** That would need hard lines that a person read, beside about "
            "30,000 benign lines without an error, and the hard lines here were read by a language model. A score can "
            "hold a post for people at most; the table near the end says what removal would stand on."
        )
    return (
        f"**A score may remove by itself, beside a link, handle, phone or wallet, only here: {', '.join(auto)}.** "
        "Elsewhere it could not be shown that at most 1 in 10,000 benign posts would go."
    )


def _targets(targets: list[Target]) -> Iterator[str]:
    met = sum(target.met for target in targets)
    yield (
        f"{met} of {len(targets)} are met. `linear` is stage 3, `fused` is stage 3 with stage 4 (sentence vectors). "
        f"Recall under attack is at `review`; sets in brackets have fewer than {FOUND_MIN} cases found in clean text, "
        "too few for a share of them to count, and it is kept only where no more than "
        f"{ALARMS_AT_LIMIT:.0%} of harmless texts under the attack are called harm, or no more than of clean ones."
    )
    yield _table(
        ("target", "wanted", "linear", "fused", "met"),
        (
            (
                target.name,
                target.wanted,
                target.figures.get(LINEAR, ""),
                target.figures.get(FUSED, ""),
                "yes" if target.met else "**no**",
            )
            for target in targets
        ),
    )
    tried = load_approaches()
    if tried:
        yield "What was tried for those that are missed, and on the way to those that are met:"
        yield _table(("target", "approach", "figure"), ((", ".join(a.targets), a.tried, a.figure) for a in tried))


def _sides(report: Report, training: Training) -> Iterator[str]:
    rows = []
    for head in HEADS:
        for language in LANGUAGES:
            inside = training.linear.get(head, {}).get(language, {})
            vectors = training.fused.get(head, {}).get(language, {})
            if inside:
                rows.append(
                    (
                        head,
                        language,
                        _inside(inside.get("real")),
                        _inside(vectors.get("real")),
                        _inside(inside.get("templates")),
                        _outside(report, head, language),
                    )
                )
    yield _table(
        (
            "head",
            "language",
            "real rows, linear",
            "real rows, fused",
            "own templates, linear",
            "sets never seen (linear / fused)",
        ),
        rows,
    )


def _inside(found: InDomain | None) -> str:
    if found is None:
        return "-"
    return f"AUPRC {found.auprc:.2f} (chance {found.share:.2f}), balanced {found.balanced:.2f}, n {found.rows:,}"


def _outside(report: Report, head: str, language: str) -> str:
    names = [
        name
        for name in (OUTSIDE.get(head, {}).get(language), SUITES.get(head), "pan24" if head == ANY else None)
        if name
    ]
    cells = []
    for name in names:
        if name not in report.sets:
            continue
        scorers = report.sets[name].scorers
        values = " / ".join(f"{found[language].auprc.value:.2f}" for found in scorers.values() if language in found)
        share = scorers[LINEAR][language].share
        cells.append(f"{name} AUPRC {values} (chance {share:.2f})")
    return "; ".join(cells) or "none there is"


def _sets(report: Report) -> Iterator[str]:
    rows = []
    for name, found in report.sets.items():
        for scorer, languages in found.scorers.items():
            for language, f in languages.items():
                rows.append(
                    (
                        f"{name}{' (own)' if found.own else ''}",
                        language,
                        scorer,
                        f"{f.cases:,}",
                        f"{f.share:.2f}",
                        show(f.auprc),
                        show(f.balanced),
                        f"{f.accuracy.value:.2f} ({f.accuracy_chance:.2f})",
                        show(f.recall_1),
                        f"{f.recall_01.value:.2f}",
                    )
                )
    yield _table(
        (
            "set",
            "language",
            "scorer",
            "n",
            "harm",
            "AUPRC",
            "balanced accuracy",
            "accuracy (majority)",
            "recall at 1 % FPR",
            "at 0.1 %",
        ),
        rows,
    )
    yield (
        "By chance AUPRC is the share of harm and balanced accuracy one half. Intervals: 95 %, bootstrap of 1,000 "
        "draws, pairs of cases drawn together."
    )
    speed = ", ".join(f"{name} {value:,.0f}" for name, value in report.texts_per_s.items())
    yield (
        f"Texts a second of one core while measuring, normalising included: {speed}. A sentence vector (stage 4) takes "
        "15 to 50 ms more, by length."
    )


def _peers(peers: dict[str, dict[str, PeerFigures]]) -> Iterator[str]:
    rows = [
        (package, name, language, f"{figures.cases:,}", show(figures.auprc), show(figures.balanced))
        for package, found in peers.items()
        for key, figures in found.items()
        for name, _, language in (key.partition(" "),)
    ]
    yield "Installed apart (`bench/moderation_peers.py`); their operating point is their own."
    yield _table(("package", "set", "language", "n", "AUPRC", "balanced accuracy"), rows)


def _attacks(report: Report) -> Iterator[str]:
    yield (
        "Share of what is found in clean text that is found in the same text disguised, stage 3, at `review` (pan24: "
        "at 1 % false alarms). In brackets the share of benign cases called harm, under the attack; beside the "
        "language clean recall, and false alarms on clean text."
    )
    for name, languages in report.attacks.items():
        rows = []
        for language, found in languages.items():
            first = next(iter(found.values()))
            cells = [_kept(found.get(attack)) for attack in (*TRAINED, *UNSEEN)]
            rows.append((f"{language} {first.clean:.2f} ({first.clean_alarms:.2f})", *cells))
        heads = (*TRAINED, *(f"{attack} (unseen)" for attack in UNSEEN))
        yield _table((name, *heads), rows)


def _kept(found: Kept | None) -> str:
    if found is None:
        return "-"
    return "no recall" if found.kept is None else f"{found.kept:.2f} ({found.alarms:.2f})"


def _identity(report: Report) -> Iterator[str]:
    rows = []
    for name, language in (("hatecheck", "en"), ("mhc_arabic", "ar")):
        for scorer, found in report.sets[name].scorers.items() if name in report.sets else ():
            shares = found[language].functionalities
            rows.append((name, scorer, *(f"{1 - shares[kind][1]:.2f}" if kind in shares else "-" for kind in IDENTITY)))
    yield "Share called hate at the operating point though it is none:"
    yield _table(("set", "scorer", *IDENTITY), rows)


def _functionalities(report: Report) -> Iterator[str]:
    yield "Share called right at the operating point."
    for name, found in report.sets.items():
        languages = found.scorers[LINEAR]
        if not any(figures.functionalities for figures in languages.values()):
            continue
        kinds = sorted({kind for figures in languages.values() for kind in figures.functionalities})
        columns = [(scorer, language) for scorer in found.scorers for language in languages]
        rows = [
            (
                kind,
                *(
                    f"{shares[kind][1]:.2f}"
                    if kind in (shares := found.scorers[scorer][language].functionalities)
                    else "-"
                    for scorer, language in columns
                ),
            )
            for kind in kinds
        ]
        yield _table((name, *(f"{language}, {scorer}" for scorer, language in columns)), rows)


def _thresholds(metadata: ModelMetadata) -> Iterator[str]:
    rows = []
    for head in CATEGORIES:
        for language in LANGUAGES:
            levels = metadata.thresholds.get(head, {}).get(language, {})
            pooled = "pooled" if language in metadata.pooled.get(head, ()) else "own"
            cells = [
                "-" if (score := levels.get(level)) is None else f"{score:.4f}" for level in ("review", "limit", "auto")
            ]
            rows.append((head, language, *cells, pooled))
    yield (
        "Calibrated probabilities of stage 3 from which an action exists; `-`: it does not. Calibration is a "
        "language's own, or pooled over languages where it has fewer than 200 rows of a class."
    )
    yield _table(("head", "language", "review (1 %)", "limit (0.1 %)", "auto (0.01 %)", "calibration"), rows)


def _removals(training: Training) -> Iterator[str]:
    yield (
        "`auto` exists nowhere, because no person read the hard lines. What was measured all the same, out of fold: "
        "the lowest score at which the one-sided 95 % upper bound (Clopper and Pearson) of benign posts removed is at "
        "most 1 in 10,000; what it does to the hard lines, where the bound must be at most 5 in 1,000; and the share "
        "of known harm, templates included, that reaches it. Scores that safe find next to nothing, so with these "
        "weights `auto` would be of no use even if persons had read the lines."
    )
    yield _table(
        ("head", "language", "score", "benign: errors of rows, bound", "hard: errors of lines, bound", "harm found"),
        (
            (
                head,
                language,
                f"1 - {1 - f.score:.1e}",
                f"{f.errors} of {f.rows:,}, {f.bound:.6f}",
                f"{f.hard_errors} of {f.hard_rows}, {f.hard_bound:.4f}",
                f"{f.found:.2f}",
            )
            for head, found in training.removals.items()
            for language, f in found.items()
        ),
    )


if __name__ == "__main__":
    sys.stdout.write(render())
