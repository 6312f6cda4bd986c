"""Messages on a screen and as JSON.

A line break in a message never starts at the left edge, so no message can forge the line of another sender.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text as Line

from zajil.cli.output import console, error_console
from zajil.cli.texts import chats as words
from zajil.cli.texts import messages as talk
from zajil.cli.texts.people.strangers import UNNAMED
from zajil.cli.texts.talk import files
from zajil.cli.texts.talk.disappear import say_change
from zajil.cli.texts.talk.notices import DEEDS, GROWN, NAMED, NOTICES, OWN_NOTICES
from zajil.cli.times import clock, day, span
from zajil.cli.untrusted import clean_name, clean_text, isolate

if TYPE_CHECKING:
    from zajil.client import Attachment, Call, Chat, Client, Message, Notice
    from zajil.protocol.errors import ZajilError

    Find = Callable[[str], Message | None]

LOCKED = ("state-rolled-back", "device-revoked")
FILES_WAIT = ("storage-full", "slow-down")
"""Of a message whose files cannot go on now; everything else was fetched and sent."""

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
ID_SHOWN = 8
_QUOTE_LENGTH_MAX = 40
_COLOURS = ("cyan", "magenta", "yellow", "blue", "green", "bright_red")


def message_row(message: Message) -> dict[str, object]:
    """The JSON of one message. `call`: of the log of a call alone; `progress`: while its files are going out."""
    row: dict[str, object] = {
        "id": message.id,
        "chat": message.chat,
        "sender": message.sender,
        "sent_at": message.sent_at,
        "state": message.state,
        "text": message.text,
        "reply_to": message.reply_to,
        "edited": message.edited,
        "deleted": message.deleted,
        "expires_at": message.expires_at,
        "mentions": [{"start": m.start, "end": m.end, "account": m.account} for m in message.mentions],
        "reactions": [{"sender": r.sender, "emoji": r.emoji} for r in message.reactions],
        "attachments": [{"name": a.name, "type": a.type, "size": a.size} for a in message.attachments],
    }
    if message.progress is not None:
        row["progress"] = {"done": message.progress.done, "whole": message.progress.whole}
    if message.call is not None:
        call = message.call
        row["call"] = {"kind": call.kind, "outcome": call.outcome, "seconds": call.seconds}
    return row


def quotes_of(client: Client, chat: Chat) -> Find:
    """Finds a message of the chat that another one answers."""

    def find(identity: str) -> Message | None:
        from zajil.protocol.errors import ZajilError

        try:
            return client.message(chat, identity).message
        except ZajilError:
            return None

    return find


def nothing(_: str) -> Message | None:
    """No message is found."""
    return None


class MessageScreen:
    """Messages one below the other: columns and a heading for each day on a terminal, one full line each in a pipe."""

    def __init__(self, messages: Sequence[Message] = (), *, find: Find = nothing, ids: bool = False) -> None:
        """messages: those to come first; the column of senders is made to fit them. find: gives quoted messages.

        ids: show the beginning of each id.
        """
        self._screen = console()
        self._find = find
        self._ids = ids
        self._day = ""
        self._width = min(_SENDER_WIDTH_MAX, max([cell_len(clean_name(m.sender)) for m in messages], default=0))

    def show(self, message: Message) -> None:
        """Add one message."""
        today = day(message.sent_at)
        if not self._screen.is_terminal:
            shown = message_line(message, find=self._find).plain
            self._screen.print(f"{today} {message.id[:ID_SHOWN]}  {shown}" if self._ids else f"{today} {shown}")
            return
        self._show_day(today)
        table = Table.grid(padding=(0, 1))
        table.add_column(style="dim", no_wrap=True)
        table.add_column(min_width=self._width, no_wrap=True)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        when = f"{clock(message.sent_at)} {message.id[:ID_SHOWN]}" if self._ids else clock(message.sent_at)
        table.add_row(when, sender_text(message), mark_text(message), _body(message, self._find))
        self._screen.print(table, soft_wrap=False)

    def add(self, each: Message | Notice) -> None:
        """Add whichever it is."""
        from zajil.client.views import Message  # loaded late: a command that shows none needs none

        if isinstance(each, Message):
            self.show(each)
        else:
            self.show_notice(each)

    def show_notice(self, notice: Notice) -> None:
        """Add a line that is no message; no message begins like it."""
        today = day(notice.at)
        if self._screen.is_terminal:
            self._show_day(today)
            self._screen.print(notice_line(notice))
        else:
            self._screen.print(f"{today} {notice_line(notice).plain}")

    def _show_day(self, today: str) -> None:
        if today != self._day:
            self._screen.print(f"— {today} —", style="dim")
            self._day = today


def print_messages(
    messages: Sequence[Message], notices: Sequence[Notice] = (), *, find: Find = nothing, ids: bool = False
) -> None:
    """All of them with the notices between them, or a word that there are none."""
    if not messages and not notices:
        console().print(words.EMPTY_CHAT(), style="dim")
    screen = MessageScreen(messages, find=find, ids=ids)
    for each in by_time(messages, notices):
        screen.add(each)


def notices_beside(client: Client, chat: Chat, messages: Sequence[Message], *, limit: int) -> list[Notice]:
    """The notices of a chat from the first of these messages on; all, and `limit` at most, where it has no more."""
    found = client.notices(chat)
    if len(messages) >= limit:
        found = [notice for notice in found if notice.at >= messages[0].sent_at]
    return found[-limit:]


def by_time(messages: Sequence[Message], notices: Sequence[Notice]) -> Iterator[Message | Notice]:
    """Messages in their order, and each notice before the first message that was sent after it."""
    left = list(notices)
    for message in messages:
        while left and left[0].at < message.sent_at:
            yield left.pop(0)
        yield message
    yield from left


def notice_line(notice: Notice) -> Line:
    """`14:02  — Amina has a new device.`"""
    match notice.code:
        case "timer":
            text = say_change(clean_name(notice.name), notice.seconds, own=notice.own)
        case "role-owner" | "role-admin" | "role-member" | "added" | "removed" as code:
            said = DEEDS[code].of(own=notice.own, whom_own=notice.whom_own)
            text = said(name=clean_name(notice.name), whom=clean_name(notice.whom))
        case "named":
            text = NAMED(was=clean_name(notice.was), became=clean_name(notice.became))
        case "grown" if not notice.account:
            text = GROWN()
        case code:
            text = (OWN_NOTICES if notice.own else NOTICES)[code](name=clean_name(notice.name))
    return Line(f"{clock(notice.at)}  — {text}", "dim")


def message_line(message: Message, *, find: Find = nothing) -> Line:
    """`14:02  Amina  received  text`: time, sender, state, text; further lines of the text are indented."""
    mood = "bold red" if message.state == "failed" else "dim"
    state = state_text(message)
    text = body_text(message, find).replace("\n", f"\n{_INDENT}")
    return Line.assemble((clock(message.sent_at), "dim"), "  ", sender_text(message), "  ", (state, mood), "  ", text)


def sender_text(message: Message) -> Line:
    """The name, in the colour of its account."""
    colour = "bold" if message.own else _COLOURS[sum(message.sender_id.encode()) % len(_COLOURS)]
    return Line(isolate(clean_name(message.sender)), colour)


def mark_text(message: Message) -> Line:
    """The sign of its state."""
    mark, style = _MARKS[message.state]
    return Line(mark, style)


def _body(message: Message, find: Find) -> Line:
    body = Line(body_text(message, find))
    if message.state == "failed":
        body.append(f"  {state_text(message)}", "red")
    if message.progress is not None:
        body.append(f"  {state_text(message)}", "dim")
    return body


def body_text(message: Message, find: Find) -> str:
    """The text between what it answers and how others reacted, each on a line of its own."""
    if message.deleted:
        return talk.DELETED()
    if not message.supported:
        return talk.UNSUPPORTED()
    if message.call is not None:
        return call_text(message.call, own=message.own)
    lines = [isolate(line) for line in clean_text(message.text).split("\n")] if message.text else []
    lines += [file_text(each) for each in message.attachments]
    lines = lines or [""]
    if message.reply_to is not None:
        quoted = talk.QUOTE_EXPIRED() if message.quote_expired else quote_text(find(message.reply_to))
        lines.insert(0, f"↪ {quoted}")
    if message.edited:
        lines[-1] += f" ({talk.EDITED()})"
    if message.reactions:
        lines.append("  ".join(f"{one.emoji} {isolate(clean_name(one.sender))}" for one in message.reactions))
    return "\n".join(lines)


def call_text(call: Call, *, own: bool) -> str:
    """`Voice call, lasted 3:12`: what became of a call, as its caller (own) or one of the others reads it."""
    text = (talk.CALL_OWN if own else talk.CALL_OTHERS)[call.outcome]
    return text(kind=talk.CALL_KINDS[call.kind](), length=span(call.seconds))


def file_text(file: Attachment) -> str:
    """`File: name, 4.2 MB`."""
    return files.FILE(name=clean_name(file.name), size=files.say_size(file.size))


def quote_text(message: Message | None) -> str:
    """`to Amina: the beginning`."""
    if message is None:
        return talk.QUOTE_GONE()
    return talk.QUOTE(name=clean_name(message.sender), text=shorten(message))


def shorten(message: Message) -> str:
    """The beginning of a message on one line."""
    text = talk.DELETED() if message.deleted else clean_name(message.text) if message.text else ""
    if message.attachments and not text:
        text = file_text(message.attachments[0])
    if message.call is not None:
        text = call_text(message.call, own=message.own)
    return text if len(text) <= _QUOTE_LENGTH_MAX else f"{text[:_QUOTE_LENGTH_MAX]}…"


def state_text(message: Message) -> str:
    """`sent`, `failed (REASON)`, `sending, 12 MB of 20 MB`."""
    state = words.STATES[message.state]()
    if message.progress is not None:
        done, whole = files.say_size(message.progress.done), files.say_size(message.progress.whole)
        return files.STILL_SENDING(state=state, done=done, whole=whole)
    return f"{state} ({clean_name(message.reason)})" if message.reason else state


def print_message_heads(client: Client, messages: Sequence[Message]) -> None:
    """What a sync brought, by chat."""
    titles = {chat.id: title_of(chat) for chat in client.chats()}
    if messages:
        console().print(words.NEW_MESSAGES(count=len(messages)), style="bold")
    for message in messages:
        screen = console()
        screen.print(f"{isolate(titles.get(message.chat, '?'))} | ", style="dim", end="")
        screen.print(message_line(message))


def print_notice_heads(client: Client, notices: Sequence[Notice]) -> None:
    """The lines beside the messages that a sync brought, by chat."""
    titles = {chat.id: title_of(chat) for chat in client.chats()}
    for notice in notices:
        screen = console()
        screen.print(f"{isolate(titles.get(notice.chat, '?'))} | ", style="dim", end="")
        screen.print(notice_line(notice))


def notice_row(notice: Notice) -> dict[str, object]:
    """The JSON of one notice."""
    row = {"code": notice.code, "chat": notice.chat, "account": notice.account, "name": notice.name, "at": notice.at}
    row |= {"whom": notice.whom_account, "whom_name": notice.whom} if notice.whom_account else {}
    return row | ({"was": notice.was, "became": notice.became} if notice.code == "named" else {})


def title_of(chat: Chat) -> str:
    """The title for a screen: the self chat's in the language of the process, others cleaned.

    Somebody whose name has not come yet is called by the beginning of their id.
    """
    if chat.kind == "self":
        return words.NOTE_TO_SELF()
    return say_name("" if chat.kind == "dm" and chat.title in chat.members else chat.title, chat.title)


def say_name(name: str, account: str) -> str:
    """The name for a screen; of somebody without one, the beginning of their id."""
    return clean_name(name) if name.strip() else UNNAMED(id=account[:ID_SHOWN])


async def sync_or_say(client: Client) -> tuple[bool, ZajilError | None]:
    """Fetch and send; without a server say so on stderr and go on with what is here.

    Whether the server was reached, and a refusal to be raised after the showing: a home that may not talk to its server
    any more, or whose files have no room there, still shows what it holds.
    """
    from zajil.protocol.errors import ZajilError

    try:
        await client.sync()
    except ZajilError as error:
        if error.code in ("unreachable", "busy"):
            error_console().print(words.OFFLINE_READ(), style="dim")
            return False, None
        if error.code not in (*LOCKED, *FILES_WAIT):
            raise
        return error.code in FILES_WAIT, error
    return True, None


async def tell_read(client: Client) -> None:
    """Tell what was read, if there is something to tell; without a server that waits."""
    from zajil.protocol.errors import Unavailable

    with suppress(Unavailable):
        await client.send_receipts()
