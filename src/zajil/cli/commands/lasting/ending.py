"""`account delete`: nothing of the account is left but the mark that its id was used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.frame import frame_of, run_while_ending
from zajil.cli.texts.general import NOTHING_CHANGED
from zajil.cli.texts.lasting import ending as words

if TYPE_CHECKING:
    from zajil.client import Client


def delete(
    context: typer.Context,
    *,
    yes: Annotated[bool, typer.Option("--yes", help=words.YES_OPTION())] = False,
) -> None:
    """Asks on a terminal; without one `--yes` is needed. A no calls off what was cut off earlier."""
    from zajil.cli.asking import agrees, can_ask
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import console
    from zajil.cli.untrusted import clean_name

    async def deleted(client: Client) -> bool:
        if not yes and not can_ask():
            raise Failed("not-asked", exit_code=USAGE)
        if not yes:
            console().print(words.PERSONAS(), style="dim")
            if not agrees(words.QUESTION(name=clean_name(client.name))):
                if client.deletion_begun() and not await client.has_ended():
                    client.call_off_deletion()
                return False
        await client.delete_account()
        return True

    if run_while_ending(context, deleted):
        from zajil.client import wipe_home

        wipe_home(frame_of(context).home)
        console().print(words.DELETED(), style="bold")
    else:
        console().print(NOTHING_CHANGED())
