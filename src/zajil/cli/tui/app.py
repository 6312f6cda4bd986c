"""The screen of chats as widgets: the list, the log, the field, the line about the route, and the keys.

What is shown and done is decided by `Desk`; this carries it between the desk and the terminal. No text of a person is
ever given to Textual as a string that it could take for markup.
"""

from __future__ import annotations

import contextlib
from typing import ClassVar

from rich.text import Text as Line
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import Screen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from zajil.cli.commands.reach.net import route_sentence
from zajil.cli.failures import Failed, say_failure
from zajil.cli.reading import LOCKED, quotes_of
from zajil.cli.texts import chats as chat_words
from zajil.cli.texts.events import EVENTS
from zajil.cli.texts.talk import screen as words
from zajil.cli.times import day
from zajil.cli.tui import looks
from zajil.cli.tui.desk import Desk
from zajil.cli.tui.field import Field
from zajil.cli.tui.finding import Finder, Jump, Place, Search
from zajil.client import Client, Message
from zajil.protocol.errors import ZajilError

_STYLES = """
Screen { layout: vertical; }
#chats { width: 28; max-width: 40%; height: 1fr; border: none; border-right: solid $panel; }
#talk { width: 1fr; height: 1fr; }
#head, #reply, #writers, #route, #keys { height: auto; max-height: 2; padding: 0 1; }
#log { height: 1fr; border: none; padding: 0; }
#field { height: auto; min-height: 1; max-height: 6; border: none; padding: 0 1; }
.-narrow.-talking #chats { display: none; }
Finder { align: center middle; }
#finder { width: 80%; max-width: 100; height: 70%; border: round $primary; background: $surface; }
#places { height: 1fr; border: none; }
#said { height: auto; padding: 0 1; }
"""


