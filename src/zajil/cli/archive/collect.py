"""Everything this device holds of its chats, ready to be written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from zajil.cli.reading import message_row

if TYPE_CHECKING:
    from zajil.client import Chat, Client, Message

FORMAT: Final = "zajil export v1"
_ALL: Final = 1 << 31


@dataclass(frozen=True, slots=True)
class ArchivedMessage:
    """versions: earlier texts and the Unix second of each. saved: paths of fetched files in the folder, by place."""

    message: Message
    versions: tuple[tuple[str, int], ...]
    saved: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArchivedChat:
    """members: account id and name. messages: oldest first."""

    chat: Chat
    members: tuple[tuple[str, str], ...]
    messages: tuple[ArchivedMessage, ...]


@dataclass(frozen=True, slots=True)
class Archive:
    """at: Unix seconds. chats: latest activity first."""

    account: str
    name: str
    server: str
    at: int
    chats: tuple[ArchivedChat, ...]


def collect(client: Client, *, at: int, saved: Mapping[str, Mapping[int, str]]) -> Archive:
    """All chats. saved: fetched files by message id."""
    me = client.whoami()
    names = {contact.id: contact.name for contact in client.contacts()} | {me.account_id: me.name}
    chats = tuple(_collect_chat(client, chat, names, saved) for chat in client.chats())
    return Archive(me.account_id, me.name, me.server_name, at, chats)


def _collect_chat(
    client: Client, chat: Chat, names: Mapping[str, str], saved: Mapping[str, Mapping[int, str]]
) -> ArchivedChat:
    messages = client.read(chat, limit=_ALL)
    said = {message.sender_id: message.sender for message in messages}
    members = tuple((who, names.get(who) or said.get(who) or who) for who in chat.members)
    return ArchivedChat(
        chat,
        members,
        tuple(ArchivedMessage(each, _versions(client, chat, each), saved.get(each.id, {})) for each in messages),
    )


def _versions(client: Client, chat: Chat, message: Message) -> tuple[tuple[str, int], ...]:
    if not message.edited:
        return ()
    return tuple((version.text, version.at) for version in client.message(chat, message.id).versions)


def archive_row(archive: Archive) -> dict[str, object]:
    """The JSON of it all: texts exact, times in Unix seconds, ids as `zajil read --json` has them."""
    return {
        "format": FORMAT,
        "account": archive.account,
        "name": archive.name,
        "server": archive.server,
        "exported_at": archive.at,
        "chats": [_chat_row(each) for each in archive.chats],
    }


def _chat_row(found: ArchivedChat) -> dict[str, object]:
    return {
        "id": found.chat.id,
        "kind": found.chat.kind,
        "title": found.chat.title,
        "members": [{"id": who, "name": name} for who, name in found.members],
        "messages": [_message_row(each) for each in found.messages],
    }


def _message_row(found: ArchivedMessage) -> dict[str, object]:
    row = message_row(found.message) | {"sender_id": found.message.sender_id}
    row["versions"] = [{"text": text, "at": at} for text, at in found.versions]
    if found.saved:
        row["saved"] = [found.saved.get(n) for n in range(len(found.message.attachments))]
    return row
