"""`chats`, `send`, `read`, `sync`: talking. What is special about files is in `files`."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import ChatName, Files, Json, JsonLines, Keep, Strip
from zajil.cli.frame import run_with_client
from zajil.cli.texts import chats as words
from zajil.cli.texts.talk import arranging as arranging_words
from zajil.cli.texts.talk import search as search_words

if TYPE_CHECKING:
    from zajil.client import Chat, Client, Message, Notice

_ENOUGH = 1000
_UNDER_WAY = ("queued", "sending")


def chats(
    context: typer.Context,
    *,
    archived: Annotated[bool, typer.Option("--archived", help=arranging_words.ARCHIVED_OPTION())] = False,
    json: Json = False,
) -> None:
    """All chats, pinned ones first, then by latest activity; with --archived those that are out of the list."""
    from zajil.cli.commands.talk.arranging import notes_of
    from zajil.cli.output import console, print_json
    from zajil.cli.reading import title_of
    from zajil.cli.texts.people.strangers import ASKED_NOTE
    from zajil.cli.texts.talk.disappear import DISAPPEAR, say_timer
    from zajil.cli.untrusted import isolate

    async def told(client: Client) -> None:
        everything = client.chats()
        found = [chat for chat in everything if chat.archived == archived]
        if json:
            print_json([chat_row(chat) for chat in (found if archived else everything)])
            return
        if not found:
            console().print(arranging_words.NOTHING_ARCHIVED() if archived else words.NO_CHATS(), style="dim")
        for chat in found:
            screen = console()
            screen.print(f"{chat.id}  ", style="dim", end="")
            screen.print(isolate(title_of(chat)), style="bold", end="")
            notes = [words.MEMBERS(count=len(chat.members))] if chat.kind == "group" else []
            notes += [words.STATUSES[chat.status]()] if chat.status != "active" else []
            notes += [ASKED_NOTE()] if chat.pending else []
            notes += [words.UNREAD(count=chat.unread)] if chat.unread else []
            notes += [words.MENTIONED()] if chat.mentioned else []
            notes += [DISAPPEAR(time=say_timer(chat.timer))] if chat.timer else []
            notes += notes_of(chat)
            screen.print("".join(f"  {note}" for note in notes), style="dim")
        away = len(everything) - len(found)
        if away and not archived:
            console().print(arranging_words.ARCHIVED_COUNT(count=away), style="dim")

    run_with_client(context, told)


def send(
    context: typer.Context,
    chat: ChatName,
    text: Annotated[str, typer.Argument(metavar="TEXT", help=words.TEXT_ARGUMENT(), show_default=False)] = "",
    *,
    file: Files = None,
    strip: Strip = False,
    keep: Keep = False,
    reply: Annotated[
        str | None, typer.Option("--reply", metavar="ID", help=words.REPLY_OPTION(), show_default=False)
    ] = None,
    queue: Annotated[bool, typer.Option("--queue", help=words.QUEUE_OPTION())] = False,
    json: Json = False,
) -> None:
    """Send a text or files; returns once the server holds it durably, or with --queue once this home does.

    To somebody who was asked and has not answered it is kept until they do.
    """
    from zajil.cli.commands.files import open_files, send_files
    from zajil.cli.commands.messages import find_message
    from zajil.cli.failures import USAGE, Failed, as_kept
    from zajil.cli.output import print_json

    body = sys.stdin.read() if text == "-" else text
    if not body.strip() and not file:
        from zajil.cli.texts.talk.files import NO_TEXT_HINT

        raise Failed("no-text", exit_code=USAGE, hint=NO_TEXT_HINT())

    async def sent(client: Client) -> None:
        from zajil.protocol.errors import Unavailable

        found = find_chat(client, chat)
        if not queue:
            check_key(client, found)
        quoted = None if reply is None else find_message(client, found, reply).id
        later = queue or _must_wait(client, found)
        named = client.find_mentions(found, body)
        try:
            if file:
                ready = open_files(file, strip=strip, keep=keep)
                identity = await send_files(client, found, ready, body, reply_to=quoted, queue=later)
            elif later:
                identity = client.queue(found, body, reply_to=quoted, mentions=named)
            else:
                identity = await client.send(found, body, reply_to=quoted, mentions=named)
            if later and not queue:
                await client.sync()  # they may have accepted meanwhile
        except Unavailable as error:
            raise as_kept(error, words.KEPT()) from error
        waits = not queue and _must_wait(client, found)
        if json:
            print_json({"id": identity, "state": "queued" if queue or waits else "sent"})
        else:
            _say_sent(client, found, queue=queue, waits=waits)

    run_with_client(context, sent)


def _must_wait(client: Client, chat: Chat) -> bool:
    """Whether the other side has not accepted our request yet, whose one text is on its way or there."""
    return any(one.id == chat.id and one.pending for one in client.chats()) and bool(client.read(chat, limit=1))


def _say_sent(client: Client, chat: Chat, *, queue: bool, waits: bool) -> None:
    """What became of a message; after the first one of a chat also how the answer is seen."""
    from zajil.cli.hints import name_to_type, suggest
    from zajil.cli.output import console
    from zajil.cli.reading import title_of
    from zajil.cli.texts.people.strangers import TEXT_WAITS

    if waits:
        console().print(TEXT_WAITS(name=title_of(chat)))
        return
    console().print(words.QUEUED() if queue else words.SENT(), style="dim")
    if not queue and chat.kind != "self" and len(client.read(chat, limit=2)) == 1:
        suggest(words.SENT_NEXT(), "read", name_to_type(client, chat), "--follow")


def check_key(client: Client, chat: Chat) -> None:
    """Raises Failed `verify-again` where sending would wait for a decision about a changed key."""
    from zajil.cli.failures import Failed, hint_in_chat
    from zajil.cli.untrusted import clean_name

    others = [contact for contact in client.contacts() if contact.id in chat.members and contact.key_changed]
    if chat.kind == "dm" and others:
        name = clean_name(others[0].name)
        raise Failed("verify-again", name=name, hint=hint_in_chat("verify-again", name))


def read(
    context: typer.Context,
    chat: ChatName,
    *,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=100_000, help=words.LIMIT_OPTION(), show_default="50")
    ] = 50,
    follow: Annotated[bool, typer.Option("--follow", help=words.FOLLOW_OPTION())] = False,
    around: Annotated[
        str | None, typer.Option("--around", metavar="ID", help=search_words.AROUND_OPTION(), show_default=False)
    ] = None,
    ids: Annotated[bool, typer.Option("--ids", help=words.IDS_OPTION())] = False,
    json: JsonLines = False,
) -> None:
    """Show a chat, after fetching what waits; without a connection, what is here already."""
    from zajil.cli.commands.messages import find_message
    from zajil.cli.following import follow_chat
    from zajil.cli.output import console, print_json
    from zajil.cli.reading import message_row, notices_beside, print_messages, quotes_of, sync_or_say, tell_read

    async def shown(client: Client) -> None:
        if around is not None:
            found = find_chat(client, chat)
            messages = client.read_around(found, find_message(client, found, around).id, limit=limit)
            if json:
                print_json([message_row(message) for message in messages])
            else:
                print_messages(messages, find=quotes_of(client, found), ids=ids)
            return
        if follow:
            await follow_chat(client, find_chat(client, chat), limit=limit, json=json, ids=ids)
            return
        waited = client.waiting_messages()
        reached, problem = await sync_or_say(client)
        found = find_chat(client, chat)
        messages = client.read(found, limit=limit)
        if json:
            print_json([message_row(message) for message in messages])
        else:
            beside = notices_beside(client, found, messages, limit=limit)
            print_messages(messages, beside, find=quotes_of(client, found), ids=ids)
            out = _count_out(waited, _messages(client)) if waited else 0
            if out:
                console().print(words.SENT_COUNT(count=out), style="dim")
            _suggest_answers(client, [found])
            _suggest_saving(client, found, messages)
        client.mark_read(found)
        if reached:
            await tell_read(client)
        if problem is not None:
            raise problem

    try:
        run_with_client(context, shown)
    except KeyboardInterrupt:
        if not follow:
            raise  # following ends in no other way, so there it is no failure


def sync(context: typer.Context, *, json: Json = False) -> None:
    """Fetch and send; tells what is new."""
    from zajil.cli.output import console, print_json
    from zajil.cli.reading import message_row, notice_row, print_message_heads, print_notice_heads, title_of
    from zajil.cli.texts.events import EVENTS

    async def synced(client: Client) -> None:
        held = _messages(client)
        before = {message.id for message in held}
        waited = _waiting(held)
        noticed = Counter(_notices(client))
        known, asked = {chat.id for chat in client.chats()}, {one.id for one in client.requests()}
        await client.sync()
        after = _messages(client)
        new = [message for message in after if message.id not in before and not message.own]
        queued = len(_waiting(after))
        out = _count_out(waited, after)
        # Two alike, of one moment, are two.
        notices = list((Counter(_notices(client)) - noticed).elements())
        # A chat that begins with a message is told of by that.
        chats = [chat for chat in client.chats() if chat.id not in known | {message.chat for message in new}]
        requests = [one.id for one in client.requests() if one.id not in asked]
        news = [event.code for event in client.take_news() if event.code is not None]
        if json:
            told: dict[str, object] = {"told": news} if news else {}
            told |= {"notices": [notice_row(notice) for notice in notices]} if notices else {}
            told |= {"sent": out} if out else {}
            told |= {"chats": [chat.id for chat in chats]} if chats else {}
            told |= {"requests": requests} if requests else {}
            print_json({"new": [message_row(message) for message in new], "queued": queued, **told})
            return
        for code in news:
            console().print(EVENTS[code]())
        for chat in chats:
            console().print(words.NEW_CHAT(title=title_of(chat)))
        if requests:
            console().print(EVENTS["request"]())
        print_notice_heads(client, notices)
        _suggest_answers(client, [one for one in client.chats() if any(each.chat == one.id for each in notices)])
        print_message_heads(client, new)
        if out:
            console().print(words.SENT_COUNT(count=out), style="dim")
        if queued:
            console().print(words.STILL_QUEUED(count=queued))
        elif not (new or notices or out or chats or requests):
            console().print(words.SYNCED(), style="dim")

    run_with_client(context, synced)


def _suggest_answers(client: Client, chats: Sequence[Chat]) -> None:
    """How to answer those who ask to be let into one of these."""
    from zajil.cli.hints import name_to_type, suggest

    for chat in chats:
        if chat.kind == "group" and any(not one.accepted for one in client.join_requests(chat)):
            suggest(words.ASKED_NEXT(), "group", "requests", name_to_type(client, chat))


def _suggest_saving(client: Client, chat: Chat, messages: Sequence[Message]) -> None:
    """How to save the newest file that came since the chat was read."""
    from zajil.cli.hints import name_to_type, suggest

    came = [message for message in messages if not message.own]
    files = [message.id for message in came[len(came) - chat.unread :] if message.attachments]
    if files:
        dashes = ["--"] if files[-1].startswith("-") else []  # else it would be read as an option
        suggest(words.SAVE_NEXT(), "save", *dashes, name_to_type(client, chat), files[-1])


def _messages(client: Client) -> list[Message]:
    return [message for chat in client.chats() for message in client.read(chat, limit=_ENOUGH)]


def _waiting(messages: Sequence[Message]) -> list[str]:
    return [message.id for message in messages if message.state in _UNDER_WAY]


def _count_out(waited: Sequence[str], after: Sequence[Message]) -> int:
    """How many of the messages that waited went out."""
    kept = {message.id for message in after if message.state in (*_UNDER_WAY, "failed")}
    return sum(identity not in kept for identity in waited)


def _notices(client: Client) -> list[Notice]:
    return [notice for chat in client.chats() for notice in client.notices(chat)]


def chat_row(chat: Chat) -> dict[str, object]:
    """The JSON of one chat."""
    return {
        "id": chat.id,
        "kind": chat.kind,
        "title": chat.title,
        "status": chat.status,
        "role": chat.role,
        "members": list(chat.members),
        "devices": chat.devices,
        "quantum": chat.quantum,
        "last_activity": chat.last_activity,
        "unread": chat.unread,
        "mentioned": chat.mentioned,
        "timer": chat.timer,
        "pinned": chat.pinned,
        "archived": chat.archived,
        "muted": chat.muted,
        "muted_until": chat.muted_until,
        "draft": chat.draft,
    }


def find_chat(client: Client, text: str) -> Chat:
    """The chat of this id or title; the self chat also under its name in any language.

    Raises `unknown-chat`, `ambiguous-name`.
    """
    from zajil.protocol.errors import ZajilError

    try:
        return client.find_chat(text)
    except ZajilError as unknown:
        names = {str(name).casefold() for name in words.NOTE_TO_SELF}
        if unknown.code != "unknown-chat" or text.strip().casefold() not in names:
            raise
        return next(chat for chat in client.chats() if chat.kind == "self")
