"""Contact requests: a stranger's chat with us that waits for our word, and ours with people who do not know us yet.

Of an incoming one nothing is shown but one text, and nothing is said: no receipt, profile, typing or call. What does
not belong into a request is not taken in the first place; what makes it unusable ends it.
"""

from __future__ import annotations

import msgspec

from zajil.client.core import groups, messages, outbox
from zajil.client.state import accounts, doors, rows
from zajil.client.state.rows import Chat, Intent, Item, StoredMessage
from zajil.client.state.step import Step
from zajil.protocol.chat import content, expiry, forms, parts
from zajil.protocol.contacts.requests import MESSAGE_BYTES, TEXT_BYTES, is_strangers
from zajil.protocol.errors import error

INCOMING_MAX = 200
"""Requests that wait at once; whoever comes later is not seen."""

ELSEWHERE = b"elsewhere"
"""`Chat.opening` of a request that another device of ours made and begins."""

_REFUSED = b"token"
"""Begins the names of rows of `helper` that hold the token of an account that the server refused."""
_SHUT_OUT = b"shut out"
"""Begins the names of rows of `helper` that hold the device by which a blocked account last asked us."""


def check_text(text: str) -> None:
    """Raises `text-too-long` for what does not pass as the one message of a request."""
    if len(text.encode()) > TEXT_BYTES:
        raise error("text-too-long")


class Unwanted(Exception):
    """A Welcome that is not taken although it could be opened: what it came through is shut."""


def note_join(step: Step, chat: Chat, *, signer: bytes, via: bytes, introduced: bool) -> Chat:
    """The chat of a first Welcome with its place among requests. Raises Unwanted.

    signer: account of who added us. introduced: the Welcome or we know how the other side of a DM is reached.
    """
    own = step.profile.account_id
    if signer != own and accounts.is_blocked(step, signer):
        raise Unwanted
    if chat.kind == groups.DM and signer == own and not introduced:
        return msgspec.structs.replace(chat, request="outgoing", via=via, opening=ELSEWHERE)
    if signer == own or not is_strangers(via):
        return msgspec.structs.replace(chat, via=via)
    if chat.kind != groups.DM or signer != chat.peer or len(incoming(step)) >= INCOMING_MAX:
        raise Unwanted
    return msgspec.structs.replace(chat, request="incoming", via=via)


def incoming(step: Step) -> list[Chat]:
    """Requests that wait for our decision, the newest first."""
    return [chat for chat in rows.all_chats(step.tx) if chat.request == "incoming" and chat.status == "active"]


def outgoing(step: Step, peer: bytes) -> Chat | None:
    """Our request to this account that has no answer yet."""
    found = (chat for chat in rows.all_chats(step.tx) if chat.request == "outgoing" and chat.peer == peer)
    return next((chat for chat in found if chat.status in ("creating", "active")), None)


def load(step: Step, gid: bytes) -> Chat:
    """The request of this chat. Raises `gone`."""
    chat = rows.find_chat(step.tx, gid)
    if chat is None or chat.request != "incoming" or chat.status != "active":
        raise error("gone", "request")
    return chat


def take(step: Step, chat: Chat, opened: messages.Opened) -> None:
    """Of a message in a request: the first text is kept, whatever else it is, is not."""
    form = forms.parse_form(opened.content)
    if opened.account != chat.peer or not isinstance(form, forms.Text) or step.tx.rows("message", chat.gid, newest=1):
        return
    proofs = () if opened.proof is None else (opened.proof,)
    text = StoredMessage(opened.message_id, chat.gid, opened.account, opened.device, opened.sent, "received", form.text)
    span = expiry.find_span(opened.content.expires, sent=opened.sent)
    step.tx.append(
        "message",
        chat.gid,
        opened.message_id,
        rows.encode_row(msgspec.structs.replace(text, arrived=step.now, proofs=proofs, expire_s=span)),
    )
    step.change_chat(chat.gid, unread=1, activity=max(step.now, chat.activity))
    step.event("request", account=chat.peer)


def accept(step: Step, gid: bytes) -> int:
    """The chat is one like any other, once its sender reaches us by a reference like any other; the item of that."""
    chat = load(step, gid)
    step.change_chat(gid, request="")
    accounts.change(step, chat.peer, contact=True)
    step.event("joined", gid)
    accepting = outbox.submit_intent(step, gid, Intent("accept"))
    _add_later_devices(step, chat)
    return accepting


