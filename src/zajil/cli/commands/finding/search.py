"""`search`: messages of all chats, or of one, that hold all words; needs no server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import JsonLines
from zajil.cli.frame import run_with_client
from zajil.cli.texts.talk import search as words

if TYPE_CHECKING:
    from zajil.client import Client


def search(
    context: typer.Context,
    query: Annotated[list[str], typer.Argument(metavar="WORDS", help=words.WORDS_ARGUMENT())],
    *,
    chat: Annotated[str, typer.Option("--chat", metavar="CHAT", help=words.CHAT_OPTION(), show_default=False)] = "",
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=100_000, help=words.LIMIT_OPTION(), show_default="50")
    ] = 50,
    before: Annotated[
        str | None, typer.Option("--before", metavar="ID", help=words.BEFORE_OPTION(), show_default=False)
    ] = None,
    json: JsonLines = False,
) -> None:
    """Messages that hold all words, the newest first, each as soon as it is found."""
    from zajil.cli.commands.chats import find_chat
    from zajil.cli.commands.finding.showing import hit_row, print_hit
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import console, print_json
    from zajil.protocol.search.matching import parse_query

    text = " ".join(query)
    parsed = parse_query(text)
    if not parsed.terms:
        raise Failed("short-query", exit_code=USAGE)

    async def found(client: Client) -> None:
        place = find_chat(client, chat) if chat else None
        count = 0
        async for hit in client.search(text, chat=place, limit=limit, before=before):
            count += 1
            if json:
                print_json(hit_row(hit))
            else:
                print_hit(hit, parsed, with_chat=place is None)
        if not count and not json:
            console().print(words.NOTHING_FOUND(), style="dim")

    run_with_client(context, found)
