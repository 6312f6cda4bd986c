"""The language of a text: by its script for every post, by py3langid for the few that a score would act on.

Source: design/moderation.md section 5.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal, NamedTuple, TypeAlias
from unicodedata import normalize

import numpy as np
import numpy.typing as npt

from zajil.moderation.normalise.obfuscation import WRITTEN
from zajil.moderation.normalise.survey import ARABIC, CYRILLIC, LATIN, OTHER, Survey

Language: TypeAlias = Literal["ar", "en", "ru", "und"]
MIN_LETTERS = 3
NEIGHBOURS = ("ar", "ru", "en", "uk", "fa", "ur", "tr", "fr", "de")
MIN_PROBABILITY = 0.9
# Sums in another order differ in the sixth digit.
UNSURE = 0.01
_BITS = (ARABIC, LATIN, CYRILLIC, OTHER)
_NAMES: tuple[Language, ...] = ("ar", "en", "ru", "und")


def find_languages(bases: Sequence[str]) -> list[Language]:
    """For each base view the language of the script with most letters; `und` below three, or for another script.

    Placeholders and the names of numbers do not count.
    A token that still holds a Greek, Armenian or Cherokee letter after its look-alikes became Latin was none of ours:
    its Latin letters count as foreign.
    """
    return name_languages(Survey(bases)) if bases else []


def name_languages(survey: Survey) -> list[Language]:
    """`find_languages` of texts that were surveyed."""
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


class _Walk(NamedTuple):
    """What py3langid has learned, for many texts at once: see `_find_most_likely`.

    rows, moves: of a state and a byte the next state is `moves[rows[state] + byte]`. features: by state, -1 for none.
    weights: by feature and language. prior: by language. names: of the languages.
    """

    rows: Sequence[int]
    moves: Sequence[int]
    features: npt.NDArray[np.int32]
    weights: npt.NDArray[np.float32]
    prior: npt.NDArray[np.float32]
    names: Sequence[str]


@cache
def _load_walk() -> _Walk:
    known = _load_identifier()
    return _Walk(
        rows=[row << 8 for row in known.tk_row],
        moves=known.tk_nextmove,
        features=np.array(known.tk_output, dtype=np.int32),
        weights=np.ascontiguousarray(known.nb_ptc, dtype=np.float32),
        prior=np.asarray(known.nb_pc, dtype=np.float32),
        names=known.nb_classes,
    )


@cache
def _load_identifier() -> Any:  # py3langid has no types
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    identifier = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    identifier.set_languages(NEIGHBOURS)
    return identifier


def confirm_languages(bases: Sequence[str], languages: Sequence[Language]) -> list[Language]:
    """`confirm_language` of each text, in half the time."""
    confirmed = list(languages)
    asked = [number for number, language in enumerate(languages) if language != "und"]
    if not asked:
        return confirmed
    said = _find_most_likely([WRITTEN.sub(" ", bases[number]) for number in asked])
    for number, (says, probability) in zip(asked, said, strict=True):
        if abs(probability - MIN_PROBABILITY) < UNSURE:
            confirmed[number] = confirm_language(bases[number], languages[number])
        elif says != languages[number] and probability > MIN_PROBABILITY:
            confirmed[number] = "und"
    return confirmed


def _find_most_likely(texts: Sequence[str]) -> list[tuple[str, float]]:
    """For each text the likeliest language and its probability, as `LanguageIdentifier.classify` of py3langid has it.

    Its method: the logarithm of how often each n-gram occurs, one more than once, times its weight by language; their
    sum over the square root of the text's bytes; the softmax of that.
    """
    rows, moves, features, weights, prior, names = _load_walk()
    states: list[int] = []
    sizes: list[int] = []
    for text in texts:
        data = normalize("NFC", text.lower() if text.isupper() else text).encode("utf-8", "surrogatepass")
        state = 0
        for byte in data:
            state = moves[rows[state] + byte]
            states.append(state)
        sizes.append(len(data))
    found = features[np.array(states, dtype=np.int64)]
    owners = np.repeat(np.arange(len(texts)), sizes)[found >= 0]
    pairs, counts = np.unique(owners * len(weights) + found[found >= 0], return_counts=True)
    owners, grams = np.divmod(pairs, len(weights))
    terms = np.log1p(counts.astype(np.float32))[:, None] * weights[grams]
    scores = np.zeros((len(texts), len(names)), dtype=np.float32)
    firsts = np.flatnonzero(np.diff(owners, prepend=-1))
    if len(firsts):
        scores[owners[firsts]] = np.add.reduceat(terms, firsts, axis=0) + prior
    scores /= np.sqrt(np.maximum(sizes, 1), dtype=np.float32)[:, None]
    likely = np.exp(scores - scores.max(axis=1, keepdims=True))
    likely /= likely.sum(axis=1, keepdims=True)
    best = likely.argmax(axis=1)
    return [(names[which], p) for which, p in zip(best.tolist(), likely.max(axis=1).tolist(), strict=True)]


def confirm_language(base: str, language: Language) -> Language:
    """The language, or `und` where py3langid says another one with a probability of 0.9 or more.

    base: base view of the post. For posts at or above a `review` threshold only: it takes 50 times as long as the rest.
    """
    if language == "und":
        return language
    says, probability = _load_identifier().classify(WRITTEN.sub(" ", base))
    return "und" if says != language and probability >= MIN_PROBABILITY else language
