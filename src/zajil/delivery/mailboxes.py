"""The receiving side of a device: its queue, its references, its passes, and notices of the server."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Final

from sqlalchemy import Connection

from zajil.delivery import store
from zajil.delivery.context import Delivery, DeviceCaller
from zajil.delivery.push import store as push_store
from zajil.engine.sql import answers
from zajil.engine.sql.interface import (
    PASS_GROUP,
    PASS_PERSONA,
    PASS_TTL_DAYS,
    PASS_UPLOAD,
    AddPasses,
    AllowRef,
    DenyRef,
    LiftMailbox,
    MailboxState,
    Notify,
    number_at,
)
from zajil.protocol import cbor, control
from zajil.protocol.errors import error
from zajil.protocol.frames import Gap, Msg
from zajil.protocol.ids import AccountId, DeviceId, MailboxId

DAY_S: Final = 86_400
LIFT_LARGE: Final = 500
"""Entries that one such mailbox among many may have waiting."""
LIFT_AHEAD_S: Final = 2 * 365 * DAY_S
"""How far ahead of the clock, in its numbers, a device may have seen any: a clock of ours may have been ahead once."""


async def read(delivery: Delivery, mailbox_id: MailboxId, after: int, *, n: int) -> tuple[Msg, ...]:
    """The next entries after this number, at most n and about 1 MiB."""
    return await delivery.engine.read(mailbox_id, after, n=n)


async def acknowledge(delivery: Delivery, mailbox_id: MailboxId, upto: int) -> None:
    """Entries up to `upto` are stored at the device and gone here. Raises Malformed for a number not given out yet."""
    await delivery.engine.ack(mailbox_id, upto)


async def open_mailbox(delivery: Delivery, mailbox_id: MailboxId, after: int) -> MailboxState:
    """What HELLO needs: the state before it, `acked` included; then its `after` has counted as an acknowledgement.

    `acked` above `after` tells the device that it runs on an old copy of its home. `after` above `head` tells us that
    this is an old copy of the database: the mailbox goes on above it. A device could claim so falsely and would only
    number its own mailbox, a few times an hour; above what two years of the clock give out it is Malformed, so that
    nobody drives one to where numbers end. Raises Limited `slow-down`.
    """
    state = await delivery.engine.mailbox_state(mailbox_id)
    if after > state.head:
        if after > number_at(delivery.now() + LIFT_AHEAD_S):
            raise error("malformed", "has seen what is far ahead of the clock")
        delivery.limits.take("mailbox_lift", mailbox_id, now=delivery.clock())
        if state.queued > LIFT_LARGE:
            delivery.limits.take("mailbox_lift_large", b"", now=delivery.clock())
        await delivery.engine.lift_mailbox(LiftMailbox(mailbox_id=mailbox_id, seen=after))
    if after > state.acked:
        await delivery.engine.ack(mailbox_id, after)
        now = await delivery.engine.mailbox_state(mailbox_id)
        return MailboxState(
            head=now.head, queued=now.queued, acked=state.acked, dropped=now.dropped, before_seq=now.before_seq
        )
    return state


def gap_of(state: MailboxState) -> Gap | None:
    """The GAP to send after HELLO, if entries were lost to the cap and no acknowledgement has passed them."""
    return Gap(min(state.dropped, 0xFFFFFFFF), state.before_seq) if state.dropped else None


async def take_refs(delivery: Delivery, caller: DeviceCaller, request: control.TakeRefs) -> control.Refs:
    """Fresh references to the caller's own mailbox; none of them is stored."""
    delivery.limits.take("refs_write", caller.account_id, now=delivery.clock())
    made = (control.Blob(delivery.refs.make_ref(caller.mailbox_id)) for _ in range(request.n))
    return control.Refs(tuple(made))


