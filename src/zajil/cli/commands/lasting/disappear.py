"""`disappear`: after which time new messages of a chat go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from zajil.cli.commands.options import ChatName
from zajil.cli.frame import run_with_client
from zajil.cli.texts.talk import disappear as words

if TYPE_CHECKING:
    from zajil.client import Client

_MOST_S: Final = 31_536_000


def parse_time(text: str) -> int:
    """Seconds of `5m`, `1h`, `7d`, of a number of them, or of `off` (0). Raises Failed `bad-span` (wrong usage)."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.typed.spans import find_span

    given = text.strip().lower()
    seconds = 0 if given == "off" else find_span(given)
    if seconds is None and given.isascii() and given.isdigit() and len(given) <= len(str(_MOST_S)):
        seconds = int(given)
    if seconds is None or seconds > _MOST_S:
        raise Failed("bad-span", exit_code=USAGE, hint=words.BAD_TIME(), most="365d")
    return seconds


def disappear(
    context: typer.Context,
    chat: ChatName,
    time: Annotated[
        str | None, typer.Argument(metavar="[TIME]", help=words.TIME_ARGUMENT(), show_default=False)
    ] = None,
) -> None:
    """Set the timer of a chat; returns once it stands for all its members. Without a time, say how it is set."""
    from zajil.cli.commands.chats import find_chat
    from zajil.cli.failures import as_kept
    from zajil.cli.output import console
    from zajil.cli.reading import title_of
    from zajil.cli.texts.chats import CHANGE_KEPT

    wanted = None if time is None else parse_time(time)

    async def changed(client: Client) -> None:
        from zajil.protocol.errors import Unavailable

        found = find_chat(client, chat)
        seconds = found.timer if wanted is None else wanted
        try:
            if wanted is not None:
                await client.set_timer(found, wanted)
        except Unavailable as error:
            raise as_kept(error, CHANGE_KEPT()) from error
        title = title_of(found)
        said = words.SET(title=title, time=words.say_timer(seconds)) if seconds else words.SET_OFF(title=title)
        console().print(said)

    run_with_client(context, changed)
