"""The outbox: what waits to be sent, and how events move it (mls.md 7.5, 7.6).

What an event does to an item is decided by `zajil.protocol.outbox.items`; here it is carried out on the rows. An item
is `queued`, then `sealed` once: ratchet, ciphertext and mid are written in one transaction and the whole request is
repeated verbatim while its outcome is unknown. A refusal for the epoch puts it back behind a drain.
"""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import msgspec

from zajil.client.state import deadlines, rows
from zajil.client.state.rows import Intent, Item
from zajil.client.state.step import Step
from zajil.protocol import frames
from zajil.protocol.errors import error
from zajil.protocol.outbox import items, marks

DAY_MS = items.DAY_MS
# What `run` leaves to its caller: both reach beyond the outbox.
Left: TypeAlias = items.Readd | items.ApplyCommit


def submit(step: Step, item: Item) -> int:
    """Queue an item; its number."""
    return step.tx.append("outbox", item.gid, step.rng(16), rows.encode_row(item))


def submit_intent(step: Step, gid: bytes, intent: Intent) -> int:
    """Queue a commit; the same intent waiting already is not queued twice."""
    for n, item in rows.items(step.tx, gid):
        if item.intent == intent and item.state not in ("failed", "refused"):
            return n
    return submit(step, Item(gid, "commit", "queued", step.now, intent=intent, claim_id=step.rng(16)))


def find_item(step: Step, n: int) -> Item | None:
    """Row `n`, None when it is done."""
    data = step.tx.row("outbox", n)
    return None if data is None else rows.parse_row(data, Item)


def save_item(step: Step, n: int, item: Item) -> Item:
    """Write row `n`."""
    step.tx.replace("outbox", n, rows.encode_row(item))
    return item


def change_item(step: Step, n: int, item: Item, **fields: object) -> Item:
    """Write some fields of row `n`; the new value."""
    return save_item(step, n, msgspec.structs.replace(item, **fields))


def run(step: Step, n: int, item: Item, event: items.Event) -> tuple[Item, list[Left]]:
    """Let an event move row `n`, and carry out what the machine asks for; the item then, and what is left to do."""
    before = decided_by(item)
    after, actions, _ = items.step(before, event, step.now)
    if after != before and after.state != "done":
        item = change_item(step, n, item, **msgspec.structs.asdict(after))
    left: list[Left] = []
    for action in actions:
        if isinstance(action, Left):
            left.append(action)
        else:
            item = _carry_out(step, n, item, action)
    return item, left


def decided_by(item: Item) -> items.Item:
    """The part of a row that decides how events move it."""
    return items.Item(
        item.kind,
        item.state,
        item.at,
        wait=item.wait,
        epoch=item.epoch,
        sealed_at=item.sealed_at,
        reason=item.reason,
        refusals=item.refusals,
        refused_epoch=item.refused_epoch,
    )


def _carry_out(step: Step, n: int, item: Item, action: items.Action) -> Item:
    match action:
        case items.Mark():
            mark_message(step, item, action.event, action.reason)
            if action.event == "fail":
                withdraw_about(step, item.message_id)
                if item.message_id == step.chat(item.gid).opening:
                    step.change_chat(item.gid, opening=b"")
        case items.ForgetMid():
            return forget_mid(step, n, item)
        case items.Finish():
            finish(step, n, item)
        case items.Drain():
            step.wanted_drain()
        case items.Created():
            step.change_chat(item.gid, status="active")
        case items.RenewPass():
            return change_item(step, n, item, group_pass=b"")
        case items.Abandon():
            _abandon(step, item.gid, action.code)
    return item


def record_sealing(step: Step, n: int, item: Item, request: frames.Request, body: bytes, epoch: int) -> Item:
    """Keep the sealed request with its mid and H(body): the echo is known by H(body) until the item is done.

    body: empty for a CREATE, which has no echo.
    """
    step.tx.put("sealing", request.mid, n.to_bytes(8, "big"))
    hashes = item.hashes
    if body:
        digest = hashlib.sha256(body).digest()
        step.tx.put("sealing", digest, n.to_bytes(8, "big"))
        hashes = (*hashes, digest) if digest not in hashes else hashes
    sealed = msgspec.structs.replace(item, mid=request.mid, request=frames.encode_frame(request), hashes=hashes)
    sealed, _ = run(step, n, sealed, items.Seal(epoch))
    return sealed


