"""`pin`, `archive`, `mute` and their opposites, and `draft`: how chats are arranged, on all devices of the account."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import ChatName, Json
from zajil.cli.frame import run_with_client
from zajil.cli.texts.talk import arranging as words

if TYPE_CHECKING:
    from zajil.client import Chat, Client

_LONGEST_S = 10 * 366 * 86_400


def pin(context: typer.Context, chat: ChatName, *, json: Json = False) -> None:
    """Pin."""
    _arrange(context, chat, lambda client, found: client.pin(found), words.SAID_PIN(), json=json)


def unpin(context: typer.Context, chat: ChatName, *, json: Json = False) -> None:
    """Unpin."""
    _arrange(context, chat, lambda client, found: client.unpin(found), words.SAID_UNPIN(), json=json)


def archive(context: typer.Context, chat: ChatName, *, json: Json = False) -> None:
    """Archive."""
    _arrange(context, chat, lambda client, found: client.archive(found), words.SAID_ARCHIVE(), json=json)


def unarchive(context: typer.Context, chat: ChatName, *, json: Json = False) -> None:
    """Bring back."""
    _arrange(context, chat, lambda client, found: client.unarchive(found), words.SAID_UNARCHIVE(), json=json)


def mute(
    context: typer.Context,
    chat: ChatName,
    *,
    length: Annotated[
        str | None, typer.Option("--for", metavar="TIME", help=words.FOR_OPTION(), show_default=False)
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="TIME", help=words.UNTIL_OPTION(), show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Mute, for some time or until it is lifted."""
    end = parse_end(length, until, now=int(time.time()))
    said = words.SAID_MUTE() if end is None else words.SAID_MUTE_UNTIL(when=moment(end))
    _arrange(context, chat, lambda client, found: client.mute(found, until=end), said, json=json)


def unmute(context: typer.Context, chat: ChatName, *, json: Json = False) -> None:
    """Unmute."""
    _arrange(context, chat, lambda client, found: client.unmute(found), words.SAID_UNMUTE(), json=json)


def draft(
    context: typer.Context,
    chat: ChatName,
    text: Annotated[
        str | None, typer.Argument(metavar="[TEXT]", help=words.DRAFT_ARGUMENT(), show_default=False)
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show the draft, or set it."""
    from zajil.cli.commands.chats import find_chat
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_text

    if text is not None:
        body = sys.stdin.read() if text == "-" else text
        said = words.DRAFT_KEPT() if body else words.DRAFT_REMOVED()
        _arrange(context, chat, lambda client, found: client.set_draft(found, body), said, json=json)
        return

    async def shown(client: Client) -> None:
        held = find_chat(client, chat).draft
        if json:
            print_json({"draft": held})
        elif held:
            console().print(clean_text(held))
        else:
            console().print(words.NO_DRAFT(), style="dim")

    run_with_client(context, shown)


def _arrange(context: typer.Context, name: str, act: Callable[[Client, Chat], None], said: str, *, json: bool) -> None:
    from zajil.cli.commands.chats import chat_row, find_chat
    from zajil.cli.output import console, print_json
    from zajil.cli.reading import sync_or_say

    async def done(client: Client) -> None:
        found = find_chat(client, name)
        act(client, found)
        if json:
            print_json(chat_row(next(chat for chat in client.chats() if chat.id == found.id)))
        else:
            console().print(said)
        await sync_or_say(client)  # the other devices of this account learn of it

    run_with_client(context, done)


def parse_end(length: str | None, until: str | None, *, now: int) -> int | None:
    """When a mute ends, Unix seconds; None where neither is given. Raises Failed `bad-time` (wrong usage)."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.typed.spans import find_span

    if length is None and until is None:
        return None
    end = 0
    if length is not None and until is None:
        end = now + (find_span(length) or 0)
    elif until is not None and length is None:
        try:
            end = int(datetime.fromisoformat(until.strip()).timestamp())
        except (ValueError, OverflowError, OSError):
            end = 0
    if not now < end <= now + _LONGEST_S:
        raise Failed("bad-time", exit_code=USAGE)
    return end


def moment(at: int) -> str:
    """`2026-11-25 14:02`. at: Unix seconds."""
    from zajil.cli.times import clock, day

    return f"{day(at)} {clock(at)}"


def notes_of(chat: Chat) -> list[str]:
    """What the list says of a chat beyond its name."""
    from zajil.cli.untrusted import clean_name, isolate

    notes = [words.PINNED()] if chat.pinned else []
    notes += [words.ARCHIVED()] if chat.archived else []
    if chat.muted:
        notes.append(words.MUTED() if chat.muted_until is None else words.MUTED_UNTIL(when=moment(chat.muted_until)))
    if chat.draft:
        flat = clean_name(chat.draft)  # typed by us, pasted from anybody
        notes.append(words.HAS_DRAFT(text=isolate(flat if len(flat) <= 40 else f"{flat[:39]}…")))
    return notes
