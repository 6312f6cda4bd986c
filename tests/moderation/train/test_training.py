"""Training on five thousand made-up rows: the same bytes twice, and a model that loads and has learned."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from tests.moderation.train.fixture import ROWS, make_rows

from zajil.moderation.categories import CATEGORIES, HEADS, LANGUAGES
from zajil.moderation.classify.heads import parse_model
from zajil.moderation.classify.packaged import read_thresholds
from zajil.moderation.normalise.text import normalise_batch
from zajil.moderation.policy.thresholds import TARGETS, rows_needed
from zajil.moderation.train.assemble import TEMPLATE_SHARE, cap_templates
from zajil.moderation.train.augment import disguise
from zajil.moderation.train.corpus import REAL_ROWS, Example, prefix_key, prepare, tabulate
from zajil.moderation.train.linear import LinearResult, train_linear
from zajil.moderation.train.rows import BENIGN, NO, UNKNOWN, YES, Row, mark
from zajil.moderation.train.texts.extra import ExtraRefused, read_extra
from zajil.moderation.train.texts.templates import expand_all

PRIORS = dict.fromkeys(HEADS, 0.01)
FRAUD = HEADS.index("fraud")
VECTORS = Path(__file__).resolve().parents[3] / "vectors" / "moderation" / "retrained.json"


@cache
def examples() -> tuple[Example, ...]:
    return tuple(prepare(make_rows()))


@cache
def trained() -> LinearResult:
    return train_linear(list(examples()), priors=PRIORS, commit="test", data={"fixture": "00"}, shipped=False)


@pytest.mark.slow
def test_the_same_rows_give_the_same_bytes() -> None:
    again = train_linear(list(examples()), priors=PRIORS, commit="test", data={"fixture": "00"}, shipped=False)
    assert again.data == trained().data


@pytest.mark.slow
def test_a_trained_model_loads_and_has_learned() -> None:
    model = parse_model(trained().data)
    assert model.metadata.data == {"fixture": "00"}
    assert not model.metadata.shipped
    texts = normalise_batch(["guaranteed profit from the river", "the teacher waits for our bus"])
    scores = model.score_batch(texts).probabilities[:, FRAUD]
    assert scores[0] > 3 * scores[1]
    assert set(model.metadata.points) == set(HEADS)


@pytest.mark.slow
def test_thresholds_exist_only_where_rows_show_them() -> None:
    """Under 1,536 plain rows a language, and half of them measure: enough for 1 %, not for 0.1 %."""
    thresholds = read_thresholds(parse_model(trained().data).metadata)
    for category in CATEGORIES:
        for language in LANGUAGES:
            levels = thresholds.head(category, language)
            assert levels.auto is None
            assert levels.limit is None
            assert levels.is_ordered()
    assert thresholds.head("fraud", "en").review is not None
    assert rows_needed(TARGETS["limit"]) > ROWS / len(LANGUAGES) / 2


@pytest.mark.slow
def test_rows_are_scored_by_heads_that_never_saw_them() -> None:
    """Random labels cannot be guessed out of fold."""
    generator = np.random.default_rng(0)
    rows = [
        row._replace(labels=mark(fraud=YES if coin else NO, any=NO), trains=True)
        for row, coin in zip(make_rows()[::3], generator.integers(0, 2, len(make_rows()[::3])), strict=True)
    ]
    result = train_linear(prepare(rows), priors=PRIORS, commit="", data={}, shipped=False)
    labels, logits = result.table.labels[:, FRAUD], result.logits[:, FRAUD]
    above = (logits[labels == 1][:, None] > logits[labels == 0][None, :]).mean()
    assert 0.4 < above < 0.6


@pytest.mark.slow
def test_scores_are_those_of_the_machine_that_trained_the_shipped_model() -> None:
    """Sums differ in the last digits between processors; scores may differ by a thousandth."""
    stored = json.loads(VECTORS.read_text(encoding="utf-8"))
    model = parse_model(trained().data)
    scores = model.score_batch(normalise_batch([case["text"] for case in stored["cases"]])).probabilities
    np.testing.assert_allclose(scores, [case["scores"] for case in stored["cases"]], atol=1e-3)


def test_texts_of_a_pattern_share_a_fold_and_disguises_that_of_their_original() -> None:
    folds: dict[str, set[int]] = {}
    written = prepare(expand_all(("ar",), rows_per_pattern=2))
    for example in written:
        if example.group:
            folds.setdefault(example.group, set()).add(example.fold)
    assert all(len(found) == 1 for found in folds.values())
    threats = {example.fold for example in prepare(expand_all()) if example.group[2:].startswith("-threat-call/")}
    assert len(threats) == 1
    urges = {example.fold for example in prepare(expand_all()) if example.group[2:].startswith("-selfharm-urge/")}
    assert len(urges) > 1
    originals = {example.raw: example.fold for example in written}
    copies = disguise(written)
    assert len(copies) > 100
    assert all(originals[copy.raw] == copy.fold for copy in copies)
    assert not any(copy.measures for copy in copies)


def test_what_is_held_back_is_dropped_with_its_copies() -> None:
    held = frozenset({prefix_key("the teacher waits for our bus")})
    rows = [Row("The  teacher waits for our bus", "a", BENIGN), Row("the teacher sleeps", "a", BENIGN)]
    assert [example.base for example in prepare(rows, held=held)] == ["the teacher sleeps"]


def test_copies_become_one_and_what_they_disagree_on_is_unknown() -> None:
    yes, no = mark(fraud=YES, spam=YES), mark(fraud=NO, hate=NO)
    one = prepare([Row("the same text", "a", yes), Row("The same text", "b", no)])
    assert len(one) == 1
    labels = dict(zip(HEADS, one[0].labels, strict=True))
    assert (labels["fraud"], labels["spam"], labels["hate"]) == (UNKNOWN, YES, NO)


def test_a_label_nobody_gave_is_unknown_and_a_harm_makes_any_one() -> None:
    labels = dict(zip(HEADS, mark(hate=YES), strict=True))
    assert labels["hate"] == labels["any"] == YES
    assert labels["fraud"] == UNKNOWN
    with pytest.raises(KeyError):
        mark(nothing=YES)


def test_templates_stay_a_minor_part_where_there_is_data() -> None:
    real = [Row(f"a real insult number {'x' * n} of many", "s", mark(harassment=YES)) for n in range(1, 3)]
    written = [row for row in expand_all(("en",)) if row.labels[HEADS.index("harassment")] == YES]
    few = cap_templates(prepare([*real, *written]))
    assert len(few) == len(prepare([*real, *written]))
    template = prepare(written)
    many = [template[0]._replace(base=f"{n}", kind="natural") for n in range(REAL_ROWS)]
    kept = [example for example in cap_templates([*many, *template * 1]) if example.kind == "template"]
    assert len(kept) == min(len(template), int(REAL_ROWS * TEMPLATE_SHARE / (1 - TEMPLATE_SHARE)))


def test_columns_follow_the_examples() -> None:
    table = tabulate(list(examples())[:50])
    assert table.labels.shape == (50, len(HEADS))
    assert [LANGUAGES[number] for number in table.languages] == [example.language for example in table.examples]


def test_own_rows_are_read_and_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "own.jsonl"
    path.write_text('{"text": "buy now", "labels": {"spam": true, "hate": false}}\n', "utf-8")
    (row,) = read_extra(path)
    labels = dict(zip(HEADS, row.labels, strict=True))
    assert (labels["spam"], labels["any"], labels["hate"], labels["fraud"]) == (YES, YES, NO, UNKNOWN)
    for line in ('{"text": "x", "labels": {"nothing": true}}', '{"text": "x"}', "x"):
        path.write_text(f'{{"text": "a", "labels": {{}}}}\n{line}\n', "utf-8")
        with pytest.raises(ExtraRefused, match=r"own\.jsonl:2"):
            read_extra(path)
