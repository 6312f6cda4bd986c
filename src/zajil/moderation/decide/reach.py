"""Which copies of a cluster a judgement of it may reach: those near the text that was judged, not near one another.

Copies join a cluster one by one, each near any that is in it, so the last may have little in common with the first.
What a person saw is one text. Who is near enough to it says `match/copies.py`; about the others people are asked one by
one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

from sqlalchemy import Connection

from zajil.moderation.decide.confirm import FindPost, kept_of
from zajil.moderation.match.copies import Shape, find_shape, is_allowed_with, is_near, is_removed_with
from zajil.moderation.match.spelling import spell_batch
from zajil.moderation.normalise.text import normalise_batch
from zajil.moderation.store import decisions, queue
from zajil.moderation.store.decisions import Act, DecisionRow
from zajil.moderation.store.matches import ClusterRow, MemberRow
from zajil.moderation.store.queue import Item, item_id

_HARM: Final = 500
"""As of a post that nothing could read: what it is, nobody knows."""
_UNRESTRICTED: Final = frozenset({"allow", "restore"})


class Reached(NamedTuple):
    """copies: whom a judgement decides about. near: near copies of the judged text that lead elsewhere. far: others.

    In none of them: whose text is gone, and whom a person judged alone, which is nearer than a judgement of all.
    """

    copies: list[MemberRow]
    near: list[MemberRow]
    far: list[MemberRow]


def find_reached(
    db: Connection,
    action: Act,
    known: ClusterRow,
    copies: Sequence[MemberRow],
    find_post: FindPost,
    *,
    before: int | None = None,
) -> Reached:
    """Which of these copies of the cluster `known` a judgement of it reaches, by the text that is kept of it.

    action: remove_cluster or allow_cluster. before: seq of the judgement; None for one that is not made yet.
    """
    removes = action == "remove_cluster"
    reaches = is_removed_with if removes else is_allowed_with
    kept = kept_of(known)
    judged = kept.shape if kept is not None else None
    posts = [find_post(db, each.target, each.version) for each in copies]
    read = _read(list(dict.fromkeys(post.text for post in posts if post is not None)))
    reached = Reached([], [], [])
    for each, post in zip(copies, posts, strict=True):
        if post is None or _is_judged_alone(db, each, before):
            continue
        shape = read[post.text]
        if judged is None:
            reached.far.append(each)
        elif reaches(shape, judged):
            reached.copies.append(each)
        elif removes and is_near(shape, judged):
            reached.near.append(each)
        else:
            reached.far.append(each)
    return reached


def _is_judged_alone(db: Connection, each: MemberRow, before: int | None) -> bool:
    current = decisions.find_newest(db, "post", each.target, each.version)
    if current is None or not current.is_human or current.basis is not None:
        return False
    return before is None or current.seq < before


def _read(texts: list[str]) -> dict[str, Shape]:
    spelled = spell_batch(texts, normalise_batch(texts))
    return {raw: find_shape(each) for raw, each in zip(texts, spelled, strict=True)}


def ask_about(db: Connection, row: DecisionRow, known: ClusterRow, far: Sequence[MemberRow], *, now: int) -> None:
    """Ask people about copies that the judgement does not reach, one by one: their question was that of all.

    After an allowance only where something was done to them, or asked for more than that they are many.
    """
    items = []
    for each in far:
        current = decisions.find_newest(db, "post", each.target, each.version)
        if current is not None and current.is_human:
            continue
        if row.action != "remove_cluster":
            if current is None or current.action in _UNRESTRICTED:
                continue
            if current.action == "review" and current.because == "match.campaign":
                continue
        items.append(
            Item(
                id=item_id("main", "post", each.target, each.version),
                queue="main",
                target_kind="post",
                target=each.target,
                version=each.version,
                cluster_id=known.id,
                channel_id=each.channel_id,
                author=each.author,
                category=current.category if current is not None and current.category else row.category,
                sub=current.sub if current is not None else "",
                lang=each.lang,
                source="campaign",
                effect=current.action if current is not None else "",
                harm=_HARM,
                opened_at=now,
            )
        )
    queue.open_all(db, items)
