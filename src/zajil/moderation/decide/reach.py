"""Which copies of a cluster a judgement of it may reach: those near the text that was judged, not near one another.

Copies join a cluster one by one, each near any that is in it, so the last may have little in common with the first.
What a person saw is one text. Who is near enough to it says `match/copies.py`; about the others people are asked one by
one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
from sqlalchemy import Connection

from zajil.moderation.decide.confirm import FindPost, parse_targets
from zajil.moderation.match.copies import NEAR, Shape, find_shape, is_allowed_with, is_removed_with
from zajil.moderation.match.minhash import estimate_jaccard
from zajil.moderation.match.spelling import spell_batch
from zajil.moderation.normalise.text import normalise_batch
from zajil.moderation.store import decisions, queue, verdicts
from zajil.moderation.store.decisions import DecisionRow
from zajil.moderation.store.matches import ClusterRow, MemberRow
from zajil.moderation.store.queue import Item, item_id

_HARM: Final = 500
"""As of a post that nothing could read: what it is, nobody knows."""
_UNRESTRICTED: Final = frozenset({"allow", "restore"})


class Reached(NamedTuple):
    """The copies that a judgement is about, and the others. Copies whose text is gone are of those if they were near by
    their signature, else of neither."""

    near: list[MemberRow]
    far: list[MemberRow]


def find_reached(
    db: Connection, row: DecisionRow, known: ClusterRow, copies: Sequence[MemberRow], find_post: FindPost
) -> Reached:
    """Which of these copies of the cluster `known` the judgement `row` reaches."""
    removes = row.action == "remove_cluster"
    is_with = is_removed_with if removes else is_allowed_with
    judged = _find_judged(db, row, known, find_post)
    posts = [find_post(db, each.target, each.version) for each in copies]
    read = _read(list(dict.fromkeys(post.text for post in posts if post is not None)))
    reached = Reached([], [])
    for each, post in zip(copies, posts, strict=True):
        if post is None:
            if removes and _was_near(db, known, each):
                reached.near.append(each)
        elif judged is not None and is_with(read[post.text], judged):
            reached.near.append(each)
        else:
            reached.far.append(each)
    return reached


def _find_judged(db: Connection, row: DecisionRow, known: ClusterRow, find_post: FindPost) -> Shape | None:
    if row.action == "remove_cluster":
        # What `confirm_text` kept, also where the post itself is gone by now.
        return Shape(np.frombuffer(known.grams, np.uint32), parse_targets(known.entities)) if known.grams else None
    post = find_post(db, row.target, row.version)
    return _read([post.text])[post.text] if post is not None else None


def _read(texts: list[str]) -> dict[str, Shape]:
    spelled = spell_batch(texts, normalise_batch(texts))
    return {raw: find_shape(each) for raw, each in zip(texts, spelled, strict=True)}


def _was_near(db: Connection, known: ClusterRow, each: MemberRow) -> bool:
    verdict = verdicts.find_verdict(db, each.target, each.version)
    if verdict is None or verdict.signature is None or known.signature is None:
        return False
    one, other = (np.frombuffer(signature, np.uint32) for signature in (verdict.signature, known.signature))
    return float(estimate_jaccard(one, other)) >= NEAR


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