class ChatScreen(App[None]):
    """Until Ctrl+Q. failure: what ended it otherwise, to be told below the screen as every command's."""

    CSS = _STYLES
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+k", "find('jump')", priority=True),
        Binding("ctrl+f", "find('search')", priority=True),
        Binding("alt+up", "beside(-1)", priority=True),
        Binding("alt+down", "beside(1)", priority=True),
        Binding("ctrl+r", "answer", priority=True),
        Binding("ctrl+q", "quit", priority=True),
        Binding("escape", "leave"),
    ]

    def __init__(self, client: Client, *, first: str | None = None) -> None:
        """first: id of the chat to open."""
        super().__init__()
        self.HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (60, "-wide")]
        self.desk = Desk(client)
        self.failure: Exception | None = None
        self._first = first
        self._stale = False
        self._locked = ""
        self._shown: tuple[object, ...] = ()

    def compose(self) -> ComposeResult:
        """The list beside the talk; below both the route and the keys."""
        with Horizontal():
            yield OptionList(id="chats", markup=False)
            with Vertical(id="talk"):
                yield Static(id="head", markup=False)
                yield OptionList(id="log", markup=False)
                yield Static(id="writers", markup=False)
                yield Static(id="reply", markup=False)
                yield Field()
        yield Static(id="route", markup=False)
        yield Static(looks.keys_line(), id="keys", markup=False)

    def on_mount(self) -> None:
        """Show what is here, then go on with what comes."""
        self.desk.refresh()
        if self._first is not None:
            self._open(Place(self._first))
        else:
            self._draw()
            chats = self._base.query_one("#chats", OptionList)
            chats.highlighted = 0 if self.desk.chats else None
            chats.focus()
        self.run_worker(self._follow(), exit_on_error=False)
        self.set_interval(1.0, self._tick)

    @property
    def _base(self) -> Screen[object]:
        """The screen of chats itself, which goes on below a small one."""
        return self.screen_stack[0]

    # -- what comes

    async def _follow(self) -> None:
        try:
            async for event in self.desk.client.follow():
                code = self.desk.take(event)
                if code is not None:
                    self.notify(EVENTS[code](), markup=False)
                self._soon()
        except ZajilError as error:
            if error.code not in LOCKED:
                self._end(error)
                return
            self._locked = say_failure(error)  # what the home holds stays readable
            self._soon()
        except Exception as error:  # noqa: BLE001  # the boundary: what is unforeseen is told as every command's
            self._end(error)

    def _end(self, error: Exception) -> None:
        self.failure = error
        with contextlib.suppress(Exception):  # the error that is told is the first one
            self.desk.leave()
        self.exit()

    def _handle_exception(self, error: Exception) -> None:
        """A bug ends the screen in one sentence, as it ends a command; Textual would print what was on it."""
        if self.failure is None:
            self._end(error)

    def _soon(self) -> None:
        """Draw once for many events."""
        if not self._stale:
            self._stale = True
            self.call_later(self._catch_up)

    def _catch_up(self) -> None:
        self._stale = False
        self.desk.refresh()
        if self.app_focus:
            self.desk.see()
        if self.desk.take_draft():
            self._base.query_one(Field).show(self.desk.text)
        self._draw()

    def _tick(self) -> None:
        try:
            self.desk.rest()
        except ZajilError as error:
            self._tell(error)
        if self.desk.is_due():
            self._soon()
        self._draw_lines()

    def on_app_focus(self) -> None:
        """Somebody looks again."""
        self._soon()

    # -- what is drawn

    def _draw(self) -> None:
        desk = self.desk
        opened = desk.opened
        chats = self._base.query_one("#chats", OptionList)
        at = chats.highlighted
        chosen = None if at is None else chats.get_option_at_index(at).id
        here = None if opened is None else opened.id
        chats.set_options(Option(looks.chat_label(chat, opened=chat.id == here), id=chat.id) for chat in desk.chats)
        ids = [chat.id for chat in desk.chats]
        wanted = chosen if chats.has_focus and chosen in ids else here if here in ids else chosen
        chats.highlighted = ids.index(wanted) if wanted in ids else None
        self._base.set_class(opened is not None, "-talking")
        self._base.query_one("#head", Static).update(
            Line(words.CHOOSE()) if opened is None else looks.chat_head(opened)
        )
        self._draw_log()
        self._draw_lines()

    def _draw_log(self) -> None:
        desk = self.desk
        key = (desk.opened and desk.opened.id, desk.around, desk.entries)
        if key == self._shown:
            return
        log = self._base.query_one("#log", OptionList)
        same = self._shown[:2] == key[:2]
        at_end = not same or log.scroll_y >= log.max_scroll_y - 1
        scrolled = log.scroll_y
        chosen = None if log.highlighted is None else log.get_option_at_index(log.highlighted).id
        self._shown = key
        log.set_options(self._options())
        if chosen is not None and same:
            self._choose(chosen)
        if desk.around is not None and not same:
            self._choose(desk.around)
        elif at_end:
            log.scroll_end(animate=False)
        else:
            log.scroll_to(y=scrolled, animate=False)

    def _options(self) -> list[Option]:
        desk = self.desk
        if desk.opened is None:
            return []
        if not desk.entries:
            return [Option(Line(chat_words.EMPTY_CHAT(), "dim"), disabled=True)]
        find, width = quotes_of(desk.client, desk.opened), looks.sender_width(desk.messages())
        options: list[Option] = []
        today = ""
        for entry in desk.entries:
            at = entry.sent_at if isinstance(entry, Message) else entry.at
            if day(at) != today:
                today = day(at)
                options.append(Option(looks.day_line(at), disabled=True))
            if isinstance(entry, Message):
                options.append(Option(looks.message_label(entry, find, width=width), id=entry.id))
            else:
                options.append(Option(looks.notice_label(entry), disabled=True))
        return options

    def _choose(self, identity: str) -> None:
        log = self._base.query_one("#log", OptionList)
        if any(message.id == identity for message in self.desk.messages()):
            log.highlighted = log.get_option_index(identity)

    def _draw_lines(self) -> None:
        desk = self.desk
        self._say("#writers", Line(looks.writers_line(desk.writers()), "dim"))
        reply = Line(words.AROUND(), "dim") if desk.around is not None else Line("")
        self._say("#reply", reply if desk.reply is None else looks.reply_line(desk.reply))
        said = [self._locked or route_sentence(desk.client, desk.client.routes())]
        said += [words.WAITS()] if not desk.online else []
        said += [words.WAITING_COUNT(count=desk.waiting)] if desk.waiting else []
        said += [words.REQUESTS_COUNT(count=desk.requests)] if desk.requests else []
        self._say("#route", Line("  ".join(said), "bold" if self._locked or not desk.online else "dim"))

    def _say(self, where: str, line: Line) -> None:
        """Update a line; an empty one takes no room."""
        found = self._base.query_one(where, Static)
        found.display = bool(line.plain)
        found.update(line)

    def _tell(self, error: Failed | ZajilError) -> None:
        self.notify(say_failure(error), severity="error", markup=False)

    # -- what a person does

    def _open(self, place: Place | None) -> None:
        if place is None:
            return
        self.desk.open(place.chat, around=place.message)
        self.desk.see()
        field = self._base.query_one(Field)
        field.show(self.desk.text)
        self._draw()
        (self._base.query_one("#log", OptionList) if place.message else field).focus()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Enter in the list opens a chat, Enter in the log answers a message."""
        if event.option_id is None:
            return
        if event.option_list.id == "chats":
            self._open(Place(event.option_id))
        elif event.option_list.id == "log":
            self.desk.answer(event.option_id)
            self._draw_lines()
            self._base.query_one(Field).focus()

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        """At the upper end of the log older messages come."""
        first = next((message.id for message in self.desk.messages()), None)
        if event.option_list.id == "log" and event.option_id == first and self.desk.look_further():
            self._draw_log()

    def on_field_sent(self, _: Field.Sent) -> None:
        """Send; what cannot be sent stays in the field."""
        field = self._base.query_one(Field)
        try:
            sent = self.desk.send(field.text)
        except (Failed, ZajilError) as error:
            self._tell(error)
            return
        if sent:
            field.show("")
            self._draw()
            self._base.query_one("#log", OptionList).scroll_end(animate=False)

    async def on_text_area_changed(self, event: Field.Changed) -> None:
        """Note what is written, and tell the chat that somebody writes."""
        opened = self.desk.opened
        if self.desk.write(event.text_area.text) and event.text_area.text and opened is not None:
            try:
                await self.desk.client.typing(opened)
            except ZajilError:
                return  # it is of no account

    async def action_find(self, what: str) -> None:
        """Jump or search, unless that is open already."""
        if not isinstance(self.screen, Finder):
            finder = Jump(self.desk.client) if what == "jump" else Search(self.desk.client)
            await self.push_screen(finder, self._open)

    def action_beside(self, step: int) -> None:
        """The chat above or below."""
        beside = self.desk.beside(step)
        if beside is not None and not isinstance(self.screen, Finder):
            self._open(Place(beside))

    def action_answer(self) -> None:
        """Answer the message under the log's cursor, else the last one; again: one before it."""
        if isinstance(self.screen, Finder):
            return
        log = self._base.query_one("#log", OptionList)
        chosen = None if log.highlighted is None else log.get_option_at_index(log.highlighted).id
        if log.has_focus and chosen is not None:
            self.desk.answer(chosen)
        else:
            self.desk.answer_older()
        self._base.query_one(Field).focus()
        self._draw_lines()

    def action_leave(self) -> None:
        """Drop the answer, leave what was found, go back to the field."""
        if self.desk.reply is not None:
            self.desk.reply = None
        elif self.desk.around is not None:
            self.desk.to_the_end()
            self.desk.see()
            self._draw()
        self._draw_lines()
        self._base.query_one(Field).focus()

    async def action_quit(self) -> None:
        """Keep what is written, and go."""
        self.desk.leave()
        self.exit()
