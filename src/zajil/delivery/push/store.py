"""Subscriptions of devices, and statements over them and over the engine's queue of who is to be woken."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import (
    Column,
    ColumnElement,
    Connection,
    LargeBinary,
    Table,
    delete,
    func,
    insert,
    select,
    update,
)

from zajil.delivery.context import DeviceCaller
from zajil.engine.sql.database import METADATA, U64, describe
from zajil.engine.sql.schema import mailbox, push_due
from zajil.protocol.ids import AccountId, DeviceId, MailboxId
from zajil.protocol.push.plan import Wake

_KEPT = "until the device or its push service ends it"

push = Table(
    "push",
    METADATA,
    Column("account_id", LargeBinary, primary_key=True, info=describe("identifier", "whose device", _KEPT)),
    Column(
        "device_id",
        U64,
        primary_key=True,
        autoincrement=False,
        info=describe("identifier", "which of its devices", _KEPT),
    ),
    Column(
        "mailbox_id",
        LargeBinary,
        nullable=False,
        unique=True,
        info=describe("identifier", "queue of the device", _KEPT),
    ),
    Column(
        "sealed",
        LargeBinary,
        nullable=False,
        info=describe("ciphertext", "where it is woken, and its two public values for that, padded", _KEPT),
    ),
    sqlite_strict=True,
    sqlite_with_rowid=False,
)


class Due(NamedTuple):
    """A device to wake, with its subscription as it rests. seq: of the newest entry it is woken for.

    fetched: it has that entry already.
    """

    mailbox_id: MailboxId
    wake: Wake
    seq: int
    until: int
    tries: int
    fetched: bool
    account_id: AccountId
    device_id: DeviceId
    sealed: bytes


def put(db: Connection, caller: DeviceCaller, sealed: bytes) -> None:
    """The device's only subscription is this one; nothing where its mailbox is gone."""
    mine = mailbox.c.mailbox_id == caller.mailbox_id
    if db.execute(update(mailbox).where(mine).values(push=1)).rowcount:
        db.execute(delete(push).where(_of(caller.account_id, caller.device_id)))
        db.execute(
            insert(push).values(
                account_id=caller.account_id, device_id=caller.device_id, mailbox_id=caller.mailbox_id, sealed=sealed
            )
        )


def drop(db: Connection, account_id: AccountId, device_id: DeviceId) -> None:
    """The device has no subscription, and is not to be woken."""
    found = db.execute(delete(push).where(_of(account_id, device_id)).returning(push.c.mailbox_id)).scalar_one_or_none()
    if found is not None:
        db.execute(update(mailbox).where(mailbox.c.mailbox_id == found).values(push=0))
        db.execute(delete(push_due).where(push_due.c.mailbox_id == found))


def drop_if(db: Connection, due: Due, *, now_ms: int) -> None:
    """The push service does not know this subscription any more: drop it, or wake by a newer one at once."""
    held = db.execute(select(push.c.sealed).where(_of(due.account_id, due.device_id))).scalar_one_or_none()
    if held == due.sealed:
        drop(db, due.account_id, due.device_id)
    else:
        postpone(db, due, due_ms=now_ms, tries=0)


def drop_all(db: Connection) -> int:
    """Nobody has a subscription; how many had."""
    db.execute(update(mailbox).where(mailbox.c.push == 1).values(push=0))
    db.execute(delete(push_due))
    return db.execute(delete(push)).rowcount


def is_empty(db: Connection) -> bool:
    """Whether nobody has a subscription."""
    return db.execute(select(push.c.device_id).limit(1)).first() is None


def count(db: Connection, account_id: AccountId) -> dict[str, int]:
    """By table: the rows of an account."""
    own = select(push.c.mailbox_id).where(push.c.account_id == account_id)
    waiting = select(func.count()).select_from(push_due).where(push_due.c.mailbox_id.in_(own))
    held = select(func.count()).select_from(push).where(push.c.account_id == account_id)
    return {"push": db.execute(held).scalar_one(), "push_due": db.execute(waiting).scalar_one()}


def claim(db: Connection, *, now_ms: int, lease_ms: int, most: int) -> list[Due]:
    """At most so many whose time has come, nobody else's until the lease is over. What is over, goes."""
    is_over = push_due.c.until <= now_ms // 1000
    over = db.execute(select(push_due.c.mailbox_id, push_due.c.wake).where(is_over)).all()
    rows = db.execute(
        select(
            *(push_due.c.mailbox_id, push_due.c.wake, push_due.c.seq, push_due.c.until, push_due.c.tries),
            mailbox.c.acked >= push_due.c.seq,
            *(push.c.account_id, push.c.device_id, push.c.sealed),
        )
        .join(mailbox, mailbox.c.mailbox_id == push_due.c.mailbox_id)
        .join(push, push.c.mailbox_id == push_due.c.mailbox_id)
        .where(push_due.c.due <= now_ms, ~is_over)
        .order_by(push_due.c.due)
        .limit(most)
    ).all()
    found = [_due_of(tuple(row)) for row in rows]
    taken = {(due.mailbox_id, int(due.wake)) for due in found}
    # One row after the other in the order of the engine's batches, which would else wait for this and this for them.
    for mailbox_id, wake in sorted(taken | {(row[0], row[1]) for row in over}):
        this = (push_due.c.mailbox_id == mailbox_id) & (push_due.c.wake == wake)
        if (mailbox_id, wake) in taken:
            db.execute(update(push_due).where(this).values(due=now_ms + lease_ms))
        else:
            db.execute(delete(push_due).where(this, is_over))
    return found


def settle(db: Connection, due: Due, *, again_ms: int) -> None:
    """It was woken, or cannot be: the row goes, or waits until `again_ms` where something newer came meanwhile."""
    if not db.execute(delete(push_due).where(_at(due), push_due.c.seq <= due.seq)).rowcount:
        db.execute(update(push_due).where(_at(due)).values(due=again_ms, tries=0))


def postpone(db: Connection, due: Due, *, due_ms: int, tries: int) -> None:
    """Try it again at this time."""
    db.execute(update(push_due).where(_at(due)).values(due=due_ms, tries=tries))


def next_due(db: Connection) -> int | None:
    """Unix ms of the earliest row, None without any."""
    first: int | None = db.execute(select(func.min(push_due.c.due))).scalar_one()
    return first


def _due_of(row: tuple[Any, ...]) -> Due:  # Any: columns of several types
    mailbox_id, wake, seq, until, tries, fetched, account_id, device_id, sealed = row
    return Due(mailbox_id, Wake(wake), seq, until, tries, bool(fetched), account_id, device_id, sealed)


def _of(account_id: AccountId, device_id: DeviceId) -> ColumnElement[bool]:
    return (push.c.account_id == account_id) & (push.c.device_id == device_id)


def _at(due: Due) -> ColumnElement[bool]:
    return (push_due.c.mailbox_id == due.mailbox_id) & (push_due.c.wake == int(due.wake))
