"""`group perms`: who may do what in a group."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.groups import kept
from zajil.cli.commands.options import ChatName, Json
from zajil.cli.frame import run_with_client
from zajil.cli.texts import chats
from zajil.cli.texts.talk import joins as words

if TYPE_CHECKING:
    from zajil.client import Client
    from zajil.client.views import Needs


def perms(
    context: typer.Context,
    chat: ChatName,
    changes: Annotated[
        list[str] | None,
        typer.Argument(metavar="[send|add|info|timer|link=member|admin]...", help=words.PERMS_ARGUMENT()),
    ] = None,
    *,
    json: Json = False,
) -> None:
    """Show the permissions, after changing those that are named."""
    from zajil.cli.failures import Failed
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_name

    wanted = _parse(changes or [])

    async def told(client: Client) -> None:
        group = client.find_chat(chat)
        if group.kind != "group":
            raise Failed("no-group")
        if wanted:
            await kept(client.set_permissions(group, wanted), chats.CHANGE_KEPT)
            group = client.find_chat(group.id)
        if json:
            print_json({"group": group.id, "perms": dict(group.perms), "unshown": group.unshown})
            return
        console().print(clean_name(group.title), style="bold")
        for name, needs in group.perms.items():
            console().print(f"  {name:<6} {needs:<7} ", end="")
            console().print(words.PERMS[name](who=words.NEEDS[needs]()), style="dim")
        if group.unshown:
            console().print(words.UNSHOWN(count=group.unshown), style="dim")

    run_with_client(context, told)


def _parse(changes: list[str]) -> dict[str, Needs]:
    """`send=admin` and so on. Raises Failed `bad-permission`."""
    from zajil.cli.failures import USAGE, Failed

    wanted: dict[str, Needs] = {}
    for change in changes:
        name, _, needs = change.partition("=")
        if name not in words.PERMS or needs not in ("member", "admin"):
            raise Failed("bad-permission", exit_code=USAGE)
        wanted[name] = "admin" if needs == "admin" else "member"
    return wanted
