"""What is over goes, whole: its row with texts, versions, reactions, receipts, proofs and keys of files.

What stays for 60 days is that its id was here, so a late double is no news, and that it ran out, for what quotes it.
Edits and reactions of ours that still wait are sent: other people may have the message longer.
"""

from __future__ import annotations

from typing import Final

from zajil.client.core.talk import reading
from zajil.client.core.talk.places import place_of
from zajil.client.state import deadlines, rows
from zajil.client.state.deadlines import Deadline, Plan
from zajil.client.state.rows import StoredMessage
from zajil.client.state.step import Step
from zajil.protocol.chat import expiry

_GONE: Final = b"expired "
"""Before a message id, among the known ids."""


def next_deadline(step: Step) -> int | None:
    """Unix ms at which the next message is over."""
    return deadlines.load_plan(step.tx).next_at or None


def sweep(step: Step) -> None:
    """Remove what is over, and bring back what a clock that went back has put too far away."""
    if not deadlines.is_due(step.tx, step.now):
        return
    left: list[int] = []
    for deadline in deadlines.all_deadlines(step.tx):
        at = expiry.look(deadline.at, deadline.span_s, now=step.now)
        if at is None:
            _remove(step, deadline)
            continue
        if at != deadline.at:
            _bring_back(step, deadline, at)
        left.append(at)
    deadlines.save_plan(step.tx, Plan(min(left, default=0), step.now))
    step.tx.erase()


def _bring_back(step: Step, deadline: Deadline, at: int) -> None:
    deadlines.save(step.tx, rows.changed(deadline, at=at))
    found = step.tx.lookup("message", deadline.message_id)
    if found is not None:
        message = rows.parse_row(found[1], StoredMessage)
        step.tx.replace("message", found[0], rows.encode_row(rows.changed(message, expires_at=at)))


def _remove(step: Step, deadline: Deadline) -> None:
    identity = deadline.message_id
    deadlines.drop(step.tx, identity)
    found = step.tx.lookup("message", identity)
    if found is None:
        return
    message = rows.parse_row(found[1], StoredMessage)
    step.tx.remove("message", found[0])
    note_gone(step, identity)
    place = place_of(step, message.gid)
    reading.recount(step, place)
    step.event("expired", place, identity)


def note_gone(step: Step, identity: bytes) -> None:
    """The id of a message that ran out is known for another 60 days, and so is why it is not here."""
    rows.save_early(step.tx, identity, ())
    step.tx.put("known", identity, step.tx.find("known", identity) or b"")
    step.tx.put("known", _GONE + identity, b"")


def is_gone(step: Step, identity: bytes) -> bool:
    """Whether the message of this id was here and ran out."""
    return step.tx.find("known", _GONE + identity) is not None
