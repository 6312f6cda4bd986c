"""Messages on a screen and as JSON, once or as they come.

A line break in a message never starts at the left edge, so no message can forge the line of another sender.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text as Line

from zajil.cli.output import console, error_console, print_json
from zajil.cli.texts import chats as words
from zajil.cli.texts.events import EVENTS
from zajil.cli.times import clock, day
from zajil.cli.untrusted import clean_name, clean_text, isolate

if TYPE_CHECKING:
    from zajil.client import Chat, Client, Event, Message
    from zajil.protocol.errors import ZajilError

LOCKED = ("state-rolled-back", "device-revoked")

_INDENT = " " * 9
_SENDER_WIDTH_MAX = 18
# On a terminal a sign stands for the state; what others wrote needs none.
_MARKS = {
    "queued": ("…", "dim"),
    "sending": ("…", "dim"),
    "sent": ("✓", "green"),
    "delivered": ("✓✓", "green"),
    "read": ("✓✓", "bold blue"),
    "failed": ("✗", "bold red"),
    "received": (" ", ""),
}
# Messages and their states are shown as such; that a chat was made or a name was told is no news to a reader.
SHOWN = ("message", "state", "edited", "deleted", "reacted", "read")
_SILENT = (*SHOWN, "typing", "created", "profile")
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


class MessageScreen:
    """Messages one below the other: columns and a heading for each day on a terminal, one full line each in a pipe."""

    def __init__(self, messages: Sequence[Message] = ()) -> None:
        """messages: those to come first; the column of senders is made to fit them."""
        self._screen = console()
        self._day = ""
        self._width = min(_SENDER_WIDTH_MAX, max([cell_len(clean_name(m.sender)) for m in messages], default=0))

    def show(self, message: Message) -> None:
        """Add one message."""
        today = day(message.sent_at)
        if not self._screen.is_terminal:
            self._screen.print(f"{today} {message_line(message).plain}")
            return
        if today != self._day:
            self._screen.print(f"— {today} —", style="dim")
            self._day = today
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(min_width=self._width, no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(clock(message.sent_at), _sender(message), _mark(message), _body(message))
        self._screen.print(table, soft_wrap=False)


def print_messages(messages: Sequence[Message]) -> None:
    """All of them, or a word that there are none."""
    if not messages:
        console().print(words.EMPTY_CHAT(), style="dim")
    screen = MessageScreen(messages)
    for message in messages:
        screen.show(message)


def message_line(message: Message) -> Line:
    """`14:02  Amina  received  text`: time, sender, state, text; further lines of the text are indented."""
    mood = "bold red" if message.state == "failed" else "dim"
    state = words.STATES[message.state]() + _reason(message)
    text = _body_text(message).replace("\n", f"\n{_INDENT}")
    return Line.assemble((clock(message.sent_at), "dim"), "  ", _sender(message), "  ", (state, mood), "  ", text)


def _sender(message: Message) -> Line:
    colour = "bold" if message.own else _COLOURS[sum(message.sender_id.encode()) % len(_COLOURS)]
    return Line(isolate(clean_name(message.sender)), colour)


def _mark(message: Message) -> Line:
    mark, style = _MARKS[message.state]
    return Line(mark, style)


def _body(message: Message) -> Line:
    body = Line(_body_text(message))
    if message.state == "failed":
        body.append(f"  {words.STATES[message.state]()}{_reason(message)}", "red")
    return body


def _body_text(message: Message) -> str:
    return "\n".join(isolate(line) for line in clean_text(message.text).split("\n"))


def _reason(message: Message) -> str:
    return f" ({clean_name(message.reason)})" if message.reason else ""


def print_message_heads(client: Client, messages: Sequence[Message]) -> None:
    """What a sync brought, by chat."""
    titles = {chat.id: title_of(chat) for chat in client.chats()}
    if messages:
        console().print(words.NEW_MESSAGES(count=len(messages)), style="bold")
    for message in messages:
        screen = console()
        screen.print(f"{isolate(titles.get(message.chat, '?'))} | ", style="dim", end="")
        screen.print(message_line(message))


def title_of(chat: Chat) -> str:
    """The title for a screen: the self chat's in the language of the process, others cleaned."""
    return words.NOTE_TO_SELF() if chat.kind == "self" else clean_name(chat.title)


async def sync_or_say(client: Client) -> ZajilError | None:
    """Fetch and send; without a server say so on stderr and go on with what is here.

    A home that may not talk to its server any more still shows what it holds: that refusal is returned, to be raised
    after the showing.
    """
    from zajil.protocol.errors import Unreachable, ZajilError

    try:
        await client.sync()
    except Unreachable:
        error_console().print(words.OFFLINE_READ(), style="dim")
    except ZajilError as error:
        if error.code not in LOCKED:
            raise
        return error
    return None


async def follow_chat(client: Client, chat: Chat, *, limit: int, json: bool) -> None:
    """The newest messages of the chat, then every new one and every change of state, until interrupted."""
    messages = client.read(chat, limit=limit)
    shown = {message.id: message.state for message in messages}
    screen = MessageScreen(messages)

    def show(message: Message) -> None:
        if json:
            print_json(message_row(message))
        else:
            screen.show(message)

    for message in messages:
        show(message)
    if not json and console().is_terminal:
        error_console().print(words.FOLLOWING(), style="dim")
    online = True
    async for event in client.follow():
        online = _say_connection(event, online)
        if not json:
            say_event(event, chat)
        fresh = event.message
        if fresh is None or fresh.chat != chat.id or shown.get(fresh.id) == fresh.state:
            continue
        if not json and fresh.state in {"queued", "sending"}:
            continue  # a person sees the message once, when it is out; a program sees every state
        shown[fresh.id] = fresh.state
        show(fresh)


def say_event(event: Event, chat: Chat) -> None:
    """One dim line on stderr for what a person who follows `chat` should notice, here or in the whole account."""
    if event.code is None or event.code in _SILENT or event.chat not in (None, chat.id):
        return
    error_console().print(EVENTS[event.code](), style="dim")


def _say_connection(event: Event, online: bool) -> bool:
    if event.kind == "disconnected" and online:
        error_console().print(words.CONNECTION_LOST(), style="dim")
        return False
    if event.kind == "connected" and not online:
        error_console().print(words.CONNECTION_BACK(), style="dim")
        return True
    return online
