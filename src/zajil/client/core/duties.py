"""What time alone makes due: turns of *re-add me*, members who left, updates, expiries."""

from __future__ import annotations

from zajil.client.core import groups, keypackages, messages, outbox, readd, sealing
from zajil.client.core.contact import requests
from zajil.client.core.expiry import sweep
from zajil.client.core.heirs import growing, making
from zajil.client.core.joins import admitting, asking
from zajil.client.core.kept import backup
from zajil.client.core.talk import arranging, receipts
from zajil.client.state import rows
from zajil.client.state.rows import Intent
from zajil.client.state.step import Step

DAILY_MS = 86_400_000
EVENTS_KEPT = 1_000


def next_deadline(step: Step) -> int | None:
    """Unix ms of the next `tick` that has something to do, None where nothing is known to come."""
    due: list[int] = []
    item_at = outbox.next_deadline(step)
    if item_at is not None:
        due.append(item_at)
    gone_at = sweep.next_deadline(step)
    if gone_at is not None:
        due.append(gone_at)
    drafts_at = arranging.due_at(step)
    if drafts_at is not None:
        due.append(drafts_at)
    join_at = admitting.next_due(step)
    if join_at is not None:
        due.append(join_at)
    for chat in rows.all_chats(step.tx):
        if chat.asking is not None:
            due.append(chat.asking.next_at)
        if chat.mend_at:
            due.append(chat.mend_at)
        if growing.is_due(step, chat):
            due.append(step.now)
        owed_at = receipts.due_at(chat)
        if owed_at is not None:
            due.append(owed_at)
        if chat.status == "active" and chat.heir is None:
            due.extend(at for account, at in chat.left.items() if account != step.profile.account_id)
    return min(due, default=None)


def tick(step: Step) -> None:
    """Do what is due at `step.now`."""
    sweep.sweep(step)
    outbox.expire_unknown(step)
    readd.take_turns(step)
    making.make_due(step)
    growing.go_on_due(step)
    receipts.flush_due(step)
    arranging.flush_due(step)
    admitting.admit_due(step)
    for chat in rows.all_chats(step.tx):
        if chat.status != "active" or chat.heir is not None:
            continue
        for account, at in chat.left.items():
            if at <= step.now and account != step.profile.account_id and account in chat.accounts():
                outbox.submit_intent(step, chat.gid, Intent("remove", account=account))
                step.change_chat(chat.gid, left=step.chat(chat.gid).left | {account: step.now + DAILY_MS})


def daily(step: Step) -> None:
    """Once a start and once a day: retention and upkeep."""
    messages.forget_known(step)
    outbox.forget_failed(step)
    keypackages.forget_expired(step)
    backup.renew_old(step)
    requests.forget_ended(step)
    admitting.forget_old(step)
    asking.forget_old(step)
    step.tx.remove_older("event", EVENTS_KEPT)
    session = step.session()
    if step.now - session.last_resort_at >= keypackages.LAST_RESORT_MS or keypackages.lacks_pool(step):
        step.change_session(keys_wanted=True)
    for chat in rows.all_chats(step.tx):
        if chat.status != "active" or chat.heir is not None or (chat.kind == groups.SELF and len(chat.members) == 1):
            continue
        if step.now - chat.updated_at >= sealing.UPDATE_AFTER_MS:
            step.change_chat(chat.gid, updated_at=step.now)
            if chat.updated_at:
                outbox.submit_intent(step, chat.gid, Intent("update"))
