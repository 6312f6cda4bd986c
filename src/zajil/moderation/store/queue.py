"""The queue: what people are asked to look at. One item for each post version, cluster, persona or channel."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec
from sqlalchemy import Connection, select, update

from zajil.engine.sql.dialects import upsert
from zajil.moderation.store.decisions import TargetKind
from zajil.moderation.store.tables import item

Queue: TypeAlias = Literal["main", "escalate", "error", "senior", "private", "audit"]
Asker: TypeAlias = Literal[
    "match", "rule", "score", "judge", "notice", "campaign", "gate", "error", "strikes", "sample", "edit"
]
OPEN, DONE = "open", "done"


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """What a person is asked to look at. id: `item_id`. effect: what holds until they do. harm: 0 to 1000, of the post.

    reach: followers of the channel, or copies of a cluster. claimed_by: member of staff until claimed_until.
    """

    id: bytes
    queue: Queue
    target_kind: TargetKind
    target: bytes
    version: int
    cluster_id: str | None = None
    channel_id: bytes = b""
    author: bytes = b""
    category: str = ""
    sub: str = ""
    lang: str = "und"
    source: Asker
    effect: str = ""
    harm: int = 0
    reach: int = 0
    state: str = OPEN
    claimed_by: bytes | None = None
    claimed_until: int = 0
    decision_id: bytes | None = None
    opened_at: int
    closed_at: int | None = None


_FIELDS = Item.__struct_fields__
_COLUMNS = [item.c[name] for name in _FIELDS]
_INSERT = upsert(item)
# Asked again, an item keeps its place; it becomes graver, never milder, and opens again if it was closed.
_OPEN = _INSERT.on_conflict_do_update(
    index_elements=["id"],
    set_={
        "category": _INSERT.excluded.category,
        "sub": _INSERT.excluded.sub,
        "source": _INSERT.excluded.source,
        "effect": _INSERT.excluded.effect,
        "harm": _INSERT.excluded.harm,
        "reach": _INSERT.excluded.reach,
        "state": OPEN,
        "decision_id": None,
        "closed_at": None,
    },
    where=(item.c.state == DONE) | (item.c.harm < _INSERT.excluded.harm) | (item.c.reach < _INSERT.excluded.reach),
)


def item_id(queue: Queue, kind: TargetKind, target: bytes, version: int) -> bytes:
    """16 bytes: the same thing is one item, however often somebody asks."""
    name = f"{queue} {kind} {version} ".encode() + target
    return hashlib.sha256(name).digest()[:16]


def open_item(db: Connection, each: Item) -> None:
    """Ask people about this, or once more."""
    open_all(db, [each])


def open_all(db: Connection, items: Sequence[Item]) -> None:
    """`open_item` for each, in order."""
    if items:
        db.execute(_OPEN, [msgspec.structs.asdict(each) for each in items])


def find_item(db: Connection, which: bytes) -> Item | None:
    """The item with this id."""
    row = db.execute(select(*_COLUMNS).where(item.c.id == which)).one_or_none()
    return Item(**dict(zip(_FIELDS, row, strict=True))) if row else None


def find_closed(db: Connection, decision_id: bytes) -> Item | None:
    """An item that this decision closed."""
    row = db.execute(select(*_COLUMNS).where(item.c.decision_id == decision_id).limit(1)).one_or_none()
    return Item(**dict(zip(_FIELDS, row, strict=True))) if row else None


def open_items(db: Connection, *, queue: Queue | None = None, n: int = 500) -> list[Item]:
    """Open items, oldest first; claimed ones too."""
    found = select(*_COLUMNS).where(item.c.state == OPEN)
    if queue is not None:
        found = found.where(item.c.queue == queue)
    rows = db.execute(found.order_by(item.c.opened_at, item.c.id).limit(n))
    return [Item(**dict(zip(_FIELDS, row, strict=True))) for row in rows]


def set_effect(db: Connection, which: bytes, effect: str) -> None:
    """What holds now until somebody decides about this item."""
    db.execute(update(item).where(item.c.id == which).values(effect=effect))


def close_items(db: Connection, target: bytes, version: int, decision_id: bytes, *, now: int) -> int:
    """Close every open item about this, by this decision; how many there were."""
    chosen = (
        (item.c.target == target) & (item.c.version == version) & (item.c.state == OPEN) & (item.c.queue != "audit")
    )
    values = {"state": DONE, "decision_id": decision_id, "closed_at": now, "claimed_by": None, "claimed_until": 0}
    return db.execute(update(item).where(chosen).values(**values)).rowcount
