"""Reviewers' decisions on items, and taking one's own back within a minute.

A decision is made once by its key, closes its item, and is carried out before the answer goes. `undo` puts back what
was in force before, counters and strikes included, and gives the item to whoever took the decision back.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.moderation.categories import SUBS, find_category
from zajil.moderation.decide.confirm import OPEN
from zajil.moderation.decide.decide import decide_in, hand_over, spread_all
from zajil.moderation.decide.orders import ID_BYTES, Order, order_key
from zajil.moderation.review import newer
from zajil.moderation.review.aftermath import RESTRICTING, UNDONE
from zajil.moderation.review.context import Review, Reviewer
from zajil.moderation.review.items import check_item
from zajil.moderation.review.persons import decide_about
from zajil.moderation.store import claims, decisions, matches, queue, samples
from zajil.moderation.store.decisions import Act, DecisionRow, Source
from zajil.moderation.store.queue import Item, item_id
from zajil.protocol.control import B16
from zajil.protocol.errors import error
from zajil.protocol.ids import parse_b64
from zajil.protocol.review import api

ESCALATED_HARM: Final = 1000
_POST_ACTS: Final[frozenset[str]] = frozenset({"allow", "label", "limit", "hold", "remove", "restore", "escalate"})


async def decide_item(review: Review, reviewer: Reviewer, item: str, request: api.Decide) -> api.Decided:
    """What stands after the decision on an item that the caller holds, or nobody does.

    Raises gone, item-claimed (another holds it), item-closed, malformed, not-allowed, step-up-needed.
    """
    which = parse_b64(item, size=16)
    key = _key(review, which, reviewer, request)
    check_words(request)

    def write(db: Connection) -> DecisionRow | None:
        stored = decisions.find_by_key(db, key)
        if stored is not None:
            return stored
        found = check_item(reviewer, queue.find_item(db, which))
        now = review.now()
        if found.state != queue.OPEN:
            raise error("item-closed")
        if found.claimed_by not in (None, reviewer.staff_id) and found.claimed_until > now:
            raise error("item-claimed")
        if found.queue == "audit":
            _judge_blind(db, found, reviewer, request, now)
            return None
        if found.target_kind in ("persona", "channel"):
            row = decide_about(review, db, reviewer, found, request, key=key)
        elif found.target_kind == "cluster":
            raise error("malformed", "a cluster is decided on its preview")
        else:
            row = _decide_post(review, db, reviewer, found, request, key)
        claims.close_one(db, found.id, decision_id=row.id, now=now)
        return row

    row = await review.db.write(write)
    await carry_out(review)
    if row is None:  # the blind sample: no decision was made, and none is told
        return api.Decided(B16(which), "judged", request.category or "", review.now())
    return view_decided(row)


async def undo_item(review: Review, reviewer: Reviewer, item: str) -> api.Decided:
    """What stands after the caller took back their own decision of the last minute. Raises gone, undo-late."""
    which = parse_b64(item, size=16)

    def write(db: Connection) -> DecisionRow:
        found = check_item(reviewer, queue.find_item(db, which))
        made = decisions.find_decision(db, found.decision_id) if found.decision_id is not None else None
        now = review.now()
        if made is None or made.actor != reviewer.staff_id or now - made.at > api.UNDO_S:
            raise error("undo-late")
        newest = decisions.find_newest(db, made.target_kind, made.target, made.version)
        if newest is None or newest.id != made.id:
            raise error("undo-late", "another decision took its place")
        orders = _undoing(db, made, reviewer, review)
        rows = [each.row for each in decide_in(review.decisions, db, orders)]
        known = matches.find_cluster_of(db, made.target, made.version) if made.target_kind == "cluster" else None
        if known is not None:
            matches.set_cluster_state(db, known.id, OPEN, None, now=now)
        if made.action == "escalate":
            grave = item_id("escalate", found.target_kind, found.target, found.version)
            claims.close_one(db, grave, decision_id=made.id, now=now)
        claims.reopen(db, found.id, reviewer.staff_id, until=now + api.CLAIM_S)
        return rows[-1] if rows else made

    row = await review.db.write(write)
    await carry_out(review)
    return view_decided(row, undo=False)


async def carry_out(review: Review) -> None:
    """Have what was just decided done: posts, copies, and those who wait for events."""
    await hand_over(review.decisions)
    review.decisions.woken()
    await spread_all(review.decisions)
    review.nudge()


def view_decided(row: DecisionRow, *, undo: bool = True, copies: int = 0) -> api.Decided:
    """A decision as its maker sees it. undo: whether it can be taken back."""
    until = row.at + api.UNDO_S if undo else 0
    return api.Decided(B16(row.id), row.action, row.category, row.at, undo_until=until, copies=copies)


def check_words(request: api.Decide | api.DecideCluster) -> None:
    """Raises Malformed where something is restricted without saying what for, or as something it has not."""
    restricts = request.action in RESTRICTING or request.action == "remove_cluster"
    if restricts and request.category is None:
        raise error("malformed", "category")
    if request.sub and request.sub not in SUBS.get(find_category(request.category or "") or "spam", ()):
        raise error("malformed", "sub")


def find_source(item: Item | None) -> Source:
    """Where a person's decision comes from: users' notices, or what moderation found itself."""
    return "notice" if item is not None and item.source == "notice" else "person"


def _key(review: Review, which: bytes, reviewer: Reviewer, request: api.Decide) -> bytes:
    nonce = request.nonce if request.nonce is not None else review.random(16)
    return order_key("review", which, reviewer.staff_id, bytes(nonce))


def _decide_post(
    review: Review, db: Connection, reviewer: Reviewer, item: Item, request: api.Decide, key: bytes
) -> DecisionRow:
    if request.action not in _POST_ACTS:
        raise error("malformed", "an action for another kind of item")
    restricts = request.action in RESTRICTING
    act: Act = request.action
    order = Order(
        key=key,
        target=item.target,
        version=item.version,
        channel_id=item.channel_id,
        author=item.author,
        action=act,
        category=request.category or "" if restricts or act == "escalate" else "",
        sub=request.sub if restricts else "",
        lang=item.lang,
        source=find_source(item),
        because=item.source,
        actor=reviewer.staff_id,
        policy=review.decisions.policy().ref,
        automated="not",
        hold_until=request.until if act == "hold" else None,
        note=request.note,
    )
    row = decide_in(review.decisions, db, [order, *_also_newest(review, db, order, request)])[0].row
    if act == "escalate":
        open_grave(db, item, request, review.now())
    return row


def _also_newest(review: Review, db: Connection, order: Order, request: api.Decide) -> tuple[Order, ...]:
    """The same about a later version that the reviewer saw as well: one judgement, so one strike.

    What a person decided about it stands. Raises malformed where there is no such version, or nothing is hidden.
    """
    if not request.newest:
        return ()
    is_later = request.newest > order.version and request.action in newer.HIDING
    if not is_later or review.space.read_subject(db, order.target, request.newest) is None:
        raise error("malformed", "newest")
    if newer.is_judged(decisions.find_newest(db, "post", order.target, request.newest)):
        return ()
    key = order_key("newest too", order.key, request.newest)
    return (msgspec.structs.replace(order, key=key, version=request.newest, basis=order.key[:ID_BYTES]),)


def open_grave(db: Connection, item: Item, request: api.Decide, now: int) -> None:
    """Ask those who judge what is severe."""
    queue.open_item(
        db,
        Item(
            id=item_id("escalate", item.target_kind, item.target, item.version),
            queue="escalate",
            target_kind=item.target_kind,
            target=item.target,
            version=item.version,
            cluster_id=item.cluster_id,
            channel_id=item.channel_id,
            author=item.author,
            category=request.category or item.category,
            sub=request.sub or item.sub,
            lang=item.lang,
            source=item.source,
            effect=item.effect,
            harm=ESCALATED_HARM,
            reach=item.reach,
            opened_at=now,
        ),
    )


def _judge_blind(db: Connection, item: Item, reviewer: Reviewer, request: api.Decide, now: int) -> None:
    """The blind sample: what a person says it is, compared later with what was done. It changes nothing by itself."""
    if samples.is_own(db, item.target, item.version, reviewer.staff_id):
        raise error("own-decision")
    harmful = request.action in RESTRICTING
    judgement = (request.category or "") if harmful else "none"
    samples.judge(db, item.target, item.version, judgement=judgement, staff_id=reviewer.staff_id, now=now)
    claims.close_one(db, item.id, decision_id=None, now=now)


def _undoing(db: Connection, made: DecisionRow, reviewer: Reviewer, review: Review) -> Sequence[Order]:
    """The decisions that put back what was in force before this one: none where it restricted and gave back nothing."""
    if made.target_kind == "cluster":
        if made.action != "remove_cluster":
            return ()
        return (_follow(made, reviewer, review, "allow_cluster", 0),)
    orders: list[Order] = []
    if made.action in RESTRICTING:
        orders.append(_follow(made, reviewer, review, "restore", 0))
    before = decisions.find_decision(db, made.supersedes) if made.supersedes is not None else None
    if made.action != "escalate" and before is not None and before.action in RESTRICTING:
        taught = before.is_human and before.basis is None
        again = _follow(made, reviewer, review, before.action, 1, like=before)
        # What a person had decided stands again as theirs would, with its strike; a program's only for the moment.
        because, basis = (before.because, None) if taught else (UNDONE, before.id)
        orders.append(msgspec.structs.replace(again, because=because, basis=basis))
    return orders


def _follow(
    made: DecisionRow, reviewer: Reviewer, review: Review, action: Act, number: int, *, like: DecisionRow | None = None
) -> Order:
    return Order(
        key=order_key("undo", made.id, number),
        target_kind=made.target_kind,
        target=made.target,
        version=made.version,
        channel_id=made.channel_id,
        author=made.author,
        action=action,
        category=like.category if like is not None else "",
        sub=like.sub if like is not None else "",
        lang=made.lang,
        source="person",
        because=UNDONE,
        actor=reviewer.staff_id,
        policy=review.decisions.policy().ref,
        automated="not",
        hold_until=like.hold_until if like is not None else None,
    )
