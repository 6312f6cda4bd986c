"""All phrase lists of a policy in one automaton: one pass over a view finds every phrase of every list.

Phrases match as whole words in their order. Commas, dashes and quotation marks between the words do not hide them; the
end of a sentence does, so that "nothing is guaranteed. Profits vary" is no offer. Views and phrases are cut the same
way, and each word stands between spaces, which is what keeps the matches to whole words. A phrase written as one word
matches as well: that is what the normaliser makes of letters that were spaced out.

Where more was spaced out than a phrase, or less, those words are none: "an o f f e r s o" is "an offerso". Within such
words, and nowhere else, a phrase matches without regard to where words end.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Final, Protocol, TypeAlias

import ahocorasick

from zajil.moderation.rules.hints import WordHints

_TOKEN: Final = re.compile(r"\w+|[.!?…؟;؛\n]")
PHRASES_SHOWN: Final = 5
JOINED_CHARACTERS: Final = 12
"""Shorter phrases, run together, may be words of their own. Spaces before and after count."""
_Owner: TypeAlias = tuple[str, tuple[str, ...]]
"""A phrase as the list has it, and the lists it stands in."""


class _Automaton(Protocol):
    """What we use of `ahocorasick.Automaton`, which ships no types. iter: where words end, and what was added."""

    def iter(self, text: str) -> Iterator[tuple[int, tuple[int, _Owner]]]: ...


class PhraseIndex:
    """The phrases of all lists. Memory: about 200 bytes a character of distinct phrases."""

    def __init__(self, lists: Mapping[str, Iterable[str]]) -> None:
        words: dict[str, tuple[str, list[str]]] = {}
        run_together: dict[str, tuple[str, list[str]]] = {}
        hints: dict[str, tuple[str, list[str]]] = {}
        for name, phrases in lists.items():
            for phrase in phrases:
                key = cut_words(phrase, stops=False)
                joined = f" {key.replace(' ', '')} "
                if key.strip():
                    hints[max(key.split(), key=len)] = ("", [])
                    words.setdefault(key, (phrase, []))[1].append(name)
                if len(joined) >= JOINED_CHARACTERS:
                    words.setdefault(joined, (phrase, []))[1].append(name)
                    run_together.setdefault(joined.strip(), (phrase, []))[1].append(name)
        # However a phrase is written, its longest word is in the text; in most texts none of these is.
        self._seldom = WordHints(hints)
        self._words = _build(words)
        self._run_together = _build(run_together)
        self._hints = _build(hints)

    def hint(self, views: Sequence[str]) -> set[int]:
        """Places of the views in which `find` may find something; in the others it does not, without words `joined`."""
        return self._seldom.find(views)

    def find(self, views: Iterable[str], *, joined: Collection[str] = ()) -> dict[str, list[str]]:
        """The lists of which a phrase stands in any of the views, each with up to five of its phrases.

        joined: words of the first view that were spelled out.
        """
        found: dict[str, list[str]] = {}
        if self._words is None or self._hints is None:
            return found
        for number, view in enumerate(views):
            if not joined and next(self._hints.iter(view), None) is None:
                continue
            cut = cut_words(view)
            for _, (_, owner) in self._words.iter(cut):
                _note(found, owner)
            if joined and not number and self._run_together is not None:
                for owner in _find_run_together(self._run_together, cut.split(), joined):
                    _note(found, owner)
        return found


def _build(owners: Mapping[str, tuple[str, list[str]]]) -> _Automaton | None:
    if not owners:
        return None
    automaton = ahocorasick.Automaton()
    for key, (phrase, names) in owners.items():
        automaton.add_word(key, (len(key), (phrase, tuple(dict.fromkeys(names)))))
    automaton.make_automaton()
    built: _Automaton = automaton
    return built


def _note(found: dict[str, list[str]], owner: _Owner) -> None:
    phrase, names = owner
    for name in names:
        shown = found.setdefault(name, [])
        if len(shown) < PHRASES_SHOWN and phrase not in shown:
            shown.append(phrase)


def _find_run_together(automaton: _Automaton, tokens: list[str], joined: Collection[str]) -> Iterator[_Owner]:
    """Phrases in the words without their spaces. Each ends where words end, or within one that was spelled out."""
    edges, place = {0}, 0
    for token in tokens:
        edges.update(range(place, place + len(token)) if token in joined else (place,))
        place += len(token)
    edges.add(place)
    for last, (size, owner) in automaton.iter("".join(tokens)):
        if last + 1 - size in edges and last + 1 in edges:
            yield owner


def cut_words(text: str, *, stops: bool = True) -> str:
    """The words of a text between single spaces, with one before and one after; sentence ends stay where wanted."""
    tokens = _TOKEN.findall(text)
    if not stops:
        tokens = [token for token in tokens if token[0].isalnum() or token[0] == "_"]
    return " " + " ".join(tokens) + " "
