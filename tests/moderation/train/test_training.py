"""Training on a small fixture of made-up rows: the same bytes twice, and a model that loads and has learned."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest

from zajil.moderation.categories import CATEGORIES, HEADS, LANGUAGES
from zajil.moderation.classify.heads import parse_model
from zajil.moderation.classify.packaged import read_thresholds
from zajil.moderation.normalise.text import normalise_batch
from zajil.moderation.policy.thresholds import TARGETS, rows_needed
from zajil.moderation.train.assemble import REAL_ROWS, TEMPLATE_SHARE, cap_templates
from zajil.moderation.train.augment import disguise
from zajil.moderation.train.corpus import Example, prefix_key, prepare, tabulate
from zajil.moderation.train.linear import LinearResult, train_linear
from zajil.moderation.train.rows import BENIGN, NO, UNKNOWN, YES, Row, mark
from zajil.moderation.train.templates import expand_all

PRIORS = dict.fromkeys(HEADS, 0.01)
FRAUD = HEADS.index("fraud")
# Plain talk, put together so that there is enough of it for a threshold.
SUBJECTS = {
    "en": ("the teacher", "our bus", "my garden", "the old lamp", "their cat", "a red kite", "the river", "some bread"),
    "ru": ("учитель", "наш автобус", "мой сад", "старая лампа", "их кот", "бумажный змей", "река", "хлеб"),
    "ar": ("المعلم", "الحافلة", "حديقتي", "المصباح القديم", "قطتهم", "طائرة ورقية", "النهر", "الخبز"),
}
VERBS = {
    "en": ("stands near", "looks better than", "came before", "is quieter than", "waits for", "sleeps under"),
    "ru": ("стоит у", "лучше чем", "пришёл раньше чем", "тише чем", "ждёт", "спит под"),
    "ar": ("قرب", "أجمل من", "جاء قبل", "أهدأ من", "ينتظر", "ينام تحت"),
}


def plain_rows() -> list[Row]:
    rows = []
    for language in LANGUAGES:
        for first in SUBJECTS[language]:
            for verb in VERBS[language]:
                for last in SUBJECTS[language]:
                    even = (len(first) + len(verb) * 3 + len(last)) % 2 == 0
                    text = f"{first} {verb} {last}"
                    rows.append(Row(text, "plain", BENIGN, "presumed", trains=even, measures=not even))
    return rows


@cache
def examples() -> tuple[Example, ...]:
    return tuple(prepare([*plain_rows(), *expand_all(rows_per_pattern=3)]))


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
    texts = normalise_batch(["your account is locked, confirm your card here", "the teacher waits for our bus"])
    scores = model.score_batch(texts).probabilities[:, FRAUD]
    assert scores[0] > 3 * scores[1]
    assert tuple(model.metadata.points) == HEADS


@pytest.mark.slow
def test_thresholds_exist_only_where_rows_show_them() -> None:
    """384 plain rows a language and half of them measure: enough for 1 %, not for 0.1 %."""
    thresholds = read_thresholds(parse_model(trained().data).metadata)
    for category in CATEGORIES:
        for language in LANGUAGES:
            levels = thresholds.head(category, language)
            assert levels.auto is None
            assert levels.limit is None
            assert levels.is_ordered()
    assert thresholds.head("fraud", "en").review is not None
    assert rows_needed(TARGETS["limit"]) > len(plain_rows()) / len(LANGUAGES) / 2


@pytest.mark.slow
def test_rows_are_scored_by_heads_that_never_saw_them() -> None:
    """Random labels cannot be guessed out of fold."""
    generator = np.random.default_rng(0)
    rows = [
        row._replace(labels=mark(fraud=YES if coin else NO, any=NO), trains=True)
        for row, coin in zip(plain_rows(), generator.integers(0, 2, len(plain_rows())), strict=True)
    ]
    result = train_linear(prepare(rows), priors=PRIORS, commit="", data={}, shipped=False)
    labels, logits = result.table.labels[:, FRAUD], result.logits[:, FRAUD]
    above = (logits[labels == 1][:, None] > logits[labels == 0][None, :]).mean()
    assert 0.4 < above < 0.6


def test_texts_of_a_pattern_share_a_fold_and_disguises_that_of_their_original() -> None:
    folds: dict[str, set[int]] = {}
    for example in examples():
        if example.group:
            folds.setdefault(example.group, set()).add(example.fold)
    assert all(len(found) == 1 for found in folds.values())
    originals = {example.raw: example.fold for example in examples()}
    copies = disguise(examples())
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
