"""What a query finds in a text: every word of it must occur, each at the beginning of a word; "quoted" ones as they
stand.

An Arabic word is found with and without the article and what is written together with it: كتاب in والكتاب and للكتاب,
الكتاب in كتاب. Words of scripts that put no blanks between words are found anywhere. Twin: web/src/protocol/search.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final, NamedTuple

from zajil.protocol.search.folding import fold, fold_places

CHARACTERS_MIN: Final = 2
"""Letters and digits that a query must have."""
QUERY_CHARACTERS: Final = 200
TERMS_MAX: Final = 16
_QUOTES: Final = '"“”„«»'
_PARTS: Final = re.compile(f"[{_QUOTES}]([^{_QUOTES}]*)([{_QUOTES}]|$)|([^\\s{_QUOTES}]+)")
_WORD: Final = re.compile(r"[^\W_]+")
_ARABIC: Final = ("\u0600", "\u06ff")
# Thai, Lao, Burmese, Khmer, Japanese, Chinese.
_UNSPACED: Final = (
    (0x0E00, 0x0EFF), (0x1000, 0x109F), (0x1780, 0x17FF), (0x3040, 0x30FF), (0x3400, 0x9FFF), (0x20000, 0x3FFFF),
)  # fmt: skip
_ARTICLE: Final = "ال"
_FOR_THE: Final = "لل"
_LEFT_MIN: Final = 2
"""Letters that must be left of a word without its article."""
_STEM_MIN: Final = 3
"""And without a lone letter before it: two out of any three would be a word."""


class Term(NamedTuple):
    """Words that follow each other. exact: none of them is the beginning of a longer one; else the last one may be."""

    words: tuple[str, ...]
    exact: bool


class Query(NamedTuple):
    """Terms, all of which must occur; none where the query has fewer than `CHARACTERS_MIN` letters and digits."""

    terms: tuple[Term, ...]


class Mark(NamedTuple):
    """A range of a text that was found: code points from `start` up to `end`."""

    start: int
    end: int


def parse_query(text: str) -> Query:
    """What a person looks for. Total; a quotation that is still being written is not exact yet."""
    terms: list[Term] = []
    for found in _PARTS.finditer(text[:QUERY_CHARACTERS]):
        quoted, closed, word = found.groups()
        words = tuple(_WORD.findall(fold(word if quoted is None else quoted)))
        if words:
            terms.append(Term(words, exact=quoted is not None and closed != ""))
    terms = list(dict.fromkeys(terms))[:TERMS_MAX]
    if sum(len(word) for term in terms for word in term.words) < CHARACTERS_MIN:
        terms = []
    return Query(tuple(terms))


def matches(query: Query, texts: Sequence[str]) -> bool:
    """Whether there are terms, and each occurs in one of the texts: of a message, and the names of its files."""
    folded = [fold(text) for text in texts]
    return bool(query.terms) and all(
        any(next(_find(term, text), None) is not None for text in folded) for term in query.terms
    )


def find_marks(query: Query, text: str) -> tuple[Mark, ...]:
    """Where the query's words stand in a text, in order; those that touch are one."""
    folded, places = fold_places(text)
    marks: list[Mark] = []
    for start, end in sorted(found for term in query.terms for found in _find(term, folded)):
        at = places[start]
        # A letter may be several folded ones: it is marked whole, with the marks on it.
        after = places[max(end, bisect_left(places, places[end - 1] + 1))]
        if marks and at <= marks[-1].end:
            marks[-1] = Mark(marks[-1].start, max(marks[-1].end, after))
        else:
            marks.append(Mark(at, after))
    return tuple(marks)


def _find(term: Term, text: str) -> Iterator[tuple[int, int]]:
    """Ranges of a folded text where a term occurs."""
    first, *others = term.words
    for form in _forms(first) if not others and not term.exact else [first]:
        at = text.find(form)
        while at >= 0:
            if _begins(text, at, form, exact=term.exact):
                end = _follow(text, at + len(form), others, exact=term.exact)
                if end is not None:
                    yield at, end
            at = text.find(form, at + 1)


def _forms(word: str) -> list[str]:
    """A word of a query, and without its article, which the text may not have."""
    bare = [word[at:] for at in _starts(word) if at >= len(_ARTICLE) and word[at - 2 : at] in (_ARTICLE, _FOR_THE)]
    return [word, *bare[:1]]


def _begins(text: str, at: int, form: str, *, exact: bool) -> bool:
    """Whether a word that may be found with this form begins there."""
    if at == 0 or not _is_letter(text[at - 1]):
        return True
    if exact:
        return False
    if _is_unspaced(form[0]):
        return True
    if not _ARABIC[0] <= form[0] <= _ARABIC[1]:
        return False
    start = at
    while start > 0 and at - start <= 4 and _is_letter(text[start - 1]):
        start -= 1
    end = at
    while end < len(text) and end - at < _STEM_MIN and _is_letter(text[end]):
        end += 1
    return (at - start) in _starts(text[start:end])


def _starts(word: str) -> list[int]:
    """Where the word itself may begin in what is written as one: after و ف, after ب ل, after the article."""
    starts = [0]
    if word[:1] in ("و", "ف"):
        starts.append(1)
    starts += [at + 1 for at in starts if word[at : at + 1] in ("ب", "ل")]
    with_article = [at + 2 for at in starts if word[at : at + 2] in (_ARTICLE, _FOR_THE)]
    lone = [at for at in starts[1:] if len(word) - at >= _STEM_MIN]
    return sorted({0, *lone, *(at for at in with_article if len(word) - at >= _LEFT_MIN)})


def _follow(text: str, at: int, words: Sequence[str], *, exact: bool) -> int | None:
    """Where the words end that stand one after the other from `at` on; None where other ones do."""
    for word in words:
        if at < len(text) and _is_letter(text[at]):
            return None
        while at < len(text) and not _is_letter(text[at]):
            at += 1
        if not text.startswith(word, at):
            return None
        at += len(word)
    if exact and at < len(text) and _is_letter(text[at]):
        return None
    return at


def _is_letter(character: str) -> bool:
    """Whether words are made of it."""
    return character.isalnum()


def _is_unspaced(character: str) -> bool:
    return any(first <= ord(character) <= last for first, last in _UNSPACED)
