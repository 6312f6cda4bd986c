"""A post's text as every later stage reads it.

A text goes round steps 5 to 9 until nothing changes: a spelled-out domain is an address only once its letters are
joined. So `normalise` of its own result is that result. Source: design/moderation.md section 5.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from zajil.moderation.normalise.entities import Entity, replace_entities, restore_case
from zajil.moderation.normalise.folding import fold, fold_batch
from zajil.moderation.normalise.language import Language, find_languages, name_languages
from zajil.moderation.normalise.obfuscation import (
    TOKEN,
    collapse_spaces,
    find_lost_numbers,
    find_spaced,
    join_spaced,
    read_leet,
    shorten_repeats,
    take_numbers,
    unify_scripts,
)
from zajil.moderation.normalise.survey import Step, Survey
from zajil.moderation.normalise.views import View, is_english, make_views

# Stored with every verdict and every model. Any change of what a text becomes is a new number, and a new model.
VERSION = 2
# Each round but the last joins, maps or takes out something for good; texts made to need more were not found by a
# search.
MAX_ROUNDS = 12
# A text of single digits grows (` num1 `); it may to twice its length, and a very short one to this.
SHORT = 64


class Normalised(msgspec.Struct, frozen=True):
    """One text, read: `base` is what people see, `views` what else a Latin text may spell, `version` of the rules.

    base: folded, without addresses, single spaces, at most 16,384 characters.
    entities: up to 64 addresses in the order they were found. joined: words of the base that were spelled out; several
    may be run together, as nothing shows where one ended. numbers: the digits behind each ` numN ` of the base, in the
    order they were found, and of words made of digits what the base does not keep of them.
    """

    base: str
    views: tuple[View, ...]
    entities: tuple[Entity, ...]
    lang: Language
    joined: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    version: int = VERSION


def normalise(text: str) -> Normalised:
    """The text in its one spelling. Total on every `str`. A batch costs a tenth of that a text."""
    return normalise_batch([text])[0]


def normalise_batch(texts: Sequence[str]) -> list[Normalised]:
    """`normalise` of each text, in order."""
    if not texts:
        return []
    bases = fold_batch(texts)
    found: list[list[Entity]] = [[] for _ in texts]
    joined: dict[int, list[str]] = {}
    numbers: dict[int, list[str]] = {}
    plain = list(bases)
    pending = list(range(len(texts)))
    touched: set[int] = set()
    longest = [max(2 * len(text), SHORT) for text in texts]
    survey = first = Survey(bases)
    for round_number in range(MAX_ROUNDS):
        changed: list[int] = []
        for number, steps in _find_work(pending, survey, bases, longest):
            text = bases[number]
            if steps & Step.ENTITIES:
                text = replace_entities(text, found[number])
                if not round_number:
                    plain[number] = text
            # Cut before the next round, not after the last: without its end a text may be of another script.
            if steps & Step.SPACED and (spelled := find_spaced(text)):
                joined.setdefault(number, []).extend(spelled)
            if steps:
                text = _undo(text, steps, found[number], numbers.setdefault(number, []))
            text = _cut(text, longest[number])
            if text != bases[number]:
                bases[number] = text
                changed.append(number)
        if not changed:
            break
        pending = changed
        touched.update(changed)
        survey = Survey([bases[n] for n in pending])
    results: list[Normalised] = []
    for number, (base, language) in enumerate(zip(bases, _find_languages(bases, first, touched), strict=True)):
        views = _find_views(plain[number], base, language)
        if not views and number not in numbers:
            # Nothing was found to do: two thirds of all texts.
            results.append(Normalised(base, (), (), language))
            continue
        results.append(
            Normalised(
                base=base,
                views=tuple([view._replace(text=_cut(view.text, longest[number])) for view in views]),
                entities=restore_case(texts[number], found[number]),
                lang=language,
                joined=_words_left(joined[number], base) if number in joined else (),
                numbers=tuple(numbers.get(number, ())),
            )
        )
    return results


def _find_work(
    pending: Sequence[int], survey: Survey, bases: Sequence[str], longest: Sequence[int]
) -> list[tuple[int, int]]:
    """Those of the texts that a step may change, each with its steps, or that are too long."""
    surveyed = zip(pending, survey.find_steps(), strict=True)
    return [(number, steps) for number, steps in surveyed if steps or len(bases[number]) > longest[number]]


def _find_languages(bases: Sequence[str], first: Survey, touched: set[int]) -> list[Language]:
    """`find_languages`, where all but those touched are as they were at the first survey."""
    languages = name_languages(first)
    again = sorted(touched)
    for number, language in zip(again, find_languages([bases[n] for n in again]), strict=True):
        languages[number] = language
    return languages


def _find_views(plain: str, base: str, language: Language) -> tuple[View, ...]:
    """The other readings of a Latin text. plain: after step 5."""
    # Read letter by letter, leet is neither Arabic nor Russian: where English comes out, English it is.
    return () if language != "en" or is_english(base) else make_views(plain)


def _undo(text: str, steps: int, found: list[Entity], numbers: list[str]) -> str:
    """The text after those of steps 6 to 9 that may change it, and all that follow one which did.

    found, numbers: what was taken out is appended.
    """
    before = text
    if steps & Step.SPACED:
        text = join_spaced(text)
        if text != before:
            # What separators held apart may compose, or spell an address.
            text = replace_entities(fold(text), found)
            steps = Step.ALL
    if steps & Step.SCRIPTS:
        mixed = text
        text = unify_scripts(text)
        if text != mixed:
            steps = Step.ALL
    if steps & Step.LEET:
        digits = text
        text = read_leet(text)
        numbers += find_lost_numbers(digits, text)
    if text != before:
        steps = Step.ALL
    if steps & Step.NUMBERS:
        text = take_numbers(text, numbers)
    if steps & Step.REPEATS:
        text = shorten_repeats(text)
    return collapse_spaces(text)


def _words_left(joined: Sequence[str], base: str) -> tuple[str, ...]:
    """Those of the words made by step 6 that the later steps left in the base, as they left them."""
    words = set(TOKEN.findall(base))
    spelled = dict.fromkeys(joined)
    read = dict.fromkeys(text.base for text in normalise_batch([word for word in spelled if word not in words]))
    return tuple(word for word in (spelled | read) if word in words)


def _cut(text: str, longest: int) -> str:
    """At most `longest` characters, cut at a space where there is one, so that no placeholder is halved."""
    if len(text) <= longest:
        return text
    head = text[:longest]
    return head.rsplit(" ", 1)[0] if " " in head else head
