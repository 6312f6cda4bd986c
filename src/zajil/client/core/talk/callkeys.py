"""What a call needs of its group: keys of the epoch, the members, a token for the server (calls.md 5, 10)."""

from __future__ import annotations

from typing import NamedTuple

from zajil.client.core import chats, groups
from zajil.client.state import rows
from zajil.client.state.rows import Chat
from zajil.client.state.step import Step
from zajil.protocol.errors import error

BASE_LABEL = "SFrame 1.0 Base Key"
BASE_BYTES = 16
CONTEXT_BYTES = 48
"""Call id and call secret."""


class CallMember(NamedTuple):
    """One device of the group."""

    leaf: int
    account: bytes
    device: int


class CallKeys(NamedTuple):
    """What the current epoch gives a call. base_key: 16 bytes. leaf: our own. members: of the whole tree, by leaf."""

    epoch: int
    base_key: bytes
    leaf: int
    members: tuple[CallMember, ...]


def call_keys(step: Step, gid: bytes, context: bytes) -> CallKeys:
    """The keys of a call in the group's current epoch. context: call id and call secret, 48 bytes.

    Raises `not-a-member`, `chat-stuck`. Source: RFC 9605 5.2, with a context of the call instead of the empty one.
    """
    if len(context) != CONTEXT_BYTES:
        raise error("wrong-call", "context of 48 bytes")
    chat = check_usable(step, gid)
    key = step.load_group(gid).export(BASE_LABEL, context, BASE_BYTES)
    members = sorted(CallMember(member.leaf, member.account, member.device) for member in chat.members)
    return CallKeys(chat.epoch, key, chat.own_leaf, tuple(members))


def send_token(step: Step, gid: bytes) -> tuple[int, bytes]:
    """The epoch and its send token, 32 bytes: what the server asks for before it gives a relay or a room.

    Raises `not-a-member`, `chat-stuck`.
    """
    chat = check_usable(step, gid)
    return chat.epoch, groups.send_token(step.load_group(gid), gid)


def check_usable(step: Step, gid: bytes) -> Chat:
    """The very group, where we are in it and follow it. Raises `unknown-chat`, `not-a-member`, `chat-stuck`."""
    chat = rows.find_chat(step.tx, gid)
    if chat is None:
        raise error("unknown-chat")
    chats.check_member(step, gid)
    if chat.status != "active":
        raise error("chat-stuck")
    return chat
