"""`channel post | edit`: what a persona says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import Json
from zajil.cli.commands.public.channel import ChannelName
from zajil.cli.commands.public.visiting import As, read_text, run_in_public, visit
from zajil.cli.texts.public import channel as words

if TYPE_CHECKING:
    from zajil.client import Client
    from zajil.client.public.visitor import Visitor
    from zajil.protocol.public import api

Text = Annotated[str, typer.Argument(metavar="TEXT", help=words.TEXT_ARGUMENT())]
Lang = Annotated[str, typer.Option("--lang", metavar="LANG", help=words.LANG_OPTION(), show_default=False)]


def post(
    context: typer.Context,
    channel: ChannelName,
    text: Text,
    *,
    comment: Annotated[
        str | None, typer.Option("--comment", metavar="POST", help=words.COMMENT_OPTION(), show_default=False)
    ] = None,
    reply: Annotated[
        str | None, typer.Option("--reply", metavar="POST", help=words.REPLY_OPTION(), show_default=False)
    ] = None,
    lang: Lang = "",
    persona: As = None,
    json: Json = False,
) -> None:
    """A new post, or a comment under one."""
    from zajil.cli.posts import parse_channel, parse_post
    from zajil.protocol.control import B16
    from zajil.protocol.ids import parse_b64
    from zajil.protocol.public import api

    body, name = read_text(text), parse_channel(channel)
    root = None if comment is None else parse_post(comment)
    answers = None if reply is None else B16(parse_b64(parse_post(reply), size=16))

    async def posted(client: Client) -> None:
        visitor = await visit(client, persona)
        new = api.NewPost(body, lang, answers)
        made = await (visitor.post(name, new) if root is None else visitor.comment(root, new))
        await _say(visitor, made, json=json)

    run_in_public(context, posted)


def edit(
    context: typer.Context,
    post: Annotated[str, typer.Argument(metavar="POST", help=words.POST_ARGUMENT())],
    text: Text,
    *,
    lang: Lang = "",
    persona: As = None,
    json: Json = False,
) -> None:
    """Another text for an own post."""
    from zajil.cli.posts import parse_post

    body, identity = read_text(text), parse_post(post)

    async def edited(client: Client) -> None:
        visitor = await visit(client, persona)
        await _say(visitor, await visitor.edit(identity, body, lang=lang), json=json)

    run_in_public(context, edited, forbidden=words.NOT_YOURS_HINT)


async def _say(visitor: Visitor, made: api.Post, *, json: bool) -> None:
    """How the post stands, and how it is named."""
    from zajil.cli.output import console, print_json
    from zajil.cli.posts import post_name, post_row
    from zajil.protocol.ids import encode_b64

    channel = await visitor.channel(encode_b64(made.channel_id))
    handles = {bytes(made.channel_id): channel.handle}
    if json:
        print_json(post_row(made, handles))
        return
    state = words.POSTED.get(made.state) or words.STATES[made.state]
    console().print(state(category=made.category), style="dim")
    console().print(post_name(made, handles))
