"""The most urgent items of a queue, found without a look at all of them.

Order = expected harm x reach x age, each taken so that none drowns the others: harm 1..1000, reach by its bit length,
age in hours and one. Ties go to the older item, then to the smaller id: the same queue always has the same order.
In front of all stands what was held because its post was edited after a report: somebody just judged the rest of it.

Harm and reach are an item's stake, of which there are few values, and an index has each value's items by age. So the
most urgent item is the oldest of one of the stakes, and no stake can have it that would lose even with the oldest item
of the queue. What is looked at grows with the number of stakes and of items that the filter leaves out, not with items.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from heapq import heappop, heappush
from typing import Any, Final, NamedTuple

from sqlalchemy import ColumnElement, Connection, Integer, Row, Select, func, literal, literal_column, select, tuple_

from zajil.moderation.store.queue import OPEN, Item, Queue
from zajil.moderation.store.tables import EDITED, STAKE, item

_FIELDS = Item.__struct_fields__
_COLUMNS = [item.c[name] for name in _FIELDS]
_STAKE: Final[ColumnElement[int]] = literal_column(STAKE, Integer)
"""As the index has it, so that it is used: no parameter may stand in it."""
_HOUR_S: Final = 3600
_AT_ONCE: Final = 64
"""Stakes that one statement looks at."""
_ABOVE_ALL: Final = 2 * EDITED
Conditions = Sequence[ColumnElement[bool]]


class Place(NamedTuple):
    """Where an item stands: before all that are greater."""

    calm: bool
    urgency: int
    opened_at: int
    id: bytes


class _Head(NamedTuple):
    """A stake's next item, and what comes after it. item_id: no two are the same, so that nothing else is compared."""

    place: Place
    item: Item
    rest: Iterator[tuple[Place, Item]]


def find_urgent(db: Connection, queue: Queue, wanted: Conditions, *, now: int, n: int) -> list[Item]:
    """Up to n open items of a queue that fulfil all conditions, the most urgent first. now: Unix seconds."""
    oldest = db.execute(select(func.min(item.c.opened_at)).where(*_waiting(queue))).scalar_one()
    heads: list[_Head] = []
    found: list[Item] = []
    below: int | None = None if oldest is None else _ABOVE_ALL
    while len(found) < n:
        while below is not None and (not heads or _best_of(below, int(oldest), now) <= heads[0].place[:2]):
            below = _look_at_more(db, queue, wanted, below=below, now=now, heads=heads)
        if not heads:
            break
        head = heappop(heads)
        if head.item.id not in {each.id for each in found}:  # PostgreSQL may raise its stake between two statements
            found.append(head.item)
        after = next(head.rest, None) if len(found) < n else None
        if after is not None:
            heappush(heads, _Head(*after, head.rest))
    return found


def _waiting(queue: Queue) -> list[ColumnElement[bool]]:
    return [item.c.queue == queue, item.c.state == OPEN]


def place_of(each: Item, *, now: int) -> Place:
    """Where an item stands among others. now: Unix seconds."""
    weight = next((power + 1 for power in range(0, 31, 2) if each.reach < 2**power), 32)
    stake = (each.harm + 1) * weight + (EDITED if each.source == "edit" else 0)
    return Place(*_urgency(stake, each.opened_at, now), each.opened_at, each.id)


def _urgency(stake: int, opened_at: int, now: int) -> tuple[bool, int]:
    """Whether nobody edited it, and how urgent it is, negative: what sorts first is looked at first."""
    hours = max(0, now - opened_at) // _HOUR_S + 1
    return stake < EDITED, -(stake % EDITED) * hours


def _best_of(below: int, oldest: int, now: int) -> tuple[bool, int]:
    """No item of a lesser stake stands before this."""
    return (False, -EDITED * EDITED) if below > EDITED else _urgency(below, oldest, now)


def _look_at_more(
    db: Connection, queue: Queue, wanted: Conditions, *, below: int, now: int, heads: list[_Head]
) -> int | None:
    """Add the heads of the next stakes; the least of these, None where there is none after it."""
    rows = db.execute(_next_stakes(queue, wanted, below)).all()
    ids = [row[1] for row in rows if row[1] is not None]
    for row in db.execute(select(_STAKE, *_COLUMNS).where(item.c.id.in_(ids))) if ids else ():
        place, first = _read(row, now)
        rest = _rest_of(db, queue, wanted, row[0], after=first, now=now)
        heappush(heads, _Head(place, first, rest))
    return min(int(row[0]) for row in rows) if len(rows) == _AT_ONCE else None


def _next_stakes(queue: Queue, wanted: Conditions, below: int) -> Select[Any]:  # Any: a stake, and an id or None
    """Statement: the greatest stakes below this one, each with the id of its oldest item that is wanted, if any."""

    def greatest(bound: ColumnElement[int]) -> ColumnElement[int]:
        under = select(_STAKE).where(*_waiting(queue), bound > _STAKE).order_by(_STAKE.desc()).limit(1)
        return under.correlate_except(item).scalar_subquery()

    first = select(greatest(literal(below, Integer)).label("stake"), literal(1, Integer).label("n"))
    walk = first.cte("walk", recursive=True)
    walk = walk.union_all(
        select(greatest(walk.c.stake), walk.c.n + 1).where(walk.c.stake.is_not(None), walk.c.n < _AT_ONCE)
    )
    oldest = select(item.c.id).where(*_waiting(queue), walk.c.stake == _STAKE, *wanted)
    head = oldest.order_by(item.c.opened_at, item.c.id).limit(1).correlate(walk).scalar_subquery()
    return select(walk.c.stake, head).where(walk.c.stake.is_not(None))


def _rest_of(
    db: Connection, queue: Queue, wanted: Conditions, stake: int, *, after: Item, now: int
) -> Iterator[tuple[Place, Item]]:
    """The items of a stake behind this one, in their order; asked for in growing handfuls."""
    size, last = 4, after
    while True:
        behind = tuple_(item.c.opened_at, item.c.id) > tuple_(literal(last.opened_at), literal(last.id))
        found = select(_STAKE, *_COLUMNS).where(*_waiting(queue), literal(stake) == _STAKE, behind, *wanted)
        rows = db.execute(found.order_by(item.c.opened_at, item.c.id).limit(size)).all()
        for row in rows:
            place, last = _read(row, now)
            yield place, last
        if len(rows) < size:
            return
        size *= 2


def _read(row: Row[Any], now: int) -> tuple[Place, Item]:  # Any: a stake, and an item's columns
    found = Item(**dict(zip(_FIELDS, row[1:], strict=True)))
    return Place(*_urgency(row[0], found.opened_at, now), found.opened_at, found.id), found
