"""Holds of what a judged post was edited to: how they are ordered, found, and asked about.

A person's decision is about the version that they saw. What the author put in its place is held until people look, and
so is whatever the author makes of that meanwhile. `review/newer.py` says when such holds begin and end.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection

from zajil.moderation.decide.orders import Order, order_key
from zajil.moderation.store import decisions, queue
from zajil.moderation.store.decisions import EDIT, EDITED, DecisionRow
from zajil.moderation.store.queue import Asker, Item, item_id

HARM: Final = 1000
QUEUES: Final[tuple[queue.Queue, ...]] = ("main", "escalate")


def hold_version(like: DecisionRow, version: int, *, basis: bytes, ended: bytes = b"") -> Order:
    """Hold this version of the post that a decision is about, for the same category.

    basis: the person's decision that it follows from. ended: what is in force about that version.
    """
    return Order(
        key=order_key("newer", basis, version, ended),
        target=like.target,
        version=version,
        channel_id=like.channel_id,
        author=like.author,
        action="hold",
        category=like.category,
        sub=like.sub,
        lang=like.lang,
        source=EDIT,
        because=EDITED,
        policy=like.policy,
        basis=basis,
        automated="fully",
    )


def hold_on(db: Connection, target: bytes, version: int) -> Order | None:
    """Hold a version because an earlier one is held for people still; None where none is, or it is held or judged."""
    about = [each for each in decisions.decisions_about(db, target) if each.target_kind == "post"]
    ended = {each.supersedes for each in about}
    stand = [each for each in about if each.id not in ended]
    if any(each.version == version and (each.is_human or each.waits_for_person) for each in stand):
        return None
    for each in reversed(stand):
        if each.version < version and each.waits_for_person and each.basis is not None:
            return hold_version(each, version, basis=each.basis)
    return None


def ask(db: Connection, order: Order, *, name: queue.Queue, reach: int, now: int) -> None:
    """Ask people about a version that is held, in front of all else in this queue."""
    which = item_id(name, "post", order.target, order.version)
    known = queue.find_item(db, which)
    reported = known is not None and known.state == queue.OPEN and known.source == "notice"
    asker: Asker = "notice" if reported else "edit"
    queue.open_item(
        db,
        Item(
            id=which,
            queue=name,
            target_kind="post",
            target=order.target,
            version=order.version,
            channel_id=order.channel_id,
            author=order.author,
            category=order.category,
            sub=order.sub,
            lang=order.lang,
            source=asker,
            effect=order.action,
            harm=HARM,
            reach=reach,
            opened_at=now,
        ),
    )
