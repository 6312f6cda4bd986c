"""`channel create | list | subscribe | delete`: channels, and who follows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zajil.cli.commands.options import Json
from zajil.cli.commands.public.visiting import As, Yes, agrees_to_delete, run_in_public, visit
from zajil.cli.texts.general import NOTHING_CHANGED
from zajil.cli.texts.public import channel as words

if TYPE_CHECKING:
    from zajil.client import Client
    from zajil.client.public.visitor import Visitor
    from zajil.protocol.public import api

ChannelName = Annotated[str, typer.Argument(metavar="CHANNEL", help=words.CHANNEL_ARGUMENT())]
Kind = Literal["broadcast", "group"]
Switch = Literal["on", "off"]
Join = Literal["open", "approval"]


def create(
    context: typer.Context,
    handle: Annotated[str, typer.Argument(metavar="HANDLE", help=words.HANDLE_ARGUMENT())],
    *,
    title: Annotated[str, typer.Option("--title", metavar="TITLE", help=words.TITLE_OPTION(), show_default=False)] = "",
    about: Annotated[str, typer.Option("--about", metavar="TEXT", help=words.ABOUT_OPTION(), show_default=False)] = "",
    kind: Annotated[
        Kind,
        typer.Option("--kind", metavar="broadcast|group", help=words.KIND_OPTION(), show_default="broadcast"),
    ] = "broadcast",
    lang: Annotated[str, typer.Option("--lang", metavar="LANG", help=words.LANG_OPTION(), show_default=False)] = "",
    comments: Annotated[
        Switch, typer.Option("--comments", metavar="on|off", help=words.COMMENTS_OPTION(), show_default="on")
    ] = "on",
    join: Annotated[
        Join, typer.Option("--join", metavar="open|approval", help=words.JOIN_OPTION(), show_default="open")
    ] = "open",
    persona: As = None,
    json: Json = False,
) -> None:
    """A new channel of the persona's own."""
    from zajil.cli.output import console, print_json
    from zajil.cli.posts import channel_row
    from zajil.protocol.public import api

    name = handle.removeprefix("@")

    async def made(client: Client) -> None:
        visitor = await visit(client, persona)
        wanted = api.NewChannel(name, title.strip() or name, kind, about, lang, comments, join)
        channel = await visitor.create_channel(wanted)
        if json:
            print_json(channel_row(channel))
        else:
            address = f"{client.server}/c/{channel.handle}"
            console().print(words.CREATED(handle=channel.handle, address=address))

    run_in_public(context, made)


def list_(context: typer.Context, *, persona: As = None, json: Json = False) -> None:
    """The channels a persona follows."""
    from zajil.cli.output import console, print_json
    from zajil.cli.posts import channel_row, print_channel

    async def told(client: Client) -> None:
        found = await (await visit(client, persona)).subscriptions()
        if json:
            print_json([channel_row(each) for each in found])
            return
        if not found:
            console().print(words.NONE_FOLLOWED(), style="dim")
        for each in found:
            print_channel(each)

    run_in_public(context, told)


def subscribe(
    context: typer.Context,
    channel: ChannelName,
    *,
    off: Annotated[bool, typer.Option("--off", help=words.OFF_OPTION())] = False,
    persona: As = None,
    json: Json = False,
) -> None:
    """Follow a channel, or no more."""
    from zajil.cli.output import console, print_json
    from zajil.cli.posts import channel_row, parse_channel

    name = parse_channel(channel)

    async def changed(client: Client) -> None:
        visitor = await visit(client, persona)
        found = await (_leave(visitor, name) if off else visitor.subscribe(name))
        if json:
            print_json(channel_row(found))
        else:
            console().print((words.UNSUBSCRIBED if off else words.SUBSCRIBED)(handle=found.handle), style="dim")

    run_in_public(context, changed)


async def _leave(visitor: Visitor, name: str) -> api.Channel:
    await visitor.unsubscribe(name)
    return await visitor.channel(name)


def delete(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="PLACE", help=words.PLACE_ARGUMENT())],
    *,
    reason: Annotated[
        str, typer.Option("--reason", metavar="TEXT", help=words.REASON_OPTION(), show_default=False)
    ] = "",
    yes: Yes = False,
    persona: As = None,
    json: Json = False,
) -> None:
    """A post, or a channel with all its posts, is gone."""
    from zajil.cli.posts import is_post

    async def deleted(client: Client) -> None:
        visitor = await visit(client, persona)
        gone = await (_delete_post(visitor, place, reason) if is_post(place) else _delete_channel(visitor, place, yes))
        _say_deleted(gone, json=json)

    run_in_public(context, deleted, forbidden=words.NOT_YOURS_TO_DELETE_HINT)


async def _delete_post(visitor: Visitor, place: str, reason: str) -> bool:
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.posts import parse_post
    from zajil.protocol.errors import Malformed

    try:
        await visitor.delete_post(parse_post(place), reason=reason.strip())
    except Malformed:
        if reason.strip():
            raise
        raise Failed("no-reason", exit_code=USAGE) from None
    return True


async def _delete_channel(visitor: Visitor, place: str, yes: bool) -> bool:
    from zajil.cli.posts import parse_channel

    channel = await visitor.channel(parse_channel(place))
    if not agrees_to_delete(words.DELETE_QUESTION(handle=channel.handle), yes=yes):
        return False
    await visitor.delete_channel(parse_channel(place))
    return True


def _say_deleted(gone: bool, *, json: bool) -> None:
    from zajil.cli.output import console, print_json

    if json:
        print_json({"deleted": gone})
    else:
        console().print(words.DELETED() if gone else NOTHING_CHANGED(), style="dim")
