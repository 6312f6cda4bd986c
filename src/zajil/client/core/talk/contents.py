"""What a verified message body does here: a text is shown, a control part changes what we know."""

from __future__ import annotations

from typing import Literal

from zajil.client.core import groups, messages, readd
from zajil.client.state import accounts
from zajil.client.state.rows import Chat, StoredMessage
from zajil.client.state.step import Step
from zajil.protocol.chat import content, parts

LEAVE_RANK_MS = 3_000


def take_content(step: Step, chat: Chat, opened: messages.Opened) -> None:
    """Apply a message body seen for the first time. Raises Malformed for one that is none of our forms."""
    text = content.find_text(opened.content)
    if text is not None:
        place = chat.merged or chat.gid
        # What another device of ours wrote is sent: it came from the server.
        state: Literal["sent", "received"] = "sent" if opened.account == step.profile.account_id else "received"
        shown = StoredMessage(opened.message_id, place, opened.account, opened.device, opened.sent, state, text)
        messages.show(step, shown)
        return
    if isinstance(opened.content.body, content.SinglePart) and parts.is_control(opened.content.body):
        _take_control(step, chat, opened, parts.parse_part(opened.content.body))


def _take_control(step: Step, chat: Chat, opened: messages.Opened, part: parts.ControlPart | parts.UnknownPart) -> None:
    own = step.profile.account_id
    match part:
        case parts.Profile():
            if opened.account == own:
                told = tuple(a for a in chat.accounts() if a != own)
                step.change_chat(chat.gid, told=told)
            else:
                accounts.learn_name(step, opened.account, part.name, part.contact_token)
                step.event("profile", chat.gid)
        case parts.Lists():
            for data in part.lists:
                accounts.learn_list(step, accounts.list_owner(data), data)
        case parts.Leave():
            _note_leave(step, chat, opened.account)
        case parts.Readd():
            readd.take_request(step, opened.account, opened.device, part)
        case parts.Sync() if chat.kind == groups.SELF:
            for contact in part.contacts:
                accounts.learn_introduction(step, contact.account_id, contact.name, contact.contact_token)
                accounts.change(step, contact.account_id, contact=True)
        case _:
            pass


def _note_leave(step: Step, chat: Chat, account: bytes) -> None:
    """Somebody leaves: the first member by leaf order removes him at once, the others 3 s later each."""
    if chat.kind != groups.GROUP:
        return
    ranks = [m.leaf for m in sorted(chat.members, key=lambda m: m.leaf) if m.account != account]
    rank = ranks.index(chat.own_leaf) if chat.own_leaf in ranks else 0
    step.change_chat(chat.gid, left=chat.left | {account: step.now + rank * LEAVE_RANK_MS})
    step.event("leaving", chat.gid)
