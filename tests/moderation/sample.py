"""A policy to test with: the packaged file under thresholds as a good model would show them, and a plain normaliser."""

from __future__ import annotations

from importlib import resources
from typing import Final

import msgspec

from zajil.moderation.authors import Author
from zajil.moderation.categories import CATEGORIES, LANGUAGES
from zajil.moderation.policy.load import Checked, check_policy
from zajil.moderation.policy.schema import Policy
from zajil.moderation.policy.thresholds import ModelThresholds, Thresholds
from zajil.moderation.signals import Signal, Verdict

FOLDER: Final = resources.files("zajil.moderation.policy")
TEXT: Final = (FOLDER / "policy-1.yaml").read_text(encoding="utf-8")
LEVELS: Final = Thresholds(review=0.3, limit=0.7, auto=0.95)
MODEL: Final = ModelThresholds(
    source="test",
    heads={category: dict.fromkeys(LANGUAGES, LEVELS) for category in CATEGORIES},
    embeddings={category: dict.fromkeys(LANGUAGES, Thresholds(review=0.4)) for category in CATEGORIES},
)
_FOLD: Final = str.maketrans("أإآٱىةؤё", "اااايهوе")
STRANGER: Final = Author(key=bytes(16), trust=0)
ESTABLISHED: Final = Author(key=b"e" * 16, trust=2)


def fold(text: str) -> str:
    """Lower case, folded letters, single spaces: as much of a base view as the phrase lists need."""
    return " ".join(text.lower().translate(_FOLD).split())


def read_list(path: str) -> bytes:
    """A packaged phrase list."""
    return (FOLDER / path).read_bytes()


def check(text: str, model: ModelThresholds = MODEL) -> Checked:
    """The check of a file's text."""
    return check_policy(text, read_list=read_list, normalise=fold, model=model, name="policy-1.yaml")


def sample_policy(model: ModelThresholds = MODEL) -> Policy:
    """The packaged policy under these thresholds."""
    policy = check(TEXT, model).policy
    assert policy is not None
    return policy


POLICY: Final = sample_policy()


def verdict_of(*signals: Signal, lang: str = "en", policy: Policy = POLICY) -> Verdict:
    """A verdict with these signals."""
    return Verdict(
        target=bytes(16),
        version=1,
        policy=policy.ref,
        model="test",
        normaliser=1,
        lang=lang,
        signals=signals,
        stage=3,
    )


def with_rules(policy: Policy = POLICY, *, mode: str) -> Policy:
    """The policy with every rule in one mode."""
    rules = {name: msgspec.structs.replace(rule, mode=mode) for name, rule in policy.rules.items()}
    return msgspec.structs.replace(policy, rules=rules)
