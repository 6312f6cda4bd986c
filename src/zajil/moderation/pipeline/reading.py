"""Stages 0 and 3, and what stage 1 needs of a text: the part of the work that knows nothing but texts.

It takes most of the time, so it runs in processes of its own (`readers`), each with its own copy of the model's pages.
Where there is one core, or where no process is wanted, it runs in a thread.
"""

from __future__ import annotations

import gc
from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple, TypeAlias

import msgspec
import numpy as np

from zajil.moderation.categories import CATEGORIES, HEADS, LANGUAGES
from zajil.moderation.classify.heads import LANGUAGE_ROWS, Floats
from zajil.moderation.classify.packaged import load_linear
from zajil.moderation.match.minhash import VALUES, sign_batch
from zajil.moderation.match.spelling import BASE, Targets, spell_batch
from zajil.moderation.normalise.language import confirm_languages
from zajil.moderation.normalise.text import Normalised, normalise_batch
from zajil.moderation.policy.schema import Policy

Levels: TypeAlias = dict[str, tuple[float, ...]]
"""By language the probability of each category from which its language is asked again; above 1 for never."""
_NEVER: Final = 2.0
YOUNG_OBJECTS: Final = 50_000
"""So many new objects make garbage collection look at them: those of a few batches of 512 posts."""
SIGNATURE_BYTES: Final = 4 * VALUES


class Reading(NamedTuple):
    """What a text alone says. text.lang is confirmed where a score would act. packed, digests, targets: see `spelling`.

    signature: 64 values as bytes, None for a short text. scores: probabilities in the order of HEADS.
    """

    text: Normalised
    packed: str
    digests: dict[str, bytes]
    targets: Targets
    signature: bytes | None
    scores: tuple[float, ...]

    @property
    def digest(self) -> bytes | None:
        """Of the base view; None for a very short text."""
        return self.digests.get(BASE)

    @property
    def other_digests(self) -> list[bytes]:
        """Of readings in other letters than it is written in: what a transliterated text is a copy of."""
        return [digest for name, digest in self.digests.items() if not name.startswith(BASE)]

    @property
    def named_scores(self) -> Mapping[str, float]:
        """Probabilities by head."""
        return dict(zip(HEADS, self.scores, strict=True))


def find_levels(policy: Policy) -> Levels:
    """The lowest thresholds of a policy at which a score does something."""
    levels: Levels = {}
    for language in policy.languages:
        found = [policy.thresholds(category, language).review for category in CATEGORIES]
        levels[language] = tuple(_NEVER if level is None else level for level in found)
    return levels


def read_texts(texts: Sequence[str], levels: Levels) -> list[Reading]:
    """The reading of each text, in order. Raises whatever a text of the wrong kind makes a library raise."""
    read = normalise_batch(texts)
    spelled = spell_batch(texts, read)
    packed = [each.packed for each in spelled]
    signatures, places = sign_batch(packed)
    signed = signatures.tobytes()
    signature_of: list[bytes | None] = [None] * len(texts)
    for row, place in enumerate(places.tolist()):
        signature_of[place] = signed[row * SIGNATURE_BYTES : (row + 1) * SIGNATURE_BYTES]
    scores = load_linear().score_batch(read).probabilities
    asked = _find_asked(read, scores, levels)
    confirmed = confirm_languages([read[place].base for place in asked], [read[place].lang for place in asked])
    for place, language in zip(asked, confirmed, strict=True):
        if language != read[place].lang:
            read[place] = msgspec.structs.replace(read[place], lang=language)
    digests, targets = [each.digests for each in spelled], [each.targets for each in spelled]
    return list(map(Reading, read, packed, digests, targets, signature_of, map(tuple, scores.tolist())))


def _find_asked(read: Sequence[Normalised], scores: Floats, levels: Levels) -> list[int]:
    """Places of the texts of which a score reaches a level of their language, so that it is asked again."""
    lowest = np.full((len(LANGUAGES) + 1, len(HEADS)), _NEVER)
    for language, row in LANGUAGE_ROWS.items():
        found = levels.get(language, ())
        lowest[row, : len(found)] = found
    rows = [LANGUAGE_ROWS.get(text.lang, len(LANGUAGES)) for text in read]
    places: list[int] = np.flatnonzero((scores >= lowest[rows]).any(axis=1)).tolist()
    return places


def load_models() -> None:
    """Read what reading needs, so that the first batch does not wait for it."""
    read_texts(["a text to wake everything up, with a link to example.com"], {"en": (0.0,)})
    settle_memory()


def settle_memory() -> None:
    """Leave what was loaded out of garbage collection: it stays for good, and looking at it took half the time.

    What batches are made of goes by itself, without cycles. At the usual 700 new objects a batch of 512 posts was
    looked through ten times while it lived, which took a twentieth of the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, *gc.get_threshold()[1:])
