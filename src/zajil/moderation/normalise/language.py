"""The language of a text: by its script for every post, by py3langid for the few that a score would act on.

Source: design/moderation.md section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, TypeAlias

import numpy as np

from zajil.moderation.normalise.obfuscation import WRITTEN
from zajil.moderation.normalise.survey import ARABIC, CYRILLIC, LATIN, OTHER, Survey

Language: TypeAlias = Literal["ar", "en", "ru", "und"]
MIN_LETTERS = 3
NEIGHBOURS = ("ar", "ru", "en", "uk", "fa", "ur", "tr", "fr", "de")
MIN_PROBABILITY = 0.9
_BITS = (ARABIC, LATIN, CYRILLIC, OTHER)
_NAMES: tuple[Language, ...] = ("ar", "en", "ru", "und")


def find_languages(bases: Sequence[str]) -> list[Language]:
    """For each base view the language of the script with most letters; `und` below three, or for another script.

    Placeholders and the names of numbers do not count.
    A token that still holds a Greek, Armenian or Cherokee letter after its look-alikes became Latin was none of ours:
    its Latin letters count as foreign.
    """
    if not bases:
        return []
    survey = Survey(bases)
    classes = np.where(survey.written, np.uint8(0), survey.classes)
    if (classes & OTHER).any():
        tokens = survey.by_token(survey.word, classes)
        mixed = np.flatnonzero((tokens & OTHER != 0) & (tokens & LATIN != 0))
        if len(mixed):
            for start in mixed:
                end = start + int(np.argmin(survey.word[start:]))
                classes[start:end] = np.where(classes[start:end] & LATIN, OTHER, classes[start:end])
    counts = np.stack(
        [np.add.reduceat(((classes & bit) != 0).astype(np.int32), survey.starts) for bit in _BITS], axis=1
    )
    best = counts.argmax(axis=1)
    most = counts.max(axis=1)
    return [_NAMES[which] if count >= MIN_LETTERS else "und" for which, count in zip(best, most, strict=True)]


@cache
def _load_identifier() -> Any:  # py3langid has no types
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(NEIGHBOURS)
    return identifier


def confirm_language(base: str, language: Language) -> Language:
    """The language, or `und` where py3langid says another one with a probability of 0.9 or more.

    base: base view of the post. For posts at or above a `review` threshold only: it takes 50 times as long as the rest.
    """
    if language == "und":
        return language
    says, probability = _load_identifier().classify(WRITTEN.sub(" ", base))
    return "und" if says != language and probability >= MIN_PROBABILITY else language
