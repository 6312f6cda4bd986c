"""`moderation log`: prove that every decision is in the log, unchanged and in order."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data, parse_folder
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.moderation import steering as words


def verify(
    *,
    data: DataFolder = None,
    file: Annotated[
        Path | None, typer.Option("--file", metavar="FILE", help=words.FILE_OPTION(), parser=parse_folder)
    ] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help=words.KEY_OPTION())] = None,
    trusted: Annotated[
        Path | None, typer.Option("--checkpoint", metavar="FILE", help=words.TRUSTED_OPTION(), parser=parse_folder)
    ] = None,
    json: Json = False,
) -> None:
    """Check the log of the data folder, or an exported one with a key that came from elsewhere."""
    from zajil.cli.failures import DIFFERENT, Failed
    from zajil.cli.output import console, print_json
    from zajil.protocol.errors import Malformed
    from zajil.protocol.tlog.checkpoint import parse_key
    from zajil.server.moderation.proof import public_key, verify_export, verify_stored

    seen = _read(trusted) if trusted is not None else None
    try:
        if file is None:
            found = verify_stored(existing_data(decide_data(data)), trusted=seen)
        else:
            note_key = parse_key(key) if key is not None else public_key(existing_data(decide_data(data)))
            found = verify_export(_read(file), key=note_key, origin=note_key.name, trusted=seen)
    except Malformed as reason:
        if json:
            print_json({"whole": False, "why": str(reason), "detail": reason.detail or {}})
        raise Failed("log-broken", exit_code=DIFFERENT, remark=str(reason)) from reason
    if json:
        print_json({"whole": True, **found._asdict()})
        return
    console().print(
        words.LOG_WHOLE(size=found.size, checkpoints=found.checkpoints, decisions=found.decisions), markup=False
    )


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
