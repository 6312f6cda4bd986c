"""`link new | approve`: the account on a further device."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.account import ServerUrl, check_server_address, reach_first
from zajil.cli.frame import frame_of, run_with_client
from zajil.cli.texts import account as words
from zajil.cli.texts.general import NOTHING_CHANGED

if TYPE_CHECKING:
    from zajil.client import Client, LinkPreview

# What is not done by then is done at the next sync.
BRING_IN_S = 20
TOLD_PERCENT = 10
WHOLE_PERCENT = 100


def new(context: typer.Context, server: ServerUrl) -> None:
    """On the new device: the code goes to stdout, alone on its line; everything else to stderr."""
    from zajil.cli.output import console, error_console
    from zajil.cli.untrusted import clean_name
    from zajil.client import Client

    check_server_address(server)

    def show_code(code: str) -> None:
        error_console().print(words.LINK_WAITING(), style="dim")
        error_console().print("  zajil link approve \\")
        typer.echo(code)

    def show_emoji(emoji: str) -> None:
        error_console().print(words.LINK_EMOJI(emoji=emoji))

    shown = -1

    def show_history(here: int, whole: int) -> None:
        nonlocal shown
        percent = 100 * here // max(1, whole)
        if percent >= shown + TOLD_PERCENT:
            shown = percent
            error_console().print(words.LINK_HISTORY_COMES(percent=percent), style="dim")

    async def linked() -> None:
        home = frame_of(context).home
        new = await Client.link_new(
            home, server=server, on_code=show_code, on_emoji=show_emoji, on_history=show_history
        )
        async with new as client:
            me = client.whoami()
            console().print(words.LINK_DONE(device=me.device_id, name=clean_name(me.name)), style="bold")
            later = words.LINK_HISTORY_LATER if client.awaits_history() else words.LINK_HISTORY_NONE
            console().print((words.LINK_HISTORY_HERE if shown == WHOLE_PERCENT else later)(), style="dim")
            console().print(words.LINK_NEXT(), style="dim")

    reach_first(server, linked())


def approve(
    context: typer.Context,
    code: Annotated[str, typer.Argument(metavar="CODE", help=words.LINK_CODE_ARGUMENT())],
    *,
    yes: Annotated[bool, typer.Option("--yes", help=words.YES_OPTION())] = False,
    history: Annotated[bool, typer.Option("--history/--no-history", help=words.LINK_HISTORY_OPTION())] = True,
) -> None:
    """On an old device: asks on a terminal; without one the pasted code is the consent."""
    import asyncio

    from zajil.cli.asking import can_ask
    from zajil.cli.output import console
    from zajil.cli.untrusted import clean_name
    from zajil.protocol.errors import Unreachable

    async def approved(client: Client) -> None:
        if can_ask() and not yes and not _consents(await client.link_preview(code)):
            console().print(NOTHING_CHANGED())
            return
        device = await client.link_approve(code, history=history)
        console().print(words.LINK_APPROVED(name=clean_name(device.name), device=device.device_id), style="bold")
        told = words.LINK_HISTORY_GOES if device.history else words.LINK_HISTORY_STAYS
        console().print(told(), style="dim")
        # The new device publishes its key packages within seconds; then this one brings it into the chats.
        with contextlib.suppress(TimeoutError, Unreachable):
            async with asyncio.timeout(BRING_IN_S):
                await client.sync()

    run_with_client(context, approved)


def _consents(preview: LinkPreview) -> bool:
    from zajil.cli.asking import agrees
    from zajil.cli.output import console
    from zajil.cli.untrusted import clean_name

    console().print(words.LINK_EMOJI(emoji=preview.emoji))
    question = words.LINK_QUESTION(name=clean_name(preview.name), platform=clean_name(preview.platform))
    return agrees(question)
