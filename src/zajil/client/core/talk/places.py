"""Where messages stand: the chat people see, which for two merged chats of two is one."""

from __future__ import annotations

from zajil.client.core.groups import SELF
from zajil.client.state import rows
from zajil.client.state.rows import Chat, StoredMessage
from zajil.client.state.step import Step
from zajil.protocol.errors import error


def place_of(step: Step, gid: bytes) -> bytes:
    """The chat that shows what is said in a group."""
    chat = rows.find_chat(step.tx, gid)
    return gid if chat is None else chat.merged or gid


def is_listed(chat: Chat) -> bool:
    """Whether people see this chat among theirs.

    Not one that was merged, one that was made to ask in and where nobody wrote yet, a stranger's request, and a request
    of ours that came to nothing.
    """
    ended = chat.request != "" and chat.status == "removed"
    return not (chat.merged or chat.quiet or chat.request == "incoming" or ended)


def find_message(step: Step, gid: bytes, identity: bytes) -> tuple[int, StoredMessage] | None:
    """Number and row of a message of this chat, None where it is not here or stands in another one."""
    found = step.tx.lookup("message", identity)
    if found is None:
        return None
    message = rows.parse_row(found[1], StoredMessage)
    return (found[0], message) if place_of(step, message.gid) == place_of(step, gid) else None


def load_message(step: Step, gid: bytes, identity: bytes) -> tuple[int, StoredMessage]:
    """As `find_message`; a message that moved is found under its old id too. Raises `gone`."""
    found = find_message(step, gid, identity) or find_message(step, gid, step.tx.find("known", identity) or b"")
    if found is None:
        raise error("gone", "message")
    return found


def find_self_chat(step: Step) -> bytes | None:
    """The group of our own devices, where another device is in it to be told something."""
    for chat in rows.all_chats(step.tx):
        if chat.kind == SELF and chat.status == "active" and not chat.merged and len(chat.members) > 1:
            return chat.gid
    return None
