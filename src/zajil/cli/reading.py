"""Messages on a screen and as JSON, once or as they come.

A line break in a message never starts at the left edge, so no message can forge the line of another sender.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text as Line

from zajil.cli.output import console, error_console, print_json
from zajil.cli.texts import chats as words
from zajil.cli.times import clock, day
from zajil.cli.untrusted import clean_name, clean_text, isolate

if TYPE_CHECKING:
    from zajil.client import Chat, Client, Event, Message

_COLOURS = ("cyan", "magenta", "yellow", "blue", "green", "bright_red")


def message_row(message: Message) -> dict[str, object]:
    """The JSON of one message."""
    return {
        "id": message.id,
        "chat": message.chat,
        "sender": message.sender,
        "sent_at": message.sent_at,
        "state": message.state,
        "text": message.text,
    }


def print_messages(messages: Sequence[Message]) -> None:
    """The messages in order, with a heading for each day on a terminal and full times in a pipe."""
    if not messages:
        console().print(words.EMPTY_CHAT(), style="dim")
    last = ""
    for message in messages:
        last = print_message(message, last)


def print_message(message: Message, last_day: str) -> str:
    """One message below `last_day`'s heading; the day to pass next time."""
    screen = console()
    today = day(message.sent_at)
    if not screen.is_terminal:
        screen.print(f"{today} {message_line(message).plain}")
        return today
    if today != last_day:
        screen.print(f"— {today} —", style="dim")
    screen.print(message_line(message))
    return today


def message_line(message: Message) -> Line:
    """`14:02  Amina  received  text`: time, sender, state, text; further lines of the text are indented."""
    sender = isolate(clean_name(message.sender))
    colour = "bold" if message.own else _COLOURS[sum(message.sender_id.encode()) % len(_COLOURS)]
    state = words.STATES[message.state]()
    text = "\n         ".join(isolate(line) for line in clean_text(message.text).split("\n"))
    mood = "bold red" if message.state == "failed" else "dim"
    reason = f" ({clean_name(message.reason)})" if message.reason else ""
    return Line.assemble(
        (clock(message.sent_at), "dim"), "  ", (sender, colour), "  ", (f"{state}{reason}", mood), "  ", text
    )


def print_message_heads(client: Client, messages: Sequence[Message]) -> None:
    """What a sync brought, by chat."""
    from zajil.cli.commands.chats import title_of

    titles = {chat.id: title_of(chat) for chat in client.chats()}
    if messages:
        console().print(words.NEW_MESSAGES(count=len(messages)), style="bold")
    for message in messages:
        screen = console()
        screen.print(f"{isolate(titles.get(message.chat, '?'))} | ", style="dim", end="")
        screen.print(message_line(message))


async def sync_or_say(client: Client) -> None:
    """Fetch and send; without a server say so on stderr and go on with what is here."""
    from zajil.protocol.errors import Unreachable

    try:
        await client.sync()
    except Unreachable:
        error_console().print(words.OFFLINE_READ(), style="dim")


async def follow_chat(client: Client, chat: Chat, *, limit: int, json: bool) -> None:
    """The newest messages of the chat, then every new one and every change of state, until interrupted."""
    shown: dict[str, str] = {}
    last = ""
    for message in client.read(chat, limit=limit):
        shown[message.id] = message.state
        last = _show(message, last, json=json)
    if not json and console().is_terminal:
        error_console().print(words.FOLLOWING(), style="dim")
    online = True
    async for event in client.follow():
        online = _say_connection(event, online)
        fresh = _fresh(event, chat, shown)
        if fresh is not None:
            last = _show(fresh, last, json=json)


def _fresh(event: Event, chat: Chat, shown: dict[str, str]) -> Message | None:
    """The event's message if it belongs here and is new, or in a new state; remembers it."""
    message = event.message
    if message is None or message.chat != chat.id or shown.get(message.id) == message.state:
        return None
    shown[message.id] = message.state
    return message


def _show(message: Message, last_day: str, *, json: bool) -> str:
    if json:
        print_json(message_row(message))
        return last_day
    return print_message(message, last_day)


def _say_connection(event: Event, online: bool) -> bool:
    if event.kind == "disconnected" and online:
        error_console().print(words.CONNECTION_LOST(), style="dim")
        return False
    if event.kind == "connected" and not online:
        error_console().print(words.CONNECTION_BACK(), style="dim")
        return True
    return online
