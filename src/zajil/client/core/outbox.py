"""The outbox: what waits to be sent, how an answer moves it, and what the end of a drain decides (mls.md 7.5, 7.6).

An item is `queued`, then `sealed` once: ratchet, ciphertext and mid are written in one transaction and the whole
request is repeated verbatim while its outcome is unknown. A refusal for the epoch puts it back behind a drain.
"""

from __future__ import annotations

import hashlib

import msgspec

from zajil.client.state import rows
from zajil.client.state.rows import Intent, Item
from zajil.client.state.step import Step
from zajil.protocol import frames
from zajil.protocol.errors import error

DAY_MS = 86_400_000
GIVE_UP_MS = 30 * DAY_MS
EPOCH_REFUSALS = ("stale-epoch", "bad-group-token", "bad-roster-key")
IN_FLIGHT = ("sealed", "accepted", "waiting")
# Refusals in one epoch that does not move on, before we ask to be re-added.
PATIENCE = 2


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


def record_sealing(step: Step, n: int, item: Item, request: frames.Request, body: bytes, epoch: int) -> Item:
    """Keep the sealed request with its mid and H(body): the echo is known by H(body) until the item is done."""
    digest = hashlib.sha256(body).digest()
    step.tx.put("sealing", digest, n.to_bytes(8, "big"))
    step.tx.put("sealing", request.mid, n.to_bytes(8, "big"))
    return change_item(
        step,
        n,
        item,
        state="sealed",
        mid=request.mid,
        request=frames.encode_frame(request),
        epoch=epoch,
        hashes=(*item.hashes, digest) if digest not in item.hashes else item.hashes,
        wait=0,
        sealed_at=step.now,
    )


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
    forget_mid(step, item)
    for digest in item.hashes:
        step.tx.delete("sealing", digest)
    step.tx.remove("outbox", n)


def forget_mid(step: Step, item: Item) -> None:
    """An answer to that mid means nothing any more."""
    if item.mid:
        step.tx.delete("sealing", item.mid)


def requeue(step: Step, n: int, item: Item, *, wait: int = 0) -> Item:
    """Back to `queued`, to be sealed anew with another mid; the hashes of earlier sealings stay."""
    forget_mid(step, item)
    return change_item(step, n, item, state="queued", mid=b"", request=b"", wait=wait, epoch=0)


def fail(step: Step, n: int, item: Item, reason: str) -> None:
    """The item will not be sent. A text keeps its red mark; a commit stays as `failed` until its caller saw it."""
    if item.kind == "message":
        mark_message(step, item, "failed", reason)
        finish(step, n, item)
        return
    forget_mid(step, item)
    change_item(step, n, item, state="failed", reason=reason, mid=b"", request=b"")
    if item.kind == "create":
        _abandon(step, item.gid, reason)


def _abandon(step: Step, gid: bytes, reason: str) -> None:
    """A chat that could not be created: nothing that waits for it will be sent."""
    step.drop_group(gid)
    step.change_chat(gid, status="removed")
    for n, item in rows.items(step.tx, gid):
        if item.state != "failed":
            fail(step, n, item, reason)


def forget_failed(step: Step) -> None:
    """Failed commits that no caller waits for any more."""
    for n, item in rows.items(step.tx):
        if item.state == "failed" and step.now - item.at >= DAY_MS:
            finish(step, n, item)


def mark_message(step: Step, item: Item, state: str, reason: str = "") -> None:
    """Change what the user sees of an own text."""
    if not item.shown:
        return
    found = step.tx.lookup("message", item.message_id)
    if found is None:
        return
    n, data = found
    message = msgspec.structs.replace(rows.parse_row(data, rows.StoredMessage), state=state, reason=reason)
    step.tx.replace("message", n, rows.encode_row(message))
    step.event("state", item.gid, item.message_id)


def mark_sent(step: Step, n: int, item: Item) -> None:
    """An own message is durable at the server: OK, OK with dup, or its echo."""
    mark_message(step, item, "sent")
    finish(step, n, item)


def take_ok(step: Step, mid: bytes) -> None:
    """The server holds this request durably. A commit changes nothing before its echo (mls.md 7.6)."""
    found = find_sealing(step, mid)
    if found is None:
        return
    n, item = found
    if item.kind == "create":
        _mark_created(step, n, item)
    elif item.kind == "message":
        mark_sent(step, n, item)
    elif item.state in ("sealed", "waiting"):
        # It stands in our mailbox already: a drain that begins after now and brings no echo means that it was lost.
        change_item(step, n, item, state="accepted", wait=step.session().hellos + 1)


def _mark_created(step: Step, n: int, item: Item) -> None:
    step.change_chat(item.gid, status="active")
    finish(step, n, item)


def take_err(step: Step, mid: bytes, code: str) -> None:
    """The server refused this request for a reason that the same bytes will not outlive."""
    found = find_sealing(step, mid)
    if found is None:
        return
    n, item = found
    if item.state != "sealed":
        return
    if code in EPOCH_REFUSALS and item.kind == "message":
        again = requeue(step, n, item, wait=step.wanted_drain())
        change_item(step, n, again, reason=code, **refusal(item))
    elif code in EPOCH_REFUSALS and item.kind == "commit":
        change_item(step, n, item, state="waiting", wait=step.wanted_drain(), reason=code, **refusal(item))
    elif code == "pass-spent" and item.kind == "create" and item.refusals < PATIENCE:
        requeue(step, n, msgspec.structs.replace(item, group_pass=b"", **refusal(item)))
    elif code == "group-exists" and item.kind == "create":
        # Nobody else knows this random id: our own CREATE was accepted, and its answer forgotten after 24 h.
        _mark_created(step, n, item)
    elif item.kind == "commit":
        # Not resent, and kept with its Staged until the epoch ends: a late copy may still win.
        change_item(step, n, item, state="refused", reason=code)
    else:
        fail(step, n, item, code)


def refusal(item: Item) -> dict[str, int]:
    """One more refusal in a row within the epoch of the item's sealing."""
    return {"refusals": item.refusals + 1 if item.refused_epoch == item.epoch else 1, "refused_epoch": item.epoch}


def expire_unknown(step: Step) -> None:
    """After 24 h of unknown outcome a text is sealed anew behind a drain; after 30 days it has failed."""
    for n, item in rows.items(step.tx):
        if item.kind == "message" and item.state == "sealed" and step.now - item.sealed_at >= DAY_MS:
            item = requeue(step, n, item, wait=step.wanted_drain())
        if item.kind == "message" and step.now - item.at >= GIVE_UP_MS:
            fail(step, n, item, "unreachable")


def check_may_send(step: Step) -> None:
    """Raises `state-rolled-back` or `device-revoked` where this home must not send."""
    session = step.session()
    if session.rolled_back:
        raise error("state-rolled-back")
    if session.revoked:
        raise error("device-revoked")
