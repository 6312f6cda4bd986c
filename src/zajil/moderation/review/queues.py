"""Queues: what waits for people, taken one lease at a time, most urgent first. A queue is a saved filter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import Connection

from zajil.moderation.review.context import Review, Reviewer
from zajil.moderation.review.items import brief, check_item, may_work_on
from zajil.moderation.store import appeals, claims, notices, queue
from zajil.moderation.store.claims import Filter
from zajil.moderation.store.queue import Item
from zajil.protocol.errors import error
from zajil.protocol.ids import encode_b64, parse_b64
from zajil.protocol.review import api

QUEUES: Final[tuple[queue.Queue, ...]] = ("escalate", "senior", "main", "error", "audit", "private")
LISTED: Final = 100


async def list_queues(review: Review, reviewer: Reviewer) -> api.Queues:
    """The queues that the caller may work on, with how much waits for them."""

    def read(db: Connection) -> api.Queues:
        wanted = [_filter(reviewer, name) for name in QUEUES if may_work_on(reviewer, name)]
        counts = claims.count_queues(db, wanted, now=review.now())
        named = dict(zip((each.queue for each in wanted), counts, strict=True))
        waiting = 0
        if reviewer.role in ("senior", "admin"):
            waiting = len(appeals.open_appeals(db, staff_id=reviewer.staff_id, n=1000))
        return api.Queues(
            tuple(api.QueueCount(name, each.open, each.claimed, each.oldest_at) for name, each in named.items()),
            waiting,
        )

    return await review.db.read(read)


async def list_items(review: Review, reviewer: Reviewer, name: str, filters: Mapping[str, str]) -> api.Items:
    """Open items of a queue, claimed ones too, the most urgent first. Raises gone, malformed."""
    wanted = _narrow(_filter(reviewer, parse_queue(reviewer, name)), filters)

    def read(db: Connection) -> api.Items:
        now = review.now()
        found = claims.list_items(db, wanted, now=now, n=LISTED)
        return api.Items(tuple(brief(db, item, reviewer, now) for item in found))

    return await review.db.read(read)


async def claim(review: Review, reviewer: Reviewer, name: str, request: api.NewClaim) -> api.Items:
    """Up to n items that are the caller's alone for ten minutes; what they hold already comes first.

    With `item`, that one. Raises gone (no such queue or item for them), item-claimed (another holds it), item-closed.
    """
    given = {
        key: value
        for key, value in (("category", request.category), ("lang", request.lang), ("source", request.source))
        if value is not None
    }
    wanted = _narrow(_filter(reviewer, parse_queue(reviewer, name)), given)._replace(
        item_id=bytes(request.item) if request.item is not None else None
    )

    def write(db: Connection) -> api.Items:
        now = review.now()
        until = now + api.CLAIM_S
        found = claims.claim(db, wanted, reviewer.staff_id, now=now, until=until, n=request.n)
        if not found and wanted.item_id is not None:
            item = check_item(reviewer, queue.find_item(db, wanted.item_id))
            if item.queue != wanted.queue:
                raise error("gone")
            raise error("item-claimed" if item.state == queue.OPEN else "item-closed")
        for item in found:
            for each in notices.start_review(db, item.target, item.version):
                review.space.tell(db, each.reporter, "report.updated", encode_b64(each.id))
        taken = [queue.find_item(db, item.id) or item for item in found]
        return api.Items(tuple(brief(db, item, reviewer, now) for item in taken))

    items = await review.db.write(write)
    review.nudge()
    return items


async def release(review: Review, reviewer: Reviewer, item: str) -> api.Empty:
    """The item is anybody's again. Raises gone, item-claimed where another holds it."""
    which = parse_b64(item, size=16)

    def write(db: Connection) -> None:
        found = check_item(reviewer, queue.find_item(db, which))
        if not claims.release(db, found.id, reviewer.staff_id):
            check_holder(found, reviewer, review.now())

    await review.db.write(write)
    return api.Empty()


async def skip(review: Review, reviewer: Reviewer, item: str) -> api.Items:
    """The item is anybody's again, and another is the caller's, if there is one. Nothing is held against them."""
    which = parse_b64(item, size=16)

    def write(db: Connection) -> api.Items:
        now = review.now()
        found = check_item(reviewer, queue.find_item(db, which))
        if not claims.release(db, found.id, reviewer.staff_id):
            check_holder(found, reviewer, now)
        wanted = _filter(reviewer, found.queue)
        until = now + api.CLAIM_S
        others = claims.claim(db, wanted, reviewer.staff_id, now=now, until=until, n=1, but=[found.id])
        taken = [queue.find_item(db, each.id) or each for each in others]
        return api.Items(tuple(brief(db, each, reviewer, now) for each in taken))

    return await review.db.write(write)


def check_holder(item: Item, reviewer: Reviewer, now: int) -> None:
    """Raises Conflict `item-closed`, or `item-claimed` unless the caller holds the item now."""
    if item.state != queue.OPEN:
        raise error("item-closed")
    if item.claimed_by != reviewer.staff_id or item.claimed_until <= now:
        raise error("item-claimed")


def parse_queue(reviewer: Reviewer, name: str) -> queue.Queue:
    """The queue of this name, where the caller may work on it. Raises Refused `gone`."""
    for known in QUEUES:
        if known == name and may_work_on(reviewer, known):
            return known
    raise error("gone")


def _filter(reviewer: Reviewer, name: queue.Queue) -> Filter:
    """What of a queue is this member's: reviewers have their languages and categories, others see all."""
    if reviewer.role != "reviewer":
        return Filter(name)
    return Filter(name, reviewer.categories, reviewer.languages)


def _narrow(wanted: Filter, filters: Mapping[str, str]) -> Filter:
    category, lang, source = (filters.get(name) for name in ("category", "lang", "source"))
    if source not in (None, "human", "bot", "model"):
        raise error("malformed", "source")
    if category is not None:
        fits = not wanted.categories or category in wanted.categories
        wanted = wanted._replace(categories=(category,) if fits else ("none of theirs",))
    if lang is not None:
        fits = not wanted.languages or lang in wanted.languages
        wanted = wanted._replace(languages=(lang,) if fits else ("none of theirs",))
    return wanted._replace(source=source)
