"""A judgement of a cluster, or its reversal, carried to each copy: every copy has its own decision.

Work that is left stands in the table `spread`, so a process that dies goes on where it was.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sqlalchemy import Connection

from zajil.moderation.decide import confirm
from zajil.moderation.decide.confirm import CLEARED, CONFIRMED, FindPost, Requeue
from zajil.moderation.decide.orders import Order, order_key
from zajil.moderation.decide.reach import Reached, ask_about, find_reached
from zajil.moderation.store import decisions, matches, verdicts
from zajil.moderation.store.decisions import Act, DecisionRow

AT_ONCE: Final = 200
Finish = Callable[[Connection], None]
"""Called after the orders were decided: writes down how far it is."""


def judge_cluster(
    db: Connection, row: DecisionRow, current: DecisionRow | None, find_post: FindPost, requeue: Requeue, *, now: int
) -> None:
    """A person's decision about a cluster: its text is known, or known to be harmless, and its copies will follow."""
    known = matches.find_cluster_of(db, row.target, row.version)
    if known is None:
        return
    if current is not None:
        confirm.revoke(db, current, now=now)
    kept = confirm.kept_of(known) or confirm.choose_text(db, known, find_post)
    post = confirm.find_shown(db, known, kept, find_post) if kept is not None else None
    removes = row.action == "remove_cluster"
    known = known._replace(state=CONFIRMED if removes else CLEARED, decision_id=row.id, at=row.at)
    if removes:
        known = known._replace(category=row.category, sub=row.sub)
    matches.put_judged_cluster(db, known._replace(**kept._asdict()) if kept is not None else known)
    if removes:
        if post is not None:
            confirm.requeue_others(db, known.id, confirm.confirm_text(db, post, row), requeue)
        matches.unsettle_members(db, known.id)
    decisions.insert_spread(db, row.id, now=now)


def next_orders(db: Connection, find_post: FindPost, requeue: Requeue) -> tuple[list[Order], Finish]:
    """Up to 200 decisions about copies that the oldest judgement asks for, and how to write down that they are made."""
    row = decisions.find_spread(db)
    if row is None:
        return [], lambda _db: None
    if row.action == "remove_cluster" or (row.action == "allow_cluster" and row.supersedes is None):
        return _to_members(db, row, find_post, requeue)
    return _to_followers(db, row)


def _to_members(db: Connection, row: DecisionRow, find_post: FindPost, requeue: Requeue) -> tuple[list[Order], Finish]:
    known = matches.find_cluster_of(db, row.target, row.version)
    copies = matches.members(db, known.id, n=AT_ONCE, unsettled=True) if known else []
    action: Act = "remove" if row.action == "remove_cluster" else "allow"
    reached = find_reached(db, row.action, known, copies, find_post, before=row.seq) if known else Reached([], [], [])
    orders = [
        _order(row, action, target=each.target, version=each.version, channel_id=each.channel_id, author=each.author)
        for each in reached.copies
    ]

    def finish(db: Connection) -> None:
        if known is not None and action == "remove":
            fresh = confirm.confirm_copies(db, reached.copies, row, find_post, length=known.length)
            confirm.requeue_others(db, known.id, fresh, requeue)
            # They are near copies of what is known to be harmful now, as those are that come after.
            requeue(db, verdicts.mark_stale(db, [(each.target, each.version) for each in reached.near]))
        if known is not None:
            ask_about(db, row, known, [*reached.near, *reached.far], now=row.at)
        matches.settle_members(db, copies)
        if len(copies) < AT_ONCE:
            decisions.delete_spread(db, row.id)

    return orders, finish


def _to_followers(db: Connection, row: DecisionRow) -> tuple[list[Order], Finish]:
    """The decisions that followed from the one that was reversed, each restored."""
    reversed_row = decisions.find_decision(db, row.supersedes) if row.supersedes is not None else None
    # A reversed copy speaks for the judgement it followed from.
    basis = (reversed_row.basis or reversed_row.id) if reversed_row else row.id
    followers = decisions.current_on(db, basis, n=AT_ONCE)
    orders = [
        _order(row, "restore", target=each.target, version=each.version, channel_id=each.channel_id, author=each.author)
        for each in followers
    ]

    def finish(db: Connection) -> None:
        if len(followers) < AT_ONCE:
            decisions.delete_spread(db, row.id)

    return orders, finish


def _order(row: DecisionRow, action: Act, *, target: bytes, version: int, channel_id: bytes, author: bytes) -> Order:
    return Order(
        key=order_key("copy", row.key, target, version),
        target=target,
        version=version,
        channel_id=channel_id,
        author=author,
        action=action,
        category=row.category if action == "remove" else "",
        sub=row.sub if action == "remove" else "",
        lang=row.lang,
        # One appeal has one outcome in the log; what follows for copies is a person's decision about them.
        source="person" if row.source == "appeal" else row.source,
        because=row.because,
        actor=row.actor,
        policy=row.policy,
        basis=row.id,
        automated="partially",
    )
