"""All phrase lists of a policy in one automaton: one pass over a view finds every phrase of every list.

Phrases match as whole words in their order. Commas, dashes and quotation marks between the words do not hide them; the
end of a sentence does, so that "nothing is guaranteed. Profits vary" is no offer. Views and phrases are cut the same
way, and each word stands between spaces, which is what keeps the matches to whole words. A phrase written as one word
matches as well: that is what the normaliser makes of letters that were spaced out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, Protocol

import ahocorasick

_TOKEN: Final = re.compile(r"\w+|[.!?…؟;؛\n]")
PHRASES_SHOWN: Final = 5
JOINED_CHARACTERS: Final = 12
"""Shorter phrases, run together, may be words of their own."""


class _Automaton(Protocol):
    """What we use of `ahocorasick.Automaton`, which ships no types."""

    def iter(self, text: str) -> Iterator[tuple[int, tuple[str, tuple[str, ...]]]]: ...


class PhraseIndex:
    """The phrases of all lists. Memory: about 100 bytes a character of distinct phrases."""

    def __init__(self, lists: Mapping[str, Iterable[str]]) -> None:
        owners: dict[str, tuple[str, list[str]]] = {}
        for name, phrases in lists.items():
            for phrase in phrases:
                words = cut_words(phrase, stops=False)
                joined = f" {words.replace(' ', '')} "
                for key in {words, joined} if len(joined) >= JOINED_CHARACTERS else {words}:
                    if key.strip():
                        owners.setdefault(key, (phrase, []))[1].append(name)
        self._automaton: _Automaton | None = None
        if owners:
            automaton = ahocorasick.Automaton()
            for key, (phrase, names) in owners.items():
                automaton.add_word(key, (phrase, tuple(dict.fromkeys(names))))
            automaton.make_automaton()
            self._automaton = automaton

    def find(self, views: Iterable[str]) -> dict[str, list[str]]:
        """The lists of which a phrase stands in any of the views, each with up to five of its phrases."""
        found: dict[str, list[str]] = {}
        if self._automaton is None:
            return found
        for view in views:
            for _, (phrase, names) in self._automaton.iter(cut_words(view)):
                for name in names:
                    shown = found.setdefault(name, [])
                    if len(shown) < PHRASES_SHOWN and phrase not in shown:
                        shown.append(phrase)
        return found


def cut_words(text: str, *, stops: bool = True) -> str:
    """The words of a text between single spaces, with one before and one after; sentence ends stay where wanted."""
    tokens = _TOKEN.findall(text)
    if not stops:
        tokens = [token for token in tokens if token[0].isalnum() or token[0] == "_"]
    return " " + " ".join(tokens) + " "
