"""The full-text index, SQLite FTS5: one row for each post that all may see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sqlalchemy import ColumnClause, Connection, bindparam, delete, func, insert, literal_column, select

from zajil.channels.store.tables import channel, post, search, version

_PUT = insert(search)
_REMOVE = delete(search).where(search.c.rowid == bindparam("b_seq"))
_MATCHED: ColumnClause[str] = literal_column("pub_search")


class Filters(NamedTuple):
    """What found posts must be. lang: as their author named it, or else their channel; "" for any."""

    lang: str = ""
    channel_id: bytes | None = None


def put(db: Connection, bodies: Mapping[int, str]) -> None:
    """The words of posts that have none there yet, by seq."""
    if bodies:
        db.execute(_PUT, [{"rowid": seq, "body": body} for seq, body in bodies.items()])


def remove(db: Connection, seqs: Sequence[int]) -> None:
    """These posts are found no more."""
    if seqs:
        db.execute(_REMOVE, [{"b_seq": seq} for seq in seqs])


def find(db: Connection, query: str, filters: Filters, *, skip: int, n: int) -> list[int]:
    """Seqs of posts that match an FTS5 query, best first, then newest."""
    found = (
        select(post.c.seq)
        .select_from(search)
        .join(post, post.c.seq == search.c.rowid)
        .join(channel, channel.c.id == post.c.channel_id)
        .where(_MATCHED.op("MATCH")(query), channel.c.state == "open", post.c.shown_as == "visible")
    )
    if filters.channel_id is not None:
        found = found.where(post.c.channel_id == filters.channel_id)
    if filters.lang:
        found = found.join(version, (version.c.post_id == post.c.id) & (version.c.version == post.c.shown))
        found = found.where(func.coalesce(func.nullif(version.c.lang, ""), channel.c.lang) == filters.lang)
    order = (func.bm25(_MATCHED), post.c.seq.desc())
    return list(db.execute(found.order_by(*order).offset(skip).limit(n)).scalars())
