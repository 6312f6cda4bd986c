"""Which messages are running out, and when the next one is over. Rows of `deadline`, one for each running message.

A row outlives its message where that went for another reason; whoever sweeps drops it then.
"""

from __future__ import annotations

from typing import Final

import msgspec

from zajil.client.state import rows
from zajil.client.state.rows import StoredMessage
from zajil.client.storage.store import Tx
from zajil.protocol.chat import expiry

_OUT: Final = ("sent", "delivered", "read")
_PLAN: Final = b"deadlines"


class Deadline(msgspec.Struct, frozen=True, array_like=True):
    """One running message. at: Unix ms at which it is over. span_s: how long it was to run."""

    message_id: bytes
    at: int
    span_s: int


class Plan(msgspec.Struct, frozen=True):
    """next_at: the earliest deadline, 0 where nothing runs. looked_at: the latest our clock was. Unix ms."""

    next_at: int = 0
    looked_at: int = 0


def start(tx: Tx, message: StoredMessage, *, at: int) -> StoredMessage:
    """The message as it is once its span began at `at` (Unix ms); whoever calls writes its row."""
    if not message.expire_s or message.expires_at:
        return message
    deadline = expiry.find_deadline(message.expire_s, start=at, now=tx.now)
    return keep(tx, rows.changed(message, expires_at=deadline))


def start_own(tx: Tx, message: StoredMessage) -> StoredMessage:
    """As `start`, for an own message that is out: from the time that it carries, as on our other devices.

    One that waits or failed is not out, so nothing of it is lost; it may be over in the moment in which it is.
    """
    return start(tx, message, at=message.sent) if message.state in _OUT else message


def keep(tx: Tx, message: StoredMessage) -> StoredMessage:
    """Note the deadline that a message has, if it has one; the message."""
    if message.expires_at:
        save(tx, Deadline(message.message_id, message.expires_at, message.expire_s))
        plan = load_plan(tx)
        next_at = min(plan.next_at or message.expires_at, message.expires_at)
        save_plan(tx, Plan(next_at, max(plan.looked_at, tx.now)))
    return message


def save(tx: Tx, deadline: Deadline) -> None:
    """Write one."""
    tx.put("deadline", deadline.message_id, rows.encode_row(deadline))


def drop(tx: Tx, identity: bytes) -> None:
    """The message does not run any more."""
    tx.delete("deadline", identity)


def all_deadlines(tx: Tx) -> list[Deadline]:
    """All of them, the earliest first."""
    return sorted((rows.parse_row(data, Deadline) for data in tx.scan("deadline")), key=lambda one: one.at)


def load_plan(tx: Tx) -> Plan:
    """When to look next."""
    data = tx.find("meta", _PLAN)
    return Plan() if data is None else rows.parse_row(data, Plan)


def is_due(tx: Tx, now: int) -> bool:
    """Whether something is over, or the clock went back since the last look. now: Unix ms."""
    plan = load_plan(tx)
    return bool(plan.next_at) and (plan.next_at <= now or now < plan.looked_at)


def save_plan(tx: Tx, plan: Plan) -> None:
    """Write it."""
    tx.put("meta", _PLAN, rows.encode_row(plan))