def _add_later_devices(step: Step, chat: Chat) -> None:
    """Devices of ours that were linked while the request waited come in."""
    own = accounts.known(step, step.profile.account_id)
    missing = [device for device, _ in own.devices if chat.leaf_of(own.account_id, device) is None]
    if missing and own.list_object:
        messages.submit_control(step, chat.gid, parts.Lists((own.list_object,)), urgent=True)
    for device in missing:
        outbox.submit_intent(step, chat.gid, Intent("add-device", account=own.account_id, devices=(device,)))


def note_replaced(step: Step, gid: bytes, by: bytes) -> None:
    """A member gave its leaf another reference: that is how a request is accepted, by the other side or our device."""
    chat = step.chat(gid)
    if chat.request == "incoming" and by == step.profile.account_id:
        accept(step, gid)
    elif chat.request == "outgoing" and by == chat.peer:
        step.change_chat(gid, request="")
        accounts.change(step, chat.peer, contact=True)
        step.event("accepted", gid, account=chat.peer)
        messages.ensure_profile(step, gid)


def end(step: Step, chat: Chat) -> None:
    """The request is gone and its reference leads nowhere; whoever sent it is told nothing."""
    doors.deny(step.tx, chat.via)
    for n, _ in rows.items(step.tx, chat.gid):
        step.tx.remove("outbox", n)
    for table in ("message", "held"):
        for n, _ in step.tx.rows(table, chat.gid):
            step.tx.remove(table, n)
    step.drop_group(chat.gid)
    step.change_chat(chat.gid, status="removed", asking=None, unread=0)


def forget_ended(step: Step) -> None:
    """Once a day: chats of requests that came to nothing."""
    for chat in rows.all_chats(step.tx):
        if chat.request and chat.status == "removed" and not rows.items(step.tx, chat.gid):
            step.tx.delete("chat", chat.gid)


def is_withheld(step: Step, chat: Chat, item: Item) -> bool:
    """Whether this waits until the other side accepts: in a request of ours all but the text it begins with."""
    if chat.request != "outgoing" or item.kind != "message":
        return False
    return not item.shown or item.message_id != _opening(step, chat) or not _passes(item)


def _opening(step: Step, chat: Chat) -> bytes:
    """Id of the text that our request begins with, also once it is deleted here or has disappeared."""
    if chat.opening:
        return chat.opening
    first = step.tx.rows("message", chat.gid)[:1]
    return rows.parse_row(first[0][1], StoredMessage).message_id if first else b""


def _passes(item: Item) -> bool:
    """Whether it arrives as the one text: the server drops what is longer and says OK, the asked one takes no file."""
    form = forms.parse_form(content.parse_content(item.content))
    if not isinstance(form, forms.Text) or len(form.text.encode()) > TEXT_BYTES:
        return False
    return content.padded_size(content.encode_application(item.content, bytes(64))) <= MESSAGE_BYTES


def may_ask_instead(chat: Chat, account: bytes) -> bool:
    """Whether this is a chat of two that its other side was never in, so that it may begin as a request.

    Not one that was made to ask by a group's link: whoever took the link back is asked for nothing.
    """
    return chat.kind == groups.DM and chat.peer == account and account not in chat.accounts() and not chat.invites


def ask_instead(step: Step, chat: Chat) -> None:
    """The token we have leads nowhere, as after a block of whomever: who knows us lets the request in by itself.

    No list shows a chat that only asks to be brought back into the one with the same person.
    """
    step.tx.put("helper", _REFUSED + chat.peer, accounts.known(step, chat.peer).contact_token)
    said = step.tx.rows("message", chat.gid, newest=1)
    lost = any(c.kind == groups.DM and c.peer == chat.peer and c.asking for c in rows.all_chats(step.tx))
    step.change_chat(chat.gid, request="outgoing", quiet=lost and not said)


def is_token_refused(step: Step, account: bytes) -> bool:
    """Whether the token we have for this account was refused before: no further chat is begun with it."""
    token = accounts.known(step, account).contact_token
    return not token or step.tx.find("helper", _REFUSED + account) == token


def note_shut_out(step: Step, account: bytes, device: int) -> None:
    """Somebody blocked began a chat from this device, perhaps since it lost the one we have."""
    step.tx.put("helper", _SHUT_OUT + account, device.to_bytes(4, "big"))


def take_shut_out(step: Step, account: bytes) -> int | None:
    """The device noted last, once."""
    found = step.tx.find("helper", _SHUT_OUT + account)
    step.tx.delete("helper", _SHUT_OUT + account)
    return None if found is None else int.from_bytes(found, "big")


def refuse(step: Step, gid: bytes, code: str) -> None:
    """The server lets us ask this account nothing: the request fails whole."""
    for n, item in rows.items(step.tx, gid):
        if item.state == "queued":
            outbox.fail(step, n, item, code)
    step.drop_group(gid)
    step.change_chat(gid, status="removed")
