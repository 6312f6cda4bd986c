"""Delivery and read receipts: owed for 2 s per chat, then told in one message; never taken back (web.md 5, 6).

Both ways or not at all: who does not send them does not keep those of others. None in groups above 32 leaves.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import msgspec

from zajil.client.core import groups, messages
from zajil.client.core.talk.places import find_message, place_of
from zajil.client.state import accounts, deadlines, rows
from zajil.client.state.rows import Chat, Received, StoredMessage
from zajil.client.state.step import Step
from zajil.protocol.chat import forms
from zajil.protocol.chat.receipts import BATCH_MS, RECEIPT_LEAVES, RECEIPTS, Receipt, Status
from zajil.protocol.ids import MessageId
from zajil.protocol.outbox.marks import next_mark


def are_sent(step: Step, chat: Chat) -> bool:
    """Whether receipts go back and forth in a chat."""
    small = len(chat.members) <= RECEIPT_LEAVES and not chat.request and not accounts.is_blocked(step, chat.peer)
    return chat.kind != groups.SELF and small and rows.load_privacy(step.tx).receipts


def owe(step: Step, place: bytes, told: Mapping[bytes, Status]) -> None:
    """Receipts to be sent with the next batch; a full batch goes at once."""
    chat = step.chat(place)
    if not told or not are_sent(step, chat) or chat.status in ("removed", "left"):
        return
    owed = dict(chat.owed)
    for identity, status in told.items():
        owed[identity] = max(owed.get(identity, 0), int(status))
    step.change_chat(place, owed=owed, owed_at=chat.owed_at or step.now + BATCH_MS)
    if len(owed) >= RECEIPTS:
        flush(step, place)


def forget(step: Step, place: bytes, identities: Collection[bytes]) -> None:
    """Another device of ours told it already."""
    chat = step.chat(place)
    owed = {identity: status for identity, status in chat.owed.items() if identity not in identities}
    if owed != chat.owed:
        step.change_chat(place, owed=owed, owed_at=chat.owed_at if owed else 0)


def flush(step: Step, place: bytes) -> None:
    """Queue what is owed in a chat."""
    chat = step.chat(place)
    step.change_chat(place, owed={}, owed_at=0)
    if not are_sent(step, chat) or chat.status in ("removed", "left"):
        return
    told = [(MessageId(identity), Status(status)) for identity, status in chat.owed.items()]
    for at in range(0, len(told), RECEIPTS):
        messages.submit_form(step, place, forms.Receipts(tuple(told[at : at + RECEIPTS])))


def due_at(chat: Chat) -> int | None:
    """When the batch of a chat is due, Unix ms; None where nothing is owed or nothing can be sent now."""
    return chat.owed_at if chat.owed and chat.status == "active" else None


def flush_due(step: Step, *, at_once: bool = False) -> None:
    """Queue the batches whose time has come. at_once: all of them, as nobody will wait for their time."""
    for chat in rows.all_chats(step.tx):
        due = due_at(chat)
        if due is not None and (at_once or due <= step.now):
            flush(step, chat.gid)


def take(step: Step, chat: Chat, account: bytes, told: Sequence[Receipt]) -> None:
    """What another account tells of messages of this chat. Only own ones of this chat count, and only forwards."""
    if not are_sent(step, chat):
        return
    for identity, status in told:
        found = find_message(step, chat.gid, identity)
        if found is not None and found[1].account == step.profile.account_id:
            _note(step, *found, account=account, status=status)


def _note(step: Step, n: int, message: StoredMessage, *, account: bytes, status: Status) -> None:
    held = next((one for one in message.receipts if one.account == account), Received(account))
    delivered = held.delivered or step.now
    read = held.read or (step.now if status == Status.READ else 0)
    if (delivered, read) == (held.delivered, held.read):
        return
    others = tuple(one for one in message.receipts if one.account != account)
    receipts = (*others, Received(account, delivered, read))
    state = message.state
    if state != "received":
        state = next_mark(state, "read" if read else "delivered")
    changed = msgspec.structs.replace(message, receipts=receipts, state=state)
    step.tx.replace("message", n, rows.encode_row(deadlines.start_own(step.tx, changed)))
    step.event("state", place_of(step, message.gid), message.message_id)


def take_own(step: Step, chat: Chat, told: Sequence[Receipt]) -> list[int]:
    """Another device of ours told it, so we need not; the rows it has read."""
    place = place_of(step, chat.gid)
    read: list[int] = []
    delivered: set[bytes] = set()
    for identity, status in told:
        found = find_message(step, chat.gid, identity)
        if found is None:
            continue
        if status == Status.READ:
            read.append(found[0])
        elif step.chat(place).owed.get(identity) == Status.DELIVERED:
            delivered.add(identity)
    forget(step, place, delivered)
    return read
