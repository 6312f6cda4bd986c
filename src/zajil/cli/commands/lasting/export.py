"""`export`: all chats of this device as `zajil.html` and `zajil.json`, and their files where asked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import Json, parse_folder
from zajil.cli.frame import run_with_client
from zajil.cli.texts.lasting import export as words

if TYPE_CHECKING:
    from zajil.client import Client

PAGE, DATA, FILES = "zajil.html", "zajil.json", "files"


def export(
    context: typer.Context,
    *,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FOLDER", help=words.OUTPUT_OPTION(), parser=parse_folder),
    ] = None,
    files: Annotated[bool, typer.Option("--files", help=words.FILES_OPTION())] = False,
    json: Json = False,
) -> None:
    """Write what is here; only `--files` touches the network. Nothing is ever written over."""
    import time

    from zajil.cli.archive.collect import archive_row, collect
    from zajil.cli.archive.page import render_page
    from zajil.cli.output import console, print_json
    from zajil.cli.times import day

    now = int(time.time())
    folder = output if output is not None else Path(f"zajil-export-{day(now)}")

    async def exported(client: Client) -> None:
        _make_folder(folder)
        saved, missed = await _save_files(client, folder) if files else ({}, 0)
        archive = collect(client, at=now, saved=saved)
        _write(folder / PAGE, render_page(archive))
        _write(folder / DATA, _json_text(archive_row(archive)))
        count = sum(len(chat.messages) for chat in archive.chats)
        if json:
            print_json({"folder": str(folder), "chats": len(archive.chats), "messages": count, "missed": missed})
            return
        console().print(words.EXPORTED(chats=len(archive.chats), messages=count, folder=str(folder)), style="bold")
        if missed:
            console().print(words.FILES_MISSED(count=missed))

    run_with_client(context, exported)


def _make_folder(folder: Path) -> None:
    from zajil.cli.failures import Failed

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if any(folder.iterdir()):
        raise Failed("folder-used", folder=str(folder))


def _write(path: Path, text: str) -> None:
    import os

    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
        file.write(text)


def _json_text(value: object) -> str:
    import json

    return json.dumps(value, ensure_ascii=False, indent=1) + "\n"


async def _save_files(client: Client, folder: Path) -> tuple[dict[str, dict[int, str]], int]:
    """Paths in the folder by message id and place of the file, and how many could not be fetched."""
    from zajil.protocol.errors import ZajilError

    saved: dict[str, dict[int, str]] = {}
    missed = number = 0
    for chat in client.chats():
        for message in client.read(chat, limit=1 << 31):
            for n in range(len(message.attachments)):
                number += 1
                name = f"{FILES}/{number}-{client.file_name(chat, message.id, n)}"
                (folder / FILES).mkdir(mode=0o700, exist_ok=True)
                try:
                    await client.save_file(chat, message.id, n, folder / name)
                except ZajilError:
                    missed += 1
                    continue
                saved.setdefault(message.id, {})[n] = name
    return saved, missed
