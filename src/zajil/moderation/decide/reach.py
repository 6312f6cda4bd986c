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
    kept = kept_of(known)
    return sort_copies(
        action, kept.shape if kept is not None else None, read_copies(db, copies, find_post, before=before)
    )


def read_copies(
    db: Connection, copies: Sequence[MemberRow], find_post: FindPost, *, before: int | None = None
) -> list[tuple[MemberRow, Shape]]:
    """The copies that a judgement may reach, read: those that are there, and that no person judged alone."""
    newest = decisions.find_all_newest(db, [each.target for each in copies])
    found: list[tuple[MemberRow, str]] = []
    for each in copies:
        if _is_judged_alone(newest.get(("post", each.target, each.version)), before):
            continue
        post = find_post(db, each.target, each.version)
        if post is not None:
            found.append((each, post.text))
    texts = list(dict.fromkeys(text for _, text in found))
    spelled = spell_batch(texts, normalise_batch(texts))
    shapes = {text: find_shape(each) for text, each in zip(texts, spelled, strict=True)}
    return [(each, shapes[text]) for each, text in found]


def sort_copies(action: Act, judged: Shape | None, copies: Sequence[tuple[MemberRow, Shape]]) -> Reached:
    """Which of these a judgement of that text reaches. Pure; copies of one text share their shape."""
    removes = action == "remove_cluster"
    reaches = is_removed_with if removes else is_allowed_with
    reached = Reached([], [], [])
    places: dict[int, list[MemberRow]] = {}
    for each, shape in copies:
        place = places.get(id(shape))
        if place is None:
            place = reached.far
            if judged is not None and reaches(shape, judged):
                place = reached.copies
            elif judged is not None and removes and is_near(shape, judged):
                place = reached.near
            places[id(shape)] = place
        place.append(each)
    return reached


def _is_judged_alone(current: DecisionRow | None, before: int | None) -> bool:
    if current is None or not current.is_human or current.basis is not None:
        return False
    return before is None or current.seq < before


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
