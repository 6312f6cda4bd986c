"""`disappear`: after which time new messages of a chat go."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Final

import typer

from zajil.cli.commands.options import ChatName
from zajil.cli.frame import run_with_client
from zajil.cli.texts.talk import disappear as words

if TYPE_CHECKING:
    from zajil.client import Client

_TIMES: Final = {"off": 0, "1h": 3_600, "1d": 86_400, "7d": 604_800, "30d": 2_592_000}
_MOST_S: Final = 31_536_000


def parse_time(text: str) -> int:
    """Seconds of `1h`, `1d`, `7d`, `30d`, `off` (0) or a number. Raises Failed `usage`."""
    from zajil.cli.failures import USAGE, Failed

    seconds = _TIMES.get(text.lower())
    if seconds is None and text.isascii() and text.isdigit() and len(text) <= len(str(_MOST_S)):
        seconds = int(text)
    if seconds is None or not 0 <= seconds <= _MOST_S:
        raise Failed("usage", exit_code=USAGE, hint=words.BAD_TIME())
    return seconds


def disappear(
    context: typer.Context,
    chat: ChatName,
    time: Annotated[str, typer.Argument(metavar="TIME", help=words.TIME_ARGUMENT(), show_default=False)],
) -> None:
    """Set the timer of a chat; returns once it stands for all its members."""
    from zajil.cli.commands.chats import find_chat
    from zajil.cli.failures import UNREACHABLE, Failed
    from zajil.cli.output import console
    from zajil.cli.reading import title_of
    from zajil.cli.texts.chats import CHANGE_KEPT

    seconds = parse_time(time)

    async def changed(client: Client) -> None:
        from zajil.protocol.errors import Unreachable

        found = find_chat(client, chat)
        try:
            await client.set_timer(found, seconds)
        except Unreachable as error:
            raise Failed("unreachable", exit_code=UNREACHABLE, hint=CHANGE_KEPT()) from error
        title = title_of(found)
        said = words.SET(title=title, time=words.say_timer(seconds)) if seconds else words.SET_OFF(title=title)
        console().print(said)

    run_with_client(context, changed)
