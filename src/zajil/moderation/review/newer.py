"""What a person's decision about one version of a post means for the text that its author put in its place since.

A decision is about the version that the person saw. It proves nothing about a later one, but whoever edits a post that
was reported must not keep it up by that: what others see of it now is held until people look, in the same transaction.
Such a hold is a program's decision with the source `edit`: no strike, its own reasons for the author, no end but a
person's word, and no program decides before that. Whatever shows the judged version again lifts it too, unless a person
judged the later one meanwhile.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.moderation.decide import edits
from zajil.moderation.decide.decide import Decisions, decide_in
from zajil.moderation.decide.orders import Order, order_key
from zajil.moderation.review.view import SpaceView
from zajil.moderation.store import claims, decisions, queue, verdicts
from zajil.moderation.store.decisions import EDIT, Act, DecisionRow
from zajil.moderation.store.queue import item_id

HIDING: Final[frozenset[Act]] = frozenset({"limit", "hold", "remove"})
LIFTED: Final = "edit lifted"
"""`because` of what ends one with the decision it followed from."""
_UNDECIDED: Final[frozenset[Act]] = frozenset({"review", "escalate"})


def is_judged(current: DecisionRow | None) -> bool:
    """Whether a person decided about a version, by what is in force about it."""
    return current is not None and current.is_human and current.action not in _UNDECIDED


def hold_newer(moderation: Decisions, db: Connection, space: SpaceView, row: DecisionRow) -> None:
    """Hold what others see, or may come to see, of this post after the version that a person restricted.

    What a person decided about it stands, and so does a program's removal. The newest is asked about in the queue that
    the decision was made in.
    """
    orders = []
    for version in space.find_later(db, row.target, row.version):
        current = decisions.find_newest(db, "post", row.target, version)
        if is_judged(current):
            continue
        if current is None or not (current.waits_for_person or current.action == "remove"):
            ended = current.id if current is not None else b""
            orders.append(edits.hold_version(row, version, basis=row.id, ended=ended))
    if not orders:
        return
    decide_in(moderation, db, orders)
    judged = queue.find_closed(db, row.id)
    name: queue.Queue = judged.queue if judged is not None and judged.queue in edits.QUEUES else "main"
    edits.ask(db, orders[0], name=name, reach=judged.reach if judged is not None else 0, now=moderation.now())


def lift_newer(moderation: Decisions, db: Connection, row: DecisionRow) -> None:
    """End what follows, for later versions, from what this person's decision ended, and have them judged anew."""
    about = [each for each in decisions.decisions_about(db, row.target) if each.target_kind == "post"]
    ended = {each.supersedes for each in about}
    bases = {each.id for each in about if each.version == row.version}
    found = [
        each
        for each in about
        if each.version > row.version and each.basis in bases and each.id not in ended and each.action in HIDING
        if each.waits_for_person or each.is_human
    ]
    if not found:
        return
    before = {each.id: each for each in about}
    orders = [_lift(row, each, before.get(each.supersedes or b"")) for each in found]
    decide_in(moderation, db, orders)
    for order in orders:
        _ask_no_more(db, order, moderation.now())
    moderation.requeue(db, verdicts.mark_stale(db, [(each.target, each.version) for each in found]))


def _lift(row: DecisionRow, held: DecisionRow, before: DecisionRow | None) -> Order:
    """Shown again; where a program had restricted it before, as that had."""
    like = before if before is not None and before.action in HIDING and not held.is_human else None
    return Order(
        key=order_key("newer lifted", held.id, row.id),
        target=held.target,
        version=held.version,
        channel_id=held.channel_id,
        author=held.author,
        action=like.action if like is not None else "restore",
        category=like.category if like is not None else "",
        sub=like.sub if like is not None else "",
        lang=held.lang,
        source="person" if held.is_human else EDIT,
        because=LIFTED,
        actor=row.actor if held.is_human else b"",
        policy=held.policy,
        basis=row.id,
        automated="partially" if held.is_human else "fully",
        hold_until=like.hold_until if like is not None else None,
    )


def _ask_no_more(db: Connection, order: Order, now: int) -> None:
    """What people were asked because of the hold; what somebody reported they are asked still."""
    for name in edits.QUEUES:
        known = queue.find_item(db, item_id(name, "post", order.target, order.version))
        if known is not None and known.source == "edit":
            claims.close_one(db, known.id, decision_id=None, now=now)
        elif known is not None and known.state == queue.OPEN:
            queue.set_effect(db, known.id, order.action if order.action in HIDING else "")
