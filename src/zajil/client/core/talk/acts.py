"""What a person does to messages: edit, delete, react. Each shows here at once and queues what tells the others."""

from __future__ import annotations

from zajil.client.core import chats, messages, outbox
from zajil.client.core.talk import actions, reading
from zajil.client.core.talk.actions import Deed
from zajil.client.core.talk.places import load_message, place_of
from zajil.client.state import rows
from zajil.client.state.rows import StoredMessage
from zajil.client.state.step import Step
from zajil.protocol.chat import forms
from zajil.protocol.chat.emoji import check_emoji
from zajil.protocol.errors import error
from zajil.protocol.ids import MessageId


def may_edit(step: Step, message: StoredMessage, now: int) -> bool:
    """Whether we may edit this message: our own text without files, not older than 24 h, not refused, not deleted.

    now: Unix ms.
    """
    usable = message.state != "failed" and not message.deleted_by and not message.kept and message.call is None
    usable = usable and not message.files
    return usable and message.account == step.profile.account_id and now - message.sent <= forms.EDIT_MS


def edit(step: Step, gid: bytes, identity: bytes, text: str) -> None:
    """Give an own text another wording. Raises `gone`, `not-permitted`, `not-a-member`, `text-too-long`."""
    chat = chats.check_writer(step, gid)
    n, message = load_message(step, gid, identity)
    if not may_edit(step, message, step.now):
        raise error("not-permitted")
    if text == message.text:
        return
    target = MessageId(message.message_id)
    last = message.versions[-1] if len(message.versions) > 1 else None
    dropped = None if last is None else outbox.withdraw(step, last.message_id)
    if dropped is not None and not dropped.hashes:
        message = _without_version(message, dropped.message_id)
    newest = message.versions[-1].at if message.versions else message.sent
    at = min(max(step.now, newest + 1), message.sent + forms.EDIT_MS)
    form = forms.Edit(target, text, MessageId(message.reply_to) if message.reply_to else None)
    _perform(step, chat.gid, n, message, form, at=at)


def _without_version(message: StoredMessage, identity: bytes) -> StoredMessage:
    """An edit that nobody will see leaves no version behind."""
    versions = tuple(one for one in message.versions if one.message_id != identity)
    return rows.changed(message, versions=versions if len(versions) > 1 else (), text=versions[-1].text)


def delete_for_all(step: Step, gid: bytes, identity: bytes) -> None:
    """Delete a message everywhere: an own one, or any as an admin of the group. What never left just goes.

    Raises `gone`, `not-permitted`, `not-a-member`.
    """
    chat = chats.check_member(step, gid)
    n, message = load_message(step, gid, identity)
    own = message.account == step.profile.account_id
    if message.deleted_by:
        return
    if message.call is not None or (not own and not actions.is_admin(chat, step.profile.account_id)):
        raise error("not-permitted")
    dropped = outbox.withdraw(step, message.message_id) if own else None
    outbox.withdraw_about(step, message.message_id)
    if (dropped is not None and not dropped.hashes) or message.state == "failed":
        _remove(step, n, message)
        return
    if dropped is not None:
        # Sealed once and put back, so it may have come through after all: the others are told.
        message = rows.changed(message, state="sent")
    target = MessageId(message.message_id)
    _perform(step, chat.gid, n, message, forms.Deletion(target, as_admin=not own), at=step.now)


def delete_for_me(step: Step, gid: bytes, identity: bytes) -> None:
    """Remove a message from this device alone; an own one that still waits is not sent. Raises `gone`."""
    n, message = load_message(step, gid, identity)
    if outbox.withdraw(step, message.message_id) is not None:
        outbox.withdraw_about(step, message.message_id)
    _remove(step, n, message)


def _remove(step: Step, n: int, message: StoredMessage) -> None:
    place = place_of(step, message.gid)
    step.tx.remove("message", n)
    reading.recount(step, place)
    step.event("deleted", place, message.message_id, account=step.profile.account_id)


def react(step: Step, gid: bytes, identity: bytes, emoji: str | None) -> None:
    """Set our reaction on a message, or take it back (None).

    Raises `gone`, `not-permitted` for a message that is deleted or was not sent, `not-a-member`, `malformed`.
    """
    chat = chats.check_member(step, gid)
    n, message = load_message(step, gid, identity)
    if message.deleted_by or message.state == "failed" or message.call is not None:
        raise error("not-permitted")
    held = actions.find_reaction(message, step.profile.account_id)
    before = held.emoji if held is not None else ""
    if before == (emoji or ""):
        return
    target = MessageId(message.message_id)
    if held is not None:
        outbox.withdraw(step, held.message_id)
    form: forms.Reaction | forms.TakeBack
    if emoji is not None:
        form = forms.Reaction(target, check_emoji(emoji))
    elif held is not None:
        form = forms.TakeBack(target, MessageId(held.message_id))
    else:
        return
    _perform(step, chat.gid, n, message, form, at=max(step.now, held.at + 1 if held is not None else 0))


def _perform(step: Step, gid: bytes, n: int, message: StoredMessage, form: forms.Action, *, at: int) -> None:
    """Queue an action and apply it here as every other device will."""
    span_s = message.expire_s if isinstance(form, forms.Edit) else 0
    identity = messages.submit_form(step, gid, form, at=at, span_s=span_s)
    actions.apply(step, n, message, Deed(step.profile.account_id, identity, at, as_admin=True, action=form))


def retry(step: Step, gid: bytes, identity: bytes) -> bytes:
    """Send a text again that failed, as a new message at the end; its id. Raises `gone`, `not-permitted`."""
    chat = chats.check_writer(step, gid)
    n, message = load_message(step, gid, identity)
    if message.state != "failed" or message.call is not None or not all(one.attachment_id for one in message.files):
        raise error("not-permitted")
    step.tx.remove("message", n)
    step.event("deleted", chat.gid, message.message_id, account=step.profile.account_id)
    if message.files:
        quoted = MessageId(message.reply_to) if message.reply_to else None
        files = tuple(one.file() for one in message.files)
        return messages.submit_files(step, chat.gid, forms.Files(files, message.text, quoted))
    return messages.submit_text(step, chat.gid, message.text, reply_to=message.reply_to)
