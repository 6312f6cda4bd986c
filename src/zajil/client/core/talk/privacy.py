"""The two switches of an account, receipts and typing, and how its devices agree on them."""

from __future__ import annotations

from zajil.client.core import messages
from zajil.client.core.talk.places import find_self_chat
from zajil.client.state import rows
from zajil.client.state.rows import Privacy
from zajil.client.state.step import Step
from zajil.protocol.chat import parts


def change(step: Step, *, receipts: bool, typing: bool) -> Privacy:
    """Set both switches here and tell our other devices."""
    before = rows.load_privacy(step.tx)
    if (before.receipts, before.typing) == (receipts, typing):
        return before
    after = _set(step, Privacy(receipts, typing, max(step.now, before.at + 1)))
    self_chat = find_self_chat(step)
    if self_chat is not None:
        told = parts.SyncPrivacy(after.receipts, after.typing, after.at)
        messages.submit_control(step, self_chat, parts.Sync(privacy=told))
    return after


def take(step: Step, told: parts.SyncPrivacy) -> None:
    """Another device of ours set them; the latest counts."""
    before = rows.load_privacy(step.tx)
    if told.at > before.at:
        _set(step, Privacy(told.receipts, told.typing, told.at))
        step.event("privacy")


def _set(step: Step, privacy: Privacy) -> Privacy:
    if not privacy.receipts:
        for chat in rows.all_chats(step.tx):
            if chat.owed:
                step.change_chat(chat.gid, owed={}, owed_at=0)
    return rows.save_privacy(step.tx, privacy)
