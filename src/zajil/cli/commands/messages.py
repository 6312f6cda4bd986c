"""`react`, `edit`, `delete`: what is done to a message."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Awaitable
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import ChatName, MessageName
from zajil.cli.frame import run_with_client
from zajil.cli.texts import chats as chat_words
from zajil.cli.texts import messages as words
from zajil.cli.texts.talk.files import WITHDRAWN

if TYPE_CHECKING:
    from zajil.client import Chat, Client, Message

_LOOKED_AT = 10_000
_SHORTEST = 4
_EDIT_S = 86_400


def react(
    context: typer.Context,
    chat: ChatName,
    message: MessageName,
    emoji: Annotated[str, typer.Argument(metavar="EMOJI", help=words.EMOJI_ARGUMENT())] = "",
    *,
    remove: Annotated[bool, typer.Option("--remove", help=words.REMOVE_OPTION())] = False,
) -> None:
    """Set or take back a reaction."""
    from zajil.cli.commands.chats import find_chat
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import console
    from zajil.protocol.chat.emoji import check_emoji
    from zajil.protocol.errors import Malformed

    if not remove:
        try:
            check_emoji(emoji)
        except Malformed:
            raise Failed("no-emoji", exit_code=USAGE) from None

    async def reacted(client: Client) -> None:
        found = find_chat(client, chat)
        target = find_message(client, found, message)
        await _kept(client.react(found, target.id, None if remove else emoji))
        console().print(words.TAKEN_BACK_DONE() if remove else words.REACTED_DONE(), style="dim")

    run_with_client(context, reacted)


def edit(
    context: typer.Context,
    chat: ChatName,
    message: MessageName,
    text: Annotated[str, typer.Argument(metavar="TEXT", help=chat_words.TEXT_ARGUMENT())],
) -> None:
    """Give an own message another text."""
    from zajil.cli.commands.chats import find_chat
    from zajil.cli.failures import USAGE, Failed, hint_in_chat
    from zajil.cli.output import console
    from zajil.cli.reading import title_of

    body = sys.stdin.read() if text == "-" else text
    if not body.strip():
        raise Failed("no-text", exit_code=USAGE)

    async def edited(client: Client) -> None:
        found = find_chat(client, chat)
        target = find_message(client, found, message)
        if not target.own:
            raise Failed("not-yours")
        late = "too-late" if time.time() - target.sent_at > _EDIT_S else ""
        if fault := "edit-file" if target.attachments else late:
            raise Failed(fault, hint=hint_in_chat(fault, title_of(found)).replace("ID", target.id))
        await _kept(client.edit(found, target.id, body, mentions=client.find_mentions(found, body)))
        console().print(words.EDITED_DONE(), style="dim")

    run_with_client(context, edited)


def delete(
    context: typer.Context,
    chat: ChatName,
    message: MessageName,
    *,
    for_me: Annotated[bool, typer.Option("--for-me", help=words.FOR_ME_OPTION())] = False,
) -> None:
    """Delete a message, for all or here."""
    from zajil.cli.commands.chats import find_chat
    from zajil.cli.output import console

    async def deleted(client: Client) -> None:
        found = find_chat(client, chat)
        target = find_message(client, found, message)
        if for_me:
            client.delete_here(found, target.id)
        else:
            await _kept(client.delete(found, target.id))
        done = words.DELETED_HERE_DONE if for_me else words.DELETED_DONE
        console().print((WITHDRAWN if target.progress is not None else done)(), style="dim")

    run_with_client(context, deleted)


def find_message(client: Client, chat: Chat, text: str) -> Message:
    """The message with this id, or the only one whose id begins so. Raises Failed `no-message`, `many-messages`."""
    from zajil.cli.failures import Failed, hint_in_chat
    from zajil.cli.reading import title_of
    from zajil.protocol.errors import ZajilError

    with contextlib.suppress(ZajilError):
        return client.message(chat, text).message  # the whole id, of however old a message
    messages = client.read(chat, limit=_LOOKED_AT)
    found = [message for message in messages if message.id == text]
    if not found and len(text) >= _SHORTEST:
        found = [message for message in messages if message.id.startswith(text)]
    if len(found) != 1:
        code = "many-messages" if found else "no-message"
        raise Failed(code, hint=hint_in_chat(code, title_of(chat)))
    return found[0]


async def _kept(change: Awaitable[None]) -> None:
    """The change. Without a server it stays queued here: raises Failed that says so."""
    from zajil.cli.failures import as_kept
    from zajil.protocol.errors import Unavailable

    try:
        await change
    except Unavailable as error:
        raise as_kept(error, words.KEPT()) from error