def find_sealing(step: Step, name: bytes) -> tuple[int, Item] | None:
    """The item behind H(body) or a mid."""
    data = step.tx.find("sealing", name)
    if data is None:
        return None
    n = int.from_bytes(data, "big")
    item = find_item(step, n)
    return None if item is None else (n, item)


def finish(step: Step, n: int, item: Item) -> None:
    """The item is done: its row and what knows it by hash go."""
    if item.mid:
        step.tx.delete("sealing", item.mid)
    for digest in item.hashes:
        step.tx.delete("sealing", digest)
    step.tx.remove("outbox", n)


def forget_mid(step: Step, n: int, item: Item) -> Item:
    """An answer to that mid means nothing any more; the hashes of earlier sealings stay."""
    if item.mid:
        step.tx.delete("sealing", item.mid)
    return change_item(step, n, item, mid=b"", request=b"")


def fail(step: Step, n: int, item: Item, reason: str) -> None:
    """The item will not be sent. A text keeps its red mark; a commit stays as `failed` until its caller saw it."""
    run(step, n, item, items.Fail(reason))


def withdraw(step: Step, identity: bytes) -> Item | None:
    """Drop the message or action of this id, if it waits; None where none does. It may have left if it has `hashes`."""
    for n, item in rows.items(step.tx):
        if item.kind == "message" and item.message_id == identity and item.state == "queued":
            run(step, n, item, items.Withdraw())
            return item
    return None


def withdraw_about(step: Step, target: bytes) -> None:
    """Nothing that waits is said any more about a message that is gone or did not go out."""
    for n, item in rows.items(step.tx):
        if item.target == target and item.state == "queued":
            run(step, n, item, items.Withdraw())


def _abandon(step: Step, gid: bytes, reason: str) -> None:
    """A chat that could not be created: nothing that waits for it will be sent."""
    step.drop_group(gid)
    step.change_chat(gid, status="removed")
    for n, item in rows.items(step.tx, gid):
        fail(step, n, item, reason)


def forget_failed(step: Step) -> None:
    """Failed commits that no caller waits for any more. What a successor's brought is used by the next try."""
    for n, item in rows.items(step.tx):
        chat = step.chat(item.gid)
        if chat.forebear and chat.epoch == 0 and item.state == "failed":
            continue
        run(step, n, item, items.Sweep())


def mark_message(step: Step, item: Item, event: marks.MarkEvent, reason: str = "") -> None:
    """Change what the user sees of an own text."""
    if not item.shown:
        return
    found = step.tx.lookup("message", item.message_id)
    if found is None:
        return
    n, data = found
    message = rows.parse_row(data, rows.StoredMessage)
    if message.state == "received":
        return
    mark = marks.next_mark(message.state, event)
    if (mark, reason) == (message.state, message.reason):
        return
    marked = msgspec.structs.replace(message, state=mark, reason=reason)
    step.tx.replace("message", n, rows.encode_row(deadlines.start_own(step.tx, marked)))
    step.event("state", item.gid, item.message_id)


def take_ok(step: Step, mid: bytes) -> None:
    """The server holds this request durably. A commit changes nothing before its echo (mls.md 7.6)."""
    found = find_sealing(step, mid)
    if found is not None:
        run(step, *found, items.Ok(_next_drain(step)))


def take_err(step: Step, mid: bytes, code: str) -> None:
    """The server refused this request for a reason that the same bytes will not outlive."""
    found = find_sealing(step, mid)
    if found is not None:
        run(step, *found, items.Err(code, _next_drain(step)))


def _next_drain(step: Step) -> int:
    """The number of a HELLO that begins after now."""
    return step.session().hellos + 1


def expire_unknown(step: Step) -> None:
    """After 24 h of unknown outcome a text is sealed anew behind a drain; after 30 days it has failed."""
    for n, item in rows.items(step.tx):
        run(step, n, item, items.Tick(_next_drain(step)))


def next_deadline(step: Step) -> int | None:
    """Unix ms at which `expire_unknown` has something to do."""
    due = (items.next_deadline(decided_by(item)) for _, item in rows.items(step.tx))
    return min((at for at in due if at is not None), default=None)


def check_may_send(step: Step) -> None:
    """Raises `state-rolled-back` or `device-revoked` where this home must not send."""
    session = step.session()
    if session.rolled_back:
        raise error("state-rolled-back")
    if session.revoked:
        raise error("device-revoked")
