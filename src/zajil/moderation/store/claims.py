"""Statements about who works on which item: claimed under a lease, one at a time, most urgent first (`heads`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

from sqlalchemy import BigInteger, ColumnElement, Connection, case, cast, func, select, update

from zajil.moderation.store.heads import find_urgent, place_of
from zajil.moderation.store.people import notice
from zajil.moderation.store.queue import OPEN, Item, Queue
from zajil.moderation.store.tables import decision, item

_FIELDS = Item.__struct_fields__
_COLUMNS = [item.c[name] for name in _FIELDS]
_HUMAN = ("notice",)


class Filter(NamedTuple):
    """A saved filter. Empty tuples and None: everything. sources: human (notices), bot (of bots) or model."""

    queue: Queue
    categories: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    source: str | None = None
    item_id: bytes | None = None


class Count(NamedTuple):
    """How a queue stands. oldest_at: Unix seconds, 0 if it is empty."""

    queue: str
    open: int
    claimed: int
    oldest_at: int


def name_claim(claimed_by: bytes | None, staff_id: bytes) -> Literal["", "mine", "other"]:
    """Whose a claim is, as a member sees it."""
    return "" if claimed_by is None else "mine" if claimed_by == staff_id else "other"


def _matching(wanted: Filter) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [item.c.queue == wanted.queue, item.c.state == OPEN]
    if wanted.categories:
        # What no category is known of yet is everybody's.
        found.append(item.c.category.in_((*wanted.categories, "", "any")))
    if wanted.languages:
        found.append(item.c.lang.in_(wanted.languages))
    if wanted.source is not None:
        found.append(_of_source(wanted.source))
    if wanted.item_id is not None:
        found.append(item.c.id == wanted.item_id)
    return found


def _of_source(source: str) -> ColumnElement[bool]:
    by_person = select(notice.c.id).where(
        notice.c.target == item.c.target, notice.c.version == item.c.version, notice.c.reporter_kind == "person"
    )
    if source == "model":
        return item.c.source.not_in(_HUMAN)
    return item.c.source.in_(_HUMAN) & (by_person.exists() if source == "human" else ~by_person.exists())


def _not_own(staff_id: bytes) -> ColumnElement[bool]:
    """In the blind sample, nobody judges what they decided themselves."""
    own = select(decision.c.seq).where(
        decision.c.target == item.c.target, decision.c.version == item.c.version, decision.c.actor == staff_id
    )
    return (item.c.queue != "audit") | ~own.exists()


def list_items(db: Connection, wanted: Filter, *, now: int, n: int) -> list[Item]:
    """Open items, claimed ones too, the most urgent first."""
    return find_urgent(db, wanted.queue, _matching(wanted), now=now, n=n)


def claim(
    db: Connection, wanted: Filter, staff_id: bytes, *, now: int, until: int, n: int, but: Sequence[bytes] = ()
) -> list[Item]:
    """Up to n items, this member's alone until then. What they hold already in this queue comes first and anew.

    but: items that they passed over.
    """
    fit = [*_matching(wanted), _not_own(staff_id)]
    if but:
        fit.append(item.c.id.not_in(list(but)))
    items = _held(db, fit, staff_id, now=now, n=n)
    if len(items) < n:
        free = item.c.claimed_by.is_(None) | ((item.c.claimed_until <= now) & (item.c.claimed_by != staff_id))
        items += find_urgent(db, wanted.queue, [*fit, free], now=now, n=n - len(items))
    if items:
        chosen = item.c.id.in_([each.id for each in items])
        db.execute(update(item).where(chosen).values(claimed_by=staff_id, claimed_until=until))
    return items


def _held(db: Connection, fit: Sequence[ColumnElement[bool]], staff_id: bytes, *, now: int, n: int) -> list[Item]:
    """What a member has claimed, also where the lease is over and nobody else took it."""
    rows = db.execute(select(*_COLUMNS).where(*fit, item.c.claimed_by == staff_id))
    held = [Item(**dict(zip(_FIELDS, row, strict=True))) for row in rows]
    return sorted(held, key=lambda each: place_of(each, now=now))[:n]


def release(db: Connection, item_id: bytes, staff_id: bytes) -> bool:
    """The item is anybody's again; False where this member does not hold it."""
    mine = (item.c.id == item_id) & (item.c.claimed_by == staff_id) & (item.c.state == OPEN)
    return db.execute(update(item).where(mine).values(claimed_by=None, claimed_until=0)).rowcount == 1


def release_all(db: Connection, staff_id: bytes) -> int:
    """What a member held is anybody's again; how many items."""
    mine = (item.c.claimed_by == staff_id) & (item.c.state == OPEN)
    return db.execute(update(item).where(mine).values(claimed_by=None, claimed_until=0)).rowcount


def close_one(db: Connection, item_id: bytes, *, decision_id: bytes | None, now: int) -> None:
    """This item alone is done."""
    values = {"state": "done", "decision_id": decision_id, "closed_at": now, "claimed_by": None, "claimed_until": 0}
    db.execute(update(item).where(item.c.id == item_id, item.c.state == OPEN).values(**values))


def reopen(db: Connection, item_id: bytes, staff_id: bytes, *, until: int) -> None:
    """A decision was taken back: its item waits again, with whoever took it back."""
    values = {"state": OPEN, "decision_id": None, "closed_at": None, "claimed_by": staff_id, "claimed_until": until}
    db.execute(update(item).where(item.c.id == item_id).values(**values))


def raise_item(db: Connection, item_id: bytes, *, harm: int) -> None:
    """More people complained about what waits already."""
    db.execute(update(item).where(item.c.id == item_id, item.c.harm < harm).values(harm=harm))


def items_about(db: Connection, target: bytes, version: int) -> list[Item]:
    """Open items about a version, the blind sample's not among them."""
    this = (item.c.target == target) & (item.c.version == version) & (item.c.state == OPEN) & (item.c.queue != "audit")
    rows = db.execute(select(*_COLUMNS).where(this).order_by(item.c.opened_at, item.c.id))
    return [Item(**dict(zip(_FIELDS, row, strict=True))) for row in rows]


def count_queues(db: Connection, wanted: Sequence[Filter], *, now: int) -> list[Count]:
    """How each of these queues stands."""
    counts = []
    for each in wanted:
        claimed = cast(func.coalesce(func.sum(case((item.c.claimed_until > now, 1), else_=0)), 0), BigInteger)
        found = select(func.count(), claimed, func.coalesce(func.min(item.c.opened_at), 0))
        row = db.execute(found.where(*_matching(each))).one()
        counts.append(Count(each.queue, int(row[0]), int(row[1]), int(row[2])))
    return counts
