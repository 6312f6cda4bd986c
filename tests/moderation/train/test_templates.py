"""The templates: readable, varied, and far from the suites."""

from __future__ import annotations

from collections import Counter, defaultdict
from functools import cache

import pytest

from zajil.moderation.categories import CATEGORIES, LANGUAGES, Language
from zajil.moderation.evaluate.sets import OWN, read_suite
from zajil.moderation.normalise.text import normalise_batch
from zajil.moderation.train.rows import YES, Row
from zajil.moderation.train.texts.templates import (
    TemplateFault,
    expand,
    expand_all,
    label_group,
    list_slots,
    load_groups,
    parse_pattern,
)

GRAM = 5
JACCARD_BELOW = 0.5
DISJOINT = ("names", "places", "inplace", "brands", "amounts")
EACH_LANGUAGE = pytest.mark.parametrize("language", LANGUAGES)


@cache
def texts_of(language: Language) -> tuple[Row, ...]:
    return tuple(expand_all((language,)))


@cache
def suite_bases(language: Language) -> dict[str, str]:
    cases = [case for name in OWN for case in read_suite(name).cases if case.language == language]
    bases = normalise_batch([case.text for case in cases])
    return {case.id: text.base for case, text in zip(cases, bases, strict=True)}


def grams_of(base: str) -> frozenset[str]:
    return frozenset(base[at : at + GRAM] for at in range(len(base) - GRAM + 1))


@pytest.mark.parametrize("text", ["a (b|c", "a b)", "a {b", "a}"])
def test_brackets_that_do_not_match_are_refused(text: str) -> None:
    with pytest.raises(TemplateFault):
        parse_pattern(text)


def test_the_same_texts_come_each_time_and_no_bracket_is_left() -> None:
    groups = load_groups()
    for group in groups:
        rows = list(expand(group, groups))
        assert rows == list(expand(group, groups))
        assert len(rows) >= len(group.patterns)
        assert not any(set(row.text) & set("(){}|") for row in rows), group.id


@EACH_LANGUAGE
def test_what_no_set_holds_is_written_with_its_contrasts(language: Language) -> None:
    groups = [group for group in load_groups() if group.language == language]
    written = {group.category for group in groups}
    assert {"fraud", "violence_incitement", "self_harm", "sexual", "hate", ""} <= written <= {*CATEGORIES, ""}
    assert {group.sub for group in groups} == {"", "threat", "sabotage", "terrorism"}
    counts = Counter(row.labels[-1] for row in texts_of(language))
    assert min(counts.values()) / sum(counts.values()) > 0.3


def test_a_harm_is_no_other_harm_but_those_that_go_with_it() -> None:
    fraud = next(group for group in load_groups() if group.category == "fraud")
    labels = dict(zip((*CATEGORIES, "any"), label_group(fraud), strict=True))
    assert labels["fraud"] == labels["any"] == YES
    assert labels["spam"] == -1
    assert labels["self_harm"] == 0


@EACH_LANGUAGE
def test_no_id_is_that_of_a_suite(language: Language) -> None:
    ids = {row.group for row in texts_of(language)} | {group.id for group in load_groups()}
    cases = {case.id for name in OWN for case in read_suite(name).cases}
    assert not ids & (cases | {case.functionality for name in OWN for case in read_suite(name).cases})


@EACH_LANGUAGE
def test_names_places_brands_and_amounts_are_not_those_of_the_suites(language: Language) -> None:
    suite = " \n ".join(suite_bases(language).values())
    slots = list_slots(language)
    values = [value for name in DISJOINT if name in slots for value in slots[name]]
    shared = []
    for value, text in zip(values, normalise_batch(values), strict=True):
        # Digits have become their count in base views, so amounts are compared as written.
        raw = any(value in case.text for name in OWN for case in read_suite(name).cases)
        words = f" {text.base} "
        if raw or ("num" not in words and words in f" {suite} "):
            shared.append(value)
    assert not shared


@pytest.mark.slow
@EACH_LANGUAGE
def test_no_text_is_near_a_case_of_the_suites(language: Language) -> None:
    """Jaccard of 5-character windows of the base views, every pair."""
    cases = {name: grams_of(base) for name, base in suite_bases(language).items()}
    where: defaultdict[str, list[str]] = defaultdict(list)
    for name, grams in cases.items():
        for gram in grams:
            where[gram].append(name)
    rows = texts_of(language)
    for row, text in zip(rows, normalise_batch([row.text for row in rows]), strict=True):
        grams = grams_of(text.base)
        shared = Counter(name for gram in grams for name in where.get(gram, ()))
        for name, count in shared.most_common(3):
            assert count < JACCARD_BELOW * (len(grams) + len(cases[name]) - count), f"{row.group} is near {name}"
