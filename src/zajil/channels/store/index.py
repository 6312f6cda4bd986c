"""The full-text index: one row for each post that all may see. SQLite has it as FTS5, PostgreSQL as a tsvector.

Both get the same folded words and the same questions; in what order of fitness they answer is each one's own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

from sqlalchemy import (
    ColumnClause,
    Connection,
    Select,
    bindparam,
    cast,
    delete,
    func,
    insert,
    literal_column,
    select,
    text,
)
from sqlalchemy.dialects.postgresql import TSQUERY

from zajil.channels.store.tables import channel, post, search, version, words

_WORDS: Final = re.compile(r"[^\W_]+")
_LAST_PLACE: Final = 16_383
"""Of a word in a tsvector; those behind it are found, though not as a part of a quotation."""
_PUT = insert(search)
_REMOVE = delete(search).where(search.c.rowid == bindparam("b_seq"))
_PUT_WORDS = text("INSERT INTO pub_words (seq, words) VALUES (:seq, CAST(:words AS tsvector))")
_REMOVE_WORDS = delete(words).where(words.c.seq == bindparam("b_seq"))
_MATCHED: ColumnClause[str] = literal_column("pub_search")


class Term(NamedTuple):
    """What a found post must hold: one of these words; all of them in a row; or one that begins so.

    Words are of letters and digits alone.
    """

    words: tuple[str, ...]
    kind: str = "any"
    """"any", "row" or "begin"."""


class Filters(NamedTuple):
    """What found posts must be. lang: as their author named it, or else their channel; "" for any."""

    lang: str = ""
    channel_id: bytes | None = None


def put(db: Connection, bodies: Mapping[int, str]) -> None:
    """The words of posts that have none there yet, by seq."""
    if not bodies:
        return
    if db.dialect.name == "sqlite":
        db.execute(_PUT, [{"rowid": seq, "body": body} for seq, body in bodies.items()])
    else:
        db.execute(_PUT_WORDS, [{"seq": seq, "words": as_vector(body)} for seq, body in bodies.items()])


def bodies_of_vectors() -> str:
    """Of PostgreSQL's index, a question for each post's seq and its words in order, which `put` makes the same of."""
    return (
        "SELECT seq, coalesce((SELECT string_agg(lexeme, ' ' ORDER BY place)"
        " FROM unnest(words) AS w (lexeme, places, weights), unnest(places) AS place), '') FROM pub_words"
    )


def remove(db: Connection, seqs: Sequence[int]) -> None:
    """These posts are found no more."""
    if seqs:
        db.execute(_REMOVE if db.dialect.name == "sqlite" else _REMOVE_WORDS, [{"b_seq": seq} for seq in seqs])


def as_vector(body: str) -> str:
    """A body as a tsvector is written."""
    places: dict[str, list[int]] = {}
    for place, word in enumerate(_WORDS.findall(body), 1):
        places.setdefault(word, []).append(min(place, _LAST_PLACE))
    return " ".join(f"'{word}':{','.join(map(str, there[:256]))}" for word, there in places.items())


def find(db: Connection, terms: Sequence[Term], filters: Filters, *, skip: int, n: int) -> list[int]:
    """Seqs of posts that match every term, best first, then newest. There is at least one."""
    found = _fts5(terms) if db.dialect.name == "sqlite" else _tsquery(terms)
    found = found.join(channel, channel.c.id == post.c.channel_id)
    found = found.where(channel.c.state == "open", post.c.shown_as == "visible")
    if filters.channel_id is not None:
        found = found.where(post.c.channel_id == filters.channel_id)
    if filters.lang:
        found = found.join(version, (version.c.post_id == post.c.id) & (version.c.version == post.c.shown))
        found = found.where(func.coalesce(func.nullif(version.c.lang, ""), channel.c.lang) == filters.lang)
    return list(db.execute(found.offset(skip).limit(n)).scalars())


def _fts5(terms: Sequence[Term]) -> Select[Any]:  # Any: one column
    found = select(post.c.seq).select_from(search).join(post, post.c.seq == search.c.rowid)
    matching = found.where(_MATCHED.op("MATCH")(fts5_query(terms)))
    return matching.order_by(func.bm25(_MATCHED), post.c.seq.desc())


def _tsquery(terms: Sequence[Term]) -> Select[Any]:  # Any: as above
    query = cast(bindparam("query", ts_query(terms)), TSQUERY)
    found = select(post.c.seq).select_from(words).join(post, post.c.seq == words.c.seq)
    fitness = func.ts_rank(words.c.words, query, 1)  # 1: a long text holds many words by chance
    return found.where(words.c.words.op("@@")(query)).order_by(fitness.desc(), post.c.seq.desc())


def fts5_query(terms: Sequence[Term]) -> str:
    """The terms as a question to FTS5."""
    return " AND ".join(map(_fts5_term, terms))


def _fts5_term(term: Term) -> str:
    if term.kind == "row":
        return f'"{" ".join(term.words)}"'
    if term.kind == "begin":
        return f'"{term.words[0]}" *'
    return "(" + " OR ".join(f'"{each}"' for each in term.words) + ")"


def ts_query(terms: Sequence[Term]) -> str:
    """The terms as a tsquery is written."""
    return " & ".join(map(_tsquery_term, terms))


def _tsquery_term(term: Term) -> str:
    quoted = [f"'{each}'" for each in term.words]
    if term.kind == "begin":
        return f"{quoted[0]}:*"
    return "(" + (" <-> " if term.kind == "row" else " | ").join(quoted) + ")"
