"""The two small screens over the chats: jump to a chat by its name, and search in messages."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from rich.text import Text as Line
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from zajil.cli.commands.finding.showing import hit_line
from zajil.cli.failures import say_failure
from zajil.cli.reading import title_of
from zajil.cli.texts.errors import COMPLAINTS
from zajil.cli.texts.talk import screen as words
from zajil.cli.texts.talk.search import NOTHING_FOUND
from zajil.cli.tui.looks import one_line
from zajil.cli.untrusted import cut_marks, isolate
from zajil.client import Client
from zajil.protocol.errors import ZajilError
from zajil.protocol.search.matching import parse_query

_HITS = 50


class Place(NamedTuple):
    """Where to go: a chat, and a message in it where one was found."""

    chat: str
    message: str | None = None


class Finder(ModalScreen[Place | None]):
    """A field and a list of places below it; Esc goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [
        ("escape", "leave", ""),
        ("down", "go(1)", ""),
        ("up", "go(-1)", ""),
    ]
    PLACEHOLDER: ClassVar = words.JUMP

    def __init__(self, client: Client) -> None:
        super().__init__()
        self._client = client
        self._places: list[Place] = []

    def compose(self) -> ComposeResult:
        """The field, the list, and a line for what there is to say."""
        with Vertical(id="finder"):
            yield Input(placeholder=self.PLACEHOLDER(), id="query")
            yield OptionList(id="places", markup=False, compact=True)
            yield Static(id="said", markup=False)

    def action_leave(self) -> None:
        """Nowhere."""
        self.dismiss(None)

    def action_go(self, step: int) -> None:
        """Move in the list while the field keeps the keys."""
        places = self.query_one("#places", OptionList)
        (places.action_cursor_down if step > 0 else places.action_cursor_up)()

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        """Go there."""
        self.dismiss(self._places[event.option_index])

    def fill(self, labels: list[Line], places: list[Place]) -> None:
        """Show these, the first one chosen."""
        self._places = places
        shown = self.query_one("#places", OptionList)
        shown.set_options([Option(one_line(label)) for label in labels])
        shown.highlighted = 0 if labels else None

    def chosen(self) -> Place | None:
        """The place under the cursor of the list."""
        at = self.query_one("#places", OptionList).highlighted
        return None if at is None else self._places[at]


class Jump(Finder):
    """All chats, those of the archive too, whose titles hold what is written."""

    def on_mount(self) -> None:
        """All of them at first."""
        self._look("")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Fewer with each letter."""
        self._look(event.value)

    def on_input_submitted(self, _: Input.Submitted) -> None:
        """Go to the one under the cursor."""
        if (place := self.chosen()) is not None:
            self.dismiss(place)

    def _look(self, text: str) -> None:
        wanted = text.strip().casefold()
        found = [chat for chat in self._client.chats() if wanted in title_of(chat).casefold()]
        labels = [Line(isolate(title_of(chat))) for chat in found]
        self.fill(labels, [Place(chat.id) for chat in found])


class Search(Finder):
    """Messages of all chats that hold every word, the newest first."""

    PLACEHOLDER: ClassVar = words.SEARCH

    def __init__(self, client: Client) -> None:
        super().__init__(client)
        self._found_for = ""

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Search; the same words again go to the hit under the cursor."""
        if event.value == self._found_for and (place := self.chosen()) is not None:
            self.dismiss(place)
            return
        self._found_for = event.value
        self.run_worker(self._look(event.value), exclusive=True, exit_on_error=False)

    async def _look(self, text: str) -> None:
        parsed = parse_query(text)
        said = self.query_one("#said", Static)
        labels: list[Line] = []
        places: list[Place] = []
        said.update("")
        self.fill(labels, places)
        if not parsed.terms:
            said.update(Line(COMPLAINTS["short-query"].sentence()))
            return
        try:
            async for hit in self._client.search(text, limit=_HITS):
                line = hit_line(hit, parsed, with_chat=True)
                labels.append(line if cut_marks(line.plain) == line.plain else Line(cut_marks(line.plain)))
                places.append(Place(hit.chat.id, hit.message.id))
        except ZajilError as error:
            said.update(Line(say_failure(error)))
            return
        self.fill(labels, places)
        if not labels:
            said.update(Line(NOTHING_FOUND()))
