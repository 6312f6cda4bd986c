"""`Text`: one sentence in three languages, and the language of this process.

Codes, JSON and command names are the same in every language; only sentences for people are translated.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

from zajil.cli.untrusted import isolate

Language = Literal["en", "ar", "ru"]
LANGUAGES: tuple[Language, ...] = ("en", "ar", "ru")


def decide_language(environ: Mapping[str, str]) -> Language:
    """ZAJIL_LANG, else the first set one of LC_ALL, LC_MESSAGES, LANG, else English; `ar_EG.UTF-8` means Arabic."""
    for variable in ("ZAJIL_LANG", "LC_ALL", "LC_MESSAGES", "LANG"):
        value = environ.get(variable, "").strip().lower()
        if not value:
            continue
        code = value.replace("-", "_").split("_")[0].split(".")[0]
        return next((known for known in LANGUAGES if known == code), "en")
    return "en"


@lru_cache(maxsize=1)
def language() -> Language:
    """The language of this process, decided once."""
    return decide_language(os.environ)


class Text(NamedTuple):
    """One sentence. Placeholders are the same in all three; values are isolated where directions meet."""

    en: str
    ar: str
    ru: str

    def __call__(self, /, **values: str | int) -> str:
        return self.in_language(language(), **values)

    def in_language(self, code: Language, /, **values: str | int) -> str:
        """The sentence in this language; a name of the other direction cannot drag its neighbours along."""
        template: str = getattr(self, code)
        if not values:
            return template
        rtl = code == "ar"
        return template.format(**{key: isolate(str(value), in_rtl=rtl) for key, value in values.items()})
