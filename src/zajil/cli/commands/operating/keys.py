"""`admin keys`: new keys for a stopped server."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.operating import keys as words


class Kind(enum.StrEnum):
    """As `zajil.key` has them."""

    STORAGE = "storage"
    REF = "ref"
    FRANK = "frank"
    CALLS = "calls"


def rotate(
    kind: Annotated[Kind, typer.Argument(metavar="storage|ref|frank|calls", help=words.KIND())],
    *,
    data: DataFolder = None,
    json: Json = False,
) -> None:
    """Its number. Raises Failed `settings` while the server runs."""
    from zajil.cli.failures import as_failed
    from zajil.cli.output import console, print_json
    from zajil.engine.keys import KeyFileError
    from zajil.server.admin import rotate_key
    from zajil.server.config import ConfigError

    try:
        number = rotate_key(existing_data(decide_data(data)), kind.value)
    except (ConfigError, KeyFileError) as error:
        raise as_failed(error) from error
    if json:
        print_json({"kind": kind.value, "number": number})
        return
    console().print(words.ROTATED(number=number, kind=kind.value))


def accept_loss(
    *,
    data: DataFolder = None,
    yes: Annotated[bool, typer.Option("--yes", help=words.YES())] = False,
    json: Json = False,
) -> None:
    """Says what is lost; with --yes the server goes on without it. Raises Failed `settings` while the server runs."""
    from zajil.cli.failures import Failed, as_failed
    from zajil.cli.output import console, print_json
    from zajil.engine.keys import KeyFileError
    from zajil.server.backup.losing import accept_loss as accept
    from zajil.server.config import ConfigError

    try:
        lost = accept(existing_data(decide_data(data)), only_ask=not yes)
    except (ConfigError, KeyFileError) as error:
        raise as_failed(error) from error
    if lost.keys and not yes:
        raise Failed("loss-unasked", **lost._asdict())
    if json:
        print_json(lost._asdict())
    elif lost.keys:
        console().print(words.LOST(**lost._asdict()))
        console().print(words.LOST_TOO())
    else:
        console().print(words.NONE_LOST())
