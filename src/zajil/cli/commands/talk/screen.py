"""`chat`: all chats on one screen of the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.frame import run_with_client
from zajil.cli.texts.talk import screen as words

if TYPE_CHECKING:
    from zajil.client import Client


def chat(
    context: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="[CHAT]", help=words.CHAT_ARGUMENT(), show_default=False)
    ] = None,
) -> None:
    """Until Ctrl+Q. Raises Failed `no-screen` without the extra, `no-terminal` in a pipe."""
    from zajil.cli.commands.chats import find_chat
    from zajil.cli.failures import USAGE, Failed

    try:
        from zajil.cli.tui.app import ChatScreen
    except ModuleNotFoundError as missing:
        raise Failed("no-screen", remark=missing.name or "") from missing
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise Failed("no-terminal", exit_code=USAGE)

    async def lived(client: Client) -> None:
        screen = ChatScreen(client, first=None if name is None else find_chat(client, name).id)
        await screen.run_async()
        if screen.failure is not None:
            raise screen.failure

    run_with_client(context, lived)
