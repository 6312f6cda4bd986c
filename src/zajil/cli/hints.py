"""What to do next: a sentence, and below it the command to copy, for the home of this call, with the real names."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from zajil.cli.texts.text import PROGRAM

if TYPE_CHECKING:
    from zajil.client import Chat, Client


def suggest(sentence: str, *words: str) -> None:
    """Both on stderr, so that what a command gives can be piped. words: of the command, without the program's name."""
    from zajil.cli.output import error_console

    error_console().print(sentence, style="dim")
    error_console().print(f"  {command_line(*words)}", style="cyan")


def command_line(*words: str) -> str:
    """`zajil send 'Mountain hike' Hello`, quoted for a shell; names are not isolated, as they would not work then."""
    return f"{PROGRAM.get()} {shlex.join(words)}"


def name_to_type(client: Client, chat: Chat) -> str:
    """What leads to this chat and no other: its title where that does as it is shown, else its id."""
    from zajil.cli.reading import title_of
    from zajil.protocol.errors import ZajilError

    title = title_of(chat)
    try:
        return title if title == chat.title and client.find_chat(title).id == chat.id else chat.id
    except ZajilError:
        return chat.id
