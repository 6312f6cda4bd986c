"""`bundle`: messages carried by hand, when no server can be reached."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import Json
from zajil.cli.frame import run_with_client
from zajil.cli.texts.reach import bundle as words
from zajil.cli.texts.system import say_reason

if TYPE_CHECKING:
    from zajil.client import Client

_MOST_BYTES = 16 << 20
SavedFile = Annotated[Path, typer.Argument(metavar="FILE", help=words.FILE_ARGUMENT())]


def export(
    context: typer.Context,
    file: SavedFile,
    *,
    to: Annotated[str, typer.Option("--to", metavar="CHAT", help=words.TO_OPTION())],
) -> None:
    """Save what waits in a chat as a file; never over one that is there."""
    from zajil.cli.commands.chats import find_chat
    from zajil.cli.failures import Failed
    from zajil.cli.output import console

    async def saved(client: Client) -> None:
        data = client.export_bundle(find_chat(client, to))
        try:
            with file.open("xb") as target:
                target.write(data)
        except FileExistsError:
            raise Failed("file-exists", file=str(file)) from None
        except OSError as error:
            raise Failed("file-unwritable", file=str(file), remark=say_reason(error)) from None
        console().print(words.EXPORTED(file=str(file)))

    run_with_client(context, saved)


def import_(context: typer.Context, file: SavedFile, *, json: Json = False) -> None:
    """Take the messages of such a file."""
    from zajil.cli.failures import Failed
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_name

    async def taken(client: Client) -> None:
        try:
            with file.open("rb") as source:
                data = source.read(_MOST_BYTES + 1)
        except OSError as error:
            raise Failed("file-unreadable", file=str(file), remark=say_reason(error)) from None
        found = client.import_bundle(data)
        if json:
            print_json({"chat": found.chat.id, "outcomes": list(found.outcomes)})
            return
        counts: Counter[str] = Counter(found.outcomes)
        console().print(words.IMPORTED(count=counts["taken"], chat=clean_name(found.chat.title)))
        for outcome, sentence in words.OUTCOMES.items():
            if counts[outcome]:
                console().print(sentence(count=counts[outcome]), style="dim")

    run_with_client(context, taken)
