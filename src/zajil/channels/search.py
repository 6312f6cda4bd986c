"""Search over what all may see: every word of the query, in any form; "quoted" words as they stand; `begin*`.

Texts and queries are folded by one function. A text's word is indexed as its form and its stem, so a query's word finds
either. Nothing of a query reaches the index but letters and digits.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from zajil.channels.context import CallingPersona, Channels
from zajil.channels.cursors import Kind, encode_cursor, parse_cursor
from zajil.channels.spaces import check_readable, find_place
from zajil.channels.store import index, posts
from zajil.channels.store.index import Filters, Term
from zajil.channels.store.posts import Shown
from zajil.channels.views import view_post
from zajil.protocol.errors import error
from zajil.protocol.public import api

_PARTS: Final = re.compile(r'"([^"]*)"|(\S+)')
_WORDS: Final = re.compile(r"[^\W_]+")
_WITHIN: Final = frozenset({"Mn", "Mc", "Me", "Cf"})
_TERMS: Final = 16
_DEPTH: Final = 1000
"""How far results go; whoever wants more narrows the query."""


async def find_posts(
    space: Channels,
    caller: CallingPersona | None,
    query: str,
    *,
    lang: str = "",
    channel: str | None = None,
    before: str | None = None,
) -> api.Posts:
    """A page of posts that match, best first. Raises malformed (query, cursor, filter), gone (channel)."""
    skip = 0 if before is None else parse_cursor(Kind.SEARCH, before)
    if len(query) > api.QUERY_CHARACTERS or len(lang) > 16 or skip > _DEPTH:
        raise error("malformed", "search")
    match = parse_query(query, space.fold)

    def read(db: Connection) -> tuple[list[Shown], int]:
        place = None if channel is None else find_place(db, caller, channel)
        if place is not None:
            check_readable(place)
        if not match:
            return [], 0
        filters = Filters(lang, place.channel.id if place else None)
        found = index.find(db, match, filters, skip=skip, n=api.PAGE + 1)
        # As others see them: what an author alone may see is not in the index.
        return posts.find_many(db, found[: api.PAGE], None), len(found)

    shown, count = await space.db.read(read)
    more = count > api.PAGE and skip + api.PAGE <= _DEPTH
    cursor = encode_cursor(Kind.SEARCH, skip + api.PAGE) if more else None
    return api.Posts(tuple(view_post(each, None) for each in shown), cursor)


def parse_query(query: str, fold: Callable[[str], str]) -> list[Term]:
    """What it asks for, at most 16 terms; none if it holds no word. fold: a text's folded words, spaces between."""
    terms: list[Term] = []
    for phrase, word in _PARTS.findall(query):
        if phrase:
            folded = _WORDS.findall(fold(phrase))
            if folded:
                terms.append(Term(tuple(folded), "row"))
            continue
        pieces = split_word(word)
        for piece in pieces:
            forms = list(dict.fromkeys(_WORDS.findall(fold(piece))))
            if forms and word.endswith("*") and piece is pieces[-1]:
                terms.append(Term((forms[0],), "begin"))
            elif forms:
                terms.append(Term(tuple(forms)))
    return terms[:_TERMS]


def split_word(word: str) -> list[str]:
    """The words in a text without spaces. Marks and format characters split none: vowels are written with marks."""
    return "".join(each if each.isalnum() or _belongs(each) else " " for each in word).split()


def _belongs(character: str) -> bool:
    return unicodedata.category(character) in _WITHIN