async def deny_ref(delivery: Delivery, caller: DeviceCaller, serial: bytes) -> None:
    """Nothing comes through the reference of this serial (8 bytes) to the caller any more."""
    delivery.limits.take("refs_write", caller.account_id, now=delivery.clock())
    await delivery.engine.deny_ref(DenyRef(mailbox_id=caller.mailbox_id, serial=serial))


async def allow_ref(delivery: Delivery, caller: DeviceCaller, serial: bytes) -> None:
    """The caller takes the denial of this reference (8 bytes) back; what came meanwhile is lost."""
    delivery.limits.take("refs_write", caller.account_id, now=delivery.clock())
    await delivery.engine.allow_ref(AllowRef(mailbox_id=caller.mailbox_id, serial=serial))


async def take_passes(delivery: Delivery, caller: DeviceCaller, request: control.TakePasses) -> control.Passes:
    """One-time passes for new groups or uploads. Kept as hashes without an account; only the limit knows who asked."""
    bucket, kind = ("pass_upload", PASS_UPLOAD) if request.kind == "upload" else ("pass_group", PASS_GROUP)
    delivery.limits.take(bucket, caller.account_id, now=delivery.clock(), cost=request.n)
    made, hashes = _make_passes(delivery, request.n)
    await delivery.engine.add_passes(AddPasses(hashes=hashes, kind=kind))
    return made


async def make_persona_passes(delivery: Delivery, n: int, *, count: Callable[[Connection], None]) -> control.Passes:
    """One-time passes for public personas. Who asked is not told here: the account's side only counts.

    count: does so in the transaction of the passes; it refuses by raising. An account has few for its whole life, so
    none may be lost with an answer.
    """
    made, hashes = _make_passes(delivery, n)
    keep = answers.keeper()

    def write(db: Connection) -> None:
        count(db)
        store.add_passes(db, hashes, kind=PASS_PERSONA, day=delivery.now() // DAY_S)
        keep(db, made)

    await delivery.db.write(write)
    return made


def spend_persona_pass(delivery: Delivery, db: Connection, one_time_pass: bytes) -> bool:
    """Take a pass for a persona inside the caller's transaction. False if it is unknown, spent or over."""
    first_day = delivery.now() // DAY_S - PASS_TTL_DAYS + 1
    return store.spend_pass(db, hashlib.sha256(one_time_pass).digest(), kind=PASS_PERSONA, first_day=first_day)


def _make_passes(delivery: Delivery, n: int) -> tuple[control.Passes, tuple[bytes, ...]]:
    """Passes and their hashes, not stored."""
    passes = tuple(control.B32(delivery.random(32)) for _ in range(n))
    return control.Passes(passes), tuple(hashlib.sha256(each).digest() for each in passes)


async def send_notice(
    delivery: Delivery, mailbox_ids: Sequence[MailboxId], name: str, fields: dict[int | str | bytes, cbor.Value]
) -> None:
    """Put the notice `[name, fields]` into these mailboxes, durably."""
    if mailbox_ids:
        body = cbor.encode([name, fields])
        await delivery.engine.notify(Notify(mailbox_ids=tuple(mailbox_ids), body=body))


async def add_mailbox(delivery: Delivery, mailbox_id: MailboxId) -> None:
    """The mailbox exists, empty if it is new."""
    await delivery.engine.add_mailbox(mailbox_id)


async def drop_mailbox(delivery: Delivery, mailbox_id: MailboxId) -> None:
    """The mailbox and its entries are gone."""
    await delivery.engine.drop_mailbox(mailbox_id)


async def drop_device(delivery: Delivery, account_id: AccountId, device_id: DeviceId, mailbox_id: MailboxId) -> None:
    """Mailbox, key packages and push subscription of a revoked device are gone."""

    def forget(connection: Connection) -> None:
        store.drop_packages(connection, account_id, device_id)
        push_store.drop(connection, account_id, device_id)

    await delivery.engine.drop_mailbox(mailbox_id)
    await delivery.db.write(forget)
