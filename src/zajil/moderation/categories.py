"""What posts can be acted on for, and in which languages: one list, in the order of the model's heads.

A new harm class or language is a line here, its texts in the policy file, and an evaluation set.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

Category: TypeAlias = Literal["fraud", "violence_incitement", "hate", "harassment", "sexual", "self_harm", "spam"]
Language: TypeAlias = Literal["ar", "en", "ru"]

CATEGORIES: Final[tuple[Category, ...]] = (
    "fraud",
    "violence_incitement",
    "hate",
    "harassment",
    "sexual",
    "self_harm",
    "spam",
)
ANY: Final = "any"
"""The head that says whether anything at all is wrong. It orders queues and opens stages; it never acts."""
HEADS: Final[tuple[str, ...]] = (*CATEGORIES, ANY)
SUBS: Final[dict[Category, tuple[str, ...]]] = {"violence_incitement": ("threat", "sabotage", "terrorism")}
LANGUAGES: Final[tuple[Language, ...]] = ("ar", "en", "ru")
UNDETERMINED: Final = "und"
"""No language of ours: never acted on by a score, only by matches, rules without scores, notices and people."""


_CATEGORIES: Final[dict[str, Category]] = {category: category for category in CATEGORIES}
_LANGUAGES: Final[dict[str, Language]] = {language: language for language in LANGUAGES}


def find_category(name: str) -> Category | None:
    """The category of this name; None for `any` and everything else."""
    return _CATEGORIES.get(name)


def find_language(name: str) -> Language | None:
    """The language of this name; None for `und` and everything else."""
    return _LANGUAGES.get(name)
