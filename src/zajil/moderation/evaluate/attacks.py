"""How much of what is found in clean text is found in the same text disguised.

Of each set the harmful cases, at the head's `review` threshold; where a head has none, at the score that one in a
hundred of its clean benign cases reaches.
"""

from __future__ import annotations

import msgspec
import numpy as np

from zajil.moderation.categories import HEADS, LANGUAGES
from zajil.moderation.data.attacks import TRAINED, UNSEEN
from zajil.moderation.evaluate.scorers import Scorer, find_levels
from zajil.moderation.evaluate.sets import TestSet

ALARMS = 0.01


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One attack on one language of one set. clean, attacked: recall; kept: their ratio, None where clean is 0.

    clean_alarms, alarms: share of benign cases called harm, clean and under the attack: recall that is kept because
    everything disguised looks like harm is worth nothing. unseen: the attack is in no training row.
    """

    cases: int
    clean: float
    attacked: float
    kept: float | None
    clean_alarms: float
    alarms: float
    unseen: bool = False


def evaluate_attacks(test: TestSet, scorer: Scorer) -> dict[str, dict[str, Kept]]:
    """By language, then attack. English has no Latin writing of its own to hide in."""
    head = HEADS.index(test.head)
    found: dict[str, dict[str, Kept]] = {}
    for language in LANGUAGES:
        harmful = [case.text for case in test.cases if case.language == language and case.harmful]
        benign = [case.text for case in test.cases if case.language == language and not case.harmful]
        if not harmful or not benign:
            continue
        bar = find_levels(scorer.metadata, test.head, language).review
        if bar is None:
            quiet = np.sort(scorer.score(benign)[:, head])[::-1]
            bar = float(np.nextafter(quiet[int(ALARMS * len(quiet))], np.inf))
        clean, clean_alarms = (float((scorer.score(texts)[:, head] >= bar).mean()) for texts in (harmful, benign))
        found[language] = {}
        for name, attack in {**TRAINED, **UNSEEN}.items():
            if (language, name) == ("en", "latin"):
                continue
            attacked, alarms = (
                float((scorer.score([attack(text, language) for text in texts])[:, head] >= bar).mean())
                for texts in (harmful, benign)
            )
            found[language][name] = Kept(
                cases=len(harmful),
                clean=round(clean, 4),
                attacked=round(attacked, 4),
                kept=round(attacked / clean, 4) if clean else None,
                clean_alarms=round(clean_alarms, 4),
                alarms=round(alarms, 4),
                unseen=name in UNSEEN,
            )
    return found
