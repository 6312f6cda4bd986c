"""How chats and messages look on the screen of chats.

Everything here is made of plain texts with styles, never of markup, and what others wrote is cleaned first. A message
stands in a column of its own, so that no line of it, however it wraps, can pass for the line of another sender.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from rich.cells import cell_len
from rich.table import Table
from rich.text import Text as Line

from zajil.cli.commands.talk.arranging import notes_of
from zajil.cli.reading import (
    ID_SHOWN,
    body_text,
    mark_text,
    notice_line,
    quote_text,
    sender_text,
    state_text,
    title_of,
)
from zajil.cli.texts import chats as words
from zajil.cli.texts import messages as talk
from zajil.cli.texts.talk import arranging
from zajil.cli.texts.talk import screen as own_words
from zajil.cli.texts.talk.disappear import DISAPPEAR, say_timer
from zajil.cli.texts.text import PROGRAM
from zajil.cli.times import clock, day
from zajil.cli.untrusted import clean_name, cut_marks, isolate
from zajil.client import Chat, Message, Notice

Find = Callable[[str], Message | None]

_SENDER_WIDTH_MAX: Final = 14
_LENGTH_MAX: Final = 4000
_LINES_MAX: Final = 60


def one_line(line: Line) -> Table:
    """The line cut where the room ends: its rest on a line below could pass for an entry of its own."""
    return _stacked([line])


def _stacked(lines: Sequence[Line]) -> Table:
    table = Table.grid()
    table.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
    for line in lines:
        table.add_row(line)
    return table


def chat_label(chat: Chat, *, opened: bool) -> Table:
    """One entry of the list: the title, and below it what is to be said of the chat."""
    style = "bold reverse" if opened else "bold" if chat.unread else ""
    label = Line(isolate(title_of(chat)), style)
    notes = [words.UNREAD(count=chat.unread)] if chat.unread else []
    notes += [words.MENTIONED()] if chat.mentioned else []
    notes += [words.STATUSES[chat.status]()] if chat.status != "active" else []
    notes += [arranging.PINNED()] if chat.pinned else []
    notes += [arranging.MUTED()] if chat.muted else []
    notes += [arranging.HAS_DRAFT(text="…")] if chat.draft and not opened else []
    return _stacked([label, Line(f"  {'  '.join(notes)}", "dim")] if notes else [label])


def chat_head(chat: Chat) -> Line:
    """The line above the log."""
    head = Line(isolate(title_of(chat)), "bold")
    notes = [words.MEMBERS(count=len(chat.members))] if chat.kind == "group" else []
    notes += [words.STATUSES[chat.status]()] if chat.status != "active" else []
    notes += [DISAPPEAR(time=say_timer(chat.timer))] if chat.timer else []
    notes += [note for note in notes_of(chat) if not chat.draft or note != notes_of(chat)[-1]]
    head.append("".join(f"  {note}" for note in notes), "dim")
    return head


def day_line(at: int) -> Line:
    """`— 2026-11-25 —`. at: Unix seconds."""
    return Line(f"— {day(at)} —", "dim")


def notice_label(notice: Notice) -> Line:
    """A line of the log that is no message."""
    return notice_line(notice)


def message_label(message: Message, find: Find, *, width: int) -> Table:
    """Time, sender, state, and beside them the text with what belongs to it. width: cells for the sender."""
    table = Table.grid(padding=(0, 1))
    table.add_column(style="dim", no_wrap=True, width=5)
    table.add_column(width=width, no_wrap=True, overflow="ellipsis")
    table.add_column(no_wrap=True, width=2)
    table.add_column(overflow="fold", ratio=1)
    table.add_row(clock(message.sent_at), sender_text(message), mark_text(message), _body(message, find))
    return table


def sender_width(messages: Sequence[Message]) -> int:
    """Cells that fit the names of these."""
    return min(_SENDER_WIDTH_MAX, max((cell_len(clean_name(m.sender)) for m in messages), default=1))


def _body(message: Message, find: Find) -> Line:
    text = cut_marks(body_text(message, find))
    shown = "\n".join(text[:_LENGTH_MAX].split("\n")[:_LINES_MAX])
    body = Line(shown)
    if len(shown) < len(text):
        body.append(f"\n{own_words.CUT(count=len(text) - len(shown))}", "dim")
    if message.state in ("failed", "queued") or message.progress is not None:
        body.append(f"  {state_text(message)}", "red" if message.state == "failed" else "dim")
    if message.attachments and not message.deleted and message.progress is None:
        body.append(f"\n{save_command(message)}", "dim")
    return body


def save_command(message: Message) -> str:
    """What saves the files of a message; made of ids alone, so that no name gets into a command."""
    dashes = "-- " if message.chat.startswith("-") or message.id.startswith("-") else ""
    return f"{PROGRAM.get()} save {dashes}{message.chat} {message.id[:ID_SHOWN]}"


def reply_line(message: Message) -> Line:
    """What is being answered."""
    return Line(f"↪ {own_words.REPLYING()} {cut_marks(quote_text(message))}", "italic")


def writers_line(names: Sequence[str]) -> str:
    """Who writes now."""
    return "  ".join(talk.WRITING(name=clean_name(name)) for name in names)


def keys_line() -> Line:
    """What the keys do."""
    line = Line(no_wrap=True, overflow="ellipsis")
    for key, word in own_words.KEYS:
        line.append(f"{key} ", "bold")
        line.append(f"{word()}   ", "dim")
    return line
