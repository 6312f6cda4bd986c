"""The gate, the targets and the card: a fallen figure is found, a met target is met, and the page is what is stored."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec
import pytest

from zajil.moderation.categories import LANGUAGES
from zajil.moderation.classify.packaged import EMBEDDINGS, FOLDER, LINEAR, load_linear, read_manifest
from zajil.moderation.data.folder import find_data
from zajil.moderation.evaluate.attacks import Kept
from zajil.moderation.evaluate.card import load_training, render
from zajil.moderation.evaluate.gate import find_drops, load_metrics, lower_bound
from zajil.moderation.evaluate.measures import Estimate
from zajil.moderation.evaluate.report import NAMES, Report, evaluate_all
from zajil.moderation.evaluate.run import Figures, Level, SetReport
from zajil.moderation.evaluate.sets import OWN
from zajil.moderation.evaluate.targets import find_targets, load_approaches
from zajil.moderation.train.texts.natural import HARD_READ_BY_PERSON

CARD = Path(__file__).resolve().parents[3] / "docs" / "operate" / "model-card.md"
STORED = load_metrics()


def figures(**changed: object) -> Figures:
    sure = Estimate(0.8, 0.75, 0.85)
    found = Figures(
        cases=200,
        share=0.5,
        accuracy_chance=0.5,
        auprc=sure,
        balanced=sure,
        accuracy=sure,
        recall_1=sure,
        recall_01=sure,
        limit=Level(0.4, 0.1),
        functionalities={"news": (10, 0.9)},
    )
    return msgspec.structs.replace(found, **changed)


def report_of(found: Figures) -> Report:
    sets = {"fraudcheck": SetReport(head="fraud", own=True, scorers={"linear": {"ar": found}})}
    return msgspec.structs.replace(STORED, sets=sets, attacks={})


def test_a_figure_below_the_stored_interval_is_a_drop() -> None:
    stored = report_of(figures())
    assert find_drops(stored, stored) == []
    worse = report_of(figures(auprc=Estimate(0.74, 0.7, 0.8), functionalities={"news": (10, 0.3)}))
    assert [drop.where for drop in find_drops(worse, stored)] == [
        "fraudcheck linear ar auprc",
        "fraudcheck linear ar news",
    ]
    noise = report_of(figures(auprc=Estimate(0.76, 0.7, 0.8), functionalities={"news": (10, 0.7), "new": (10, 0.0)}))
    assert find_drops(noise, stored) == []


def test_the_interval_of_a_share_is_the_exact_one() -> None:
    """Nine of ten: .5550 (Clopper and Pearson 1934, table)."""
    assert lower_bound(9, 10) == pytest.approx(0.5550, abs=1e-4)
    assert lower_bound(0, 10) == 0.0


def test_a_target_is_met_at_its_bound_and_not_below() -> None:
    at = {target.id: target.met for target in find_targets(report_of(figures(balanced=Estimate(0.8, 0.7, 0.9))))}
    assert at == {"fraudcheck-ar": True, "limit-fraudcheck-ar": True}
    below = figures(balanced=Estimate(0.7999, 0.7, 0.9), limit=Level(0.4, 0.1501))
    assert not any(target.met for target in find_targets(report_of(below)))


def test_a_share_of_a_few_cases_is_shown_and_not_counted() -> None:
    def under(clean: float, kept: float) -> Kept:
        return Kept(cases=100, clean=clean, attacked=clean * kept, kept=kept, clean_alarms=0.01, alarms=0.01)

    attacks = {"pan24": {"ru": {"swap": under(0.2, 0.8)}}, "fraudcheck": {"ru": {"swap": under(0.19, 0.1)}}}
    (target,) = find_targets(msgspec.structs.replace(STORED, sets={}, attacks=attacks))
    assert (target.id, target.met, target.figures["linear"]) == (
        "attack-ru-swap", True, "pan24 0.80, (fraudcheck 0.10)",
    )  # fmt: skip
    attacks["fraudcheck"]["ru"]["swap"] = under(0.2, 0.1)
    (target,) = find_targets(msgspec.structs.replace(STORED, sets={}, attacks=attacks))
    assert not target.met


def test_recall_that_everything_disguised_has_is_not_kept() -> None:
    loud = Kept(cases=100, clean=0.3, attacked=0.6, kept=2.0, clean_alarms=0.09, alarms=0.16)
    for share, met in ((loud, False), (msgspec.structs.replace(loud, clean_alarms=0.16), True)):
        (target,) = find_targets(
            msgspec.structs.replace(STORED, sets={}, attacks={"fraudcheck": {"ar": {"latin": share}}})
        )
        assert target.met is met


def test_no_score_removes_while_no_person_read_the_hard_lines() -> None:
    assert not HARD_READ_BY_PERSON
    thresholds = load_linear().metadata.thresholds
    assert thresholds
    assert all(levels["auto"] is None for found in thresholds.values() for levels in found.values())
    for found in load_training().removals.values():
        assert all(f.bound <= 1e-4 and f.rows >= 29_956 and f.hard_rows >= 600 for f in found.values())
        assert set(found) == set(LANGUAGES)


def test_every_missed_target_has_two_approaches_that_were_measured() -> None:
    approaches = load_approaches()
    for target in find_targets(STORED):
        tried = [a for a in approaches if any(target.id.startswith(name) for name in a.targets)]
        assert target.met or len({a.tried for a in tried}) >= 2, target.id


def test_what_is_stored_is_of_the_models_that_ship() -> None:
    hashes = read_manifest()
    assert STORED.models == {"linear": hashes[LINEAR], "fused": hashes[EMBEDDINGS]}
    assert tuple(STORED.sets) == NAMES
    assert not STORED.missing
    assert load_training().vectors > 10_000


def test_models_are_small_hold_no_pickle_and_have_the_hashes_of_the_manifest() -> None:
    shipped = [path for path in FOLDER.iterdir() if path.suffix not in (".py", ".pyc") and path.is_file()]
    assert {path.suffix for path in shipped} == {".safetensors", ".json"}
    assert sum(path.stat().st_size for path in shipped) <= 12_000_000
    for name, digest in read_manifest().items():
        assert hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() == digest


def test_the_card_is_made_of_what_is_stored() -> None:
    assert CARD.read_text(encoding="utf-8") == render(), (
        "python -m zajil.moderation.evaluate.card > docs/operate/model-card.md"
    )


@pytest.mark.slow
def test_the_shipped_model_is_no_worse_on_the_own_suites() -> None:
    report = evaluate_all(None, tuple(OWN), fused=False)
    assert set(report.sets) == set(OWN)
    assert find_drops(report, STORED) == []
    assert {name: sorted(found) for name, found in report.attacks.items()} == {name: sorted(LANGUAGES) for name in OWN}


@pytest.mark.slow
def test_the_shipped_model_is_no_worse_on_public_sets() -> None:
    data = find_data()
    if data is None:
        pytest.skip("no data folder; set ZAJIL_MODERATION_DATA")
    report = evaluate_all(data, ("openai", "mhc_arabic"), fused=False)
    assert find_drops(report, STORED) == []
