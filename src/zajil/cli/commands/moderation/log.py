"""`moderation log`: prove that every decision is in the log, unchanged and in order."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data, parse_folder
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.moderation import steering as words

if TYPE_CHECKING:
    from zajil.protocol.tlog.checkpoint import NoteKey
    from zajil.server.moderation.proof import LogReport


def verify(
    where: Annotated[str | None, typer.Argument(metavar="FILE|URL", help=words.LOG_ARGUMENT())] = None,
    *,
    data: DataFolder = None,
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help=words.KEY_OPTION())] = None,
    trusted: Annotated[
        Path | None, typer.Option("--checkpoint", metavar="FILE", help=words.TRUSTED_OPTION(), parser=parse_folder)
    ] = None,
    json: Json = False,
) -> None:
    """Check an exported log, one that a server publishes, or that of the data folder with its decisions.

    Exit code 0: whole; 4: not whole; 3: no answer.
    """
    from zajil.cli.failures import DIFFERENT, Failed
    from zajil.cli.output import console, print_json
    from zajil.protocol.errors import Malformed

    try:
        found = _verify(where, data, key, _read(trusted) if trusted is not None else None)
    except Malformed as reason:
        if json:
            print_json({"whole": False, "why": str(reason), "detail": reason.detail or {}})
        raise Failed("log-broken", exit_code=DIFFERENT, remark=str(reason)) from reason
    if json:
        print_json({"whole": True, **found._asdict()})
        return
    screen = console()
    screen.print(
        words.LOG_WHOLE(size=found.size, checkpoints=found.checkpoints, decisions=found.decisions), markup=False
    )
    if key is None and where is not None:
        screen.print(words.KEY_TOLD(key=found.key), markup=False)


def _verify(where: str | None, data: Path | None, key: str | None, seen: bytes | None) -> LogReport:
    """What was proven. Raises Malformed, Failed."""
    from zajil.cli.failures import DIFFERENT, Failed
    from zajil.server.moderation.proof import public_key, verify_export, verify_stored

    known = _parse(key) if key is not None else None
    if where is None:
        folder = existing_data(decide_data(data))
        if known is not None and known != public_key(folder):
            raise Failed("other-log-key", exit_code=DIFFERENT, remark=public_key(folder).text())
        return verify_stored(folder, trusted=seen)
    if where.startswith(("https://", "http://")):
        file, told = _fetch(where)
        known = known or told
    else:
        file = _read(Path(where))
        known = known or public_key(existing_data(decide_data(data)))
    return verify_export(file, key=known, origin=known.name, trusted=seen)


def _parse(key: str) -> NoteKey:
    from zajil.cli.failures import USAGE, Failed
    from zajil.protocol.errors import Malformed
    from zajil.protocol.tlog.checkpoint import parse_key

    try:
        return parse_key(key.strip())
    except Malformed as reason:
        raise Failed("bad-log-key", exit_code=USAGE) from reason


def _fetch(url: str) -> tuple[bytes, NoteKey]:
    import asyncio

    from zajil.cli.failures import UNREACHABLE, Failed
    from zajil.cli.texts.account import SERVER_SILENT
    from zajil.cli.untrusted import clean_name
    from zajil.protocol.errors import Refused
    from zajil.server.accounting.public_log import fetch_log
    from zajil.server.site.verify import Unreachable

    try:
        return asyncio.run(fetch_log(url))
    except Unreachable as error:
        hint = SERVER_SILENT(address=clean_name(url))
        raise Failed("unreachable", exit_code=UNREACHABLE, remark=str(error), hint=hint) from error
    except Refused as error:
        raise Failed("no-public-log") from error


def export(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=words.EXPORT_ARGUMENT(), parser=parse_folder)],
    *,
    data: DataFolder = None,
) -> None:
    """Write the whole log to a file."""
    import time

    from zajil.server.moderation.proof import export_log

    file.write_bytes(export_log(existing_data(decide_data(data)), now=time.time()))


def key(*, data: DataFolder = None) -> None:
    """The log's public key, alone on its line."""
    from zajil.server.moderation.proof import public_key

    typer.echo(public_key(existing_data(decide_data(data))).text())


def _read(file: Path) -> bytes:
    from zajil.cli.failures import Failed

    try:
        return file.read_bytes()
    except OSError as missing:
        raise Failed("no-file", name=file.name) from missing
