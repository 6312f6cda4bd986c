"""The stage: how acts, lines and checks look, how long they stay, and how many checks held."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.rule import Rule
from rich.table import Table
from rich.text import Text as Line

from zajil.cli.output import console
from zajil.cli.texts.text import Language, Text, language
from zajil.cli.untrusted import clean_text, isolate

_READ_S_PER_CHARACTER = 0.028
_BEAT_S = 0.5
_HEX_SHOWN = 160
_NAME_WIDTH = 8
_PIPE_WIDTH = 140


class Person(NamedTuple):
    """Who speaks: a name, the language they write in, their colour."""

    name: Text
    language: Language
    colour: str


class Stage:
    """Prints the story and counts its checks. fast: no pauses; plain text where there is no terminal."""

    def __init__(self, *, fast: bool) -> None:
        self.screen: Console = console()
        if not self.screen.is_terminal:
            self.screen.width = _PIPE_WIDTH
        self.fast = fast
        self.held = 0
        self.broken = 0
        self._act = 0

    async def _pause(self, text: str) -> None:
        if not self.fast:
            await asyncio.sleep(_BEAT_S + len(text) * _READ_S_PER_CHARACTER)

    async def title(self, title: str, intro: str) -> None:
        """The head of the story."""
        if self.screen.is_terminal:
            self.screen.print()
            head = Panel(Line(intro), title=Line(title, "bold"), border_style="cyan", padding=(1, 2))
            self.screen.print(head, soft_wrap=False)
        else:
            self.screen.print(f"{title}\n{intro}")
        await self._pause(intro)

    async def act(self, heading: str, story: str) -> None:
        """A new act and what it is about."""
        self._act += 1
        self.screen.print()
        text = f"{self._act}. {heading}"
        self.screen.print(
            Rule(Line(text, "bold cyan"), align="left", style="cyan") if self.screen.is_terminal else text
        )
        await self.tell(story)

    async def tell(self, story: str) -> None:
        """The narrator."""
        if not story:
            return
        self.screen.print(Padding(Line(story, "italic"), (0, 0, 0, 2)), soft_wrap=False)
        await self._pause(story)

    async def fact(self, fact: str) -> None:
        """Something that is so, without a check."""
        self.screen.print(f"  · {fact}", style="dim")
        await self._pause(fact)

    async def says(self, person: Person, received: str, meaning: Text, **values: str | int) -> None:
        """What a person's message reads on another's device, with the watcher's language beside it where it differs."""
        line = Line(isolate(clean_text(received)))
        gloss = meaning(**values)
        if person.language != language() and gloss != received:
            line.append(f"   ({gloss})", "dim")
        self._two_columns(Line(person.name(), f"bold {person.colour}"), line)
        await self._pause(received)

    def _two_columns(self, left: Line, right: Line) -> None:
        table = Table.grid(padding=(0, 1))
        table.add_column(min_width=_NAME_WIDTH, no_wrap=True)
        table.add_column(overflow="fold")
        table.add_row(left, right)
        self.screen.print(Padding(table, (0, 0, 0, 2)), soft_wrap=False)

    async def check(self, holds: bool, claim: str) -> None:
        """A claim that has just been tested."""
        self.held += holds
        self.broken += not holds
        mark, style = ("✓", "bold green") if holds else ("✗", "bold red")
        table = Table.grid(padding=(0, 1))
        table.add_row(Line(mark, style), Line(claim, "" if holds else "red"))
        self.screen.print(Padding(table, (0, 0, 0, 2)), soft_wrap=False)
        await self._pause(claim)

    async def row(self, columns: list[tuple[str, object]], more: Text) -> None:
        """A row of the server's database, column by column; long bytes as hex, cut."""
        table = Table.grid(padding=(0, 2))
        table.add_column(style="cyan", no_wrap=True)
        table.add_column(overflow="fold", style="dim")
        for name, value in columns:
            table.add_row(name, _shown(value, more))
        self.screen.print(Padding(table, (0, 0, 0, 4)), soft_wrap=False)
        await self._pause("x" * 60)

    async def end(self, claims: str, remarks: list[str]) -> None:
        """The last words."""
        style = "bold green" if not self.broken else "bold red"
        self.screen.print(f"  {claims}", style=style)
        for remark in remarks:
            self.screen.print(f"  {remark}", style="dim")
        self.screen.print()


def _shown(value: object, more: Text) -> str:
    if not isinstance(value, bytes):
        return str(value)
    text = value.hex()
    return text if len(text) <= _HEX_SHOWN else f"{text[:_HEX_SHOWN]} {more(count=len(value))}"
