"""`privacy`: the two switches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zajil.cli.commands.options import Json
from zajil.cli.frame import run_with_client
from zajil.cli.texts import account as words

if TYPE_CHECKING:
    from zajil.client import Client

Switch = Literal["on", "off"]


def privacy(
    context: typer.Context,
    *,
    receipts: Annotated[
        Switch | None, typer.Option("--receipts", metavar="on|off", help=words.RECEIPTS_OPTION(), show_default=False)
    ] = None,
    typing: Annotated[
        Switch | None, typer.Option("--typing", metavar="on|off", help=words.TYPING_OPTION(), show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Show the switches, after changing those that are named."""
    from zajil.cli.output import console, print_json
    from zajil.cli.reading import sync_or_say

    def wanted(switch: Switch | None) -> bool | None:
        return None if switch is None else switch == "on"

    async def told(client: Client) -> None:
        held = client.set_privacy(receipts=wanted(receipts), typing=wanted(typing))
        if json:
            print_json({"receipts": held.receipts, "typing": held.typing})
        else:
            for words_of, on in ((words.RECEIPTS_STATE, held.receipts), (words.TYPING_STATE, held.typing)):
                console().print(words_of(state=words.ON() if on else words.OFF()))
        if receipts is not None or typing is not None:
            await sync_or_say(client)  # the other devices of this account learn of it

    run_with_client(context, told)
