"""Stages 0, 2 and 3 on texts alone: what they are, how they score, and what the policy would do.

For a text-only post of an author of trust 1. No lists and no counters are looked at and nothing is stored, so the
answer depends on the text, the policy and the model alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from zajil.moderation.authors import Author
from zajil.moderation.categories import CATEGORIES, HEADS, find_language
from zajil.moderation.classify.heads import LinearModel
from zajil.moderation.classify.packaged import load_linear, read_thresholds
from zajil.moderation.normalise.language import confirm_language
from zajil.moderation.normalise.text import Normalised, normalise, normalise_batch
from zajil.moderation.policy.actions import Action
from zajil.moderation.policy.decide import decide_action
from zajil.moderation.policy.packaged import load_packaged
from zajil.moderation.policy.schema import Policy
from zajil.moderation.rules.compile import compile_rules
from zajil.moderation.rules.facts import Facts, find_entities
from zajil.moderation.rules.flood import FloodCounters
from zajil.moderation.signals import Signal, SignalName, Verdict

STAGE: Final = 3
AUTHOR: Final = Author(key=bytes(16), trust=1)
TARGET: Final = bytes(16)
_SCORES: Final[tuple[SignalName, ...]] = tuple("head" for _ in HEADS)


class Classified(msgspec.Struct, frozen=True):
    """What the cascade says of one text. lang: of LANGUAGES or `und`. scores: calibrated probability by head.

    action: an effect of the policy, such as `allow`. rule: a rule's id or `head>=threshold`, None for `allow`.
    """

    lang: str
    scores: dict[str, float]
    action: str
    rule: str | None


class Cascade:
    """One policy and one model, ready to read. Made by `load_cascade`."""

    def __init__(self, model: LinearModel, policy: Policy) -> None:
        self._model = model
        self._policy = policy
        self._rules = compile_rules(policy)

    def classify(self, texts: Sequence[str]) -> list[Classified]:
        """One answer a text, in order. A batch costs a tenth of that a text."""
        found: list[Classified] = []
        read = normalise_batch(texts)
        scores = self._model.score_batch(read).probabilities
        for text, row in zip(read, scores, strict=True):
            named = dict(zip(HEADS, map(float, row), strict=True))
            lang = self._confirm(text, named)
            action = self._decide(msgspec.structs.replace(text, lang=lang), named)
            found.append(Classified(lang, named, action.effect, action.because or None))
        return found

    def _confirm(self, text: Normalised, scores: Mapping[str, float]) -> str:
        """The language, asked again of those few that a score would act on."""
        language = find_language(text.lang)
        if language is None:
            return text.lang
        reached = any(self._policy.thresholds(name, language).level(scores[name]) for name in CATEGORIES)
        return confirm_language(text.base, text.lang) if reached else text.lang

    def _decide(self, text: Normalised, scores: Mapping[str, float]) -> Action:
        facts = Facts(target=TARGET, text=text, author=AUTHOR, scores=scores)
        hits = self._rules.find_hits(facts, FloodCounters(), now=0.0)
        verdict = Verdict(
            target=TARGET,
            version=1,
            policy=self._policy.ref,
            model=self._model.sha256,
            normaliser=text.version,
            lang=text.lang,
            signals=(*find_entities(text), *hits, *score_signals(list(scores.values()))),
            stage=STAGE,
        )
        return decide_action(verdict, self._policy, AUTHOR)


def score_signals(scores: Sequence[float]) -> tuple[Signal, ...]:
    """One `head` signal a head, `any` among them. scores: probabilities in the order of HEADS."""
    # Two thirds of all signals are these, so they are made without the look-ups of `signal`.
    return tuple(map(Signal, _SCORES, scores, HEADS))


def load_cascade() -> Cascade:
    """The packaged policy under the packaged model's thresholds. Takes a second.

    Raises ModelRefused, OSError for the model's files.
    """
    model = load_linear()
    policy = load_packaged(lambda text: normalise(text).base, model=read_thresholds(model.metadata))
    return Cascade(model, policy)
