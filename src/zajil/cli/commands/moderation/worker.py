"""`moderation worker`: judge posts in a process of its own, beside a server on the same data folder."""

from __future__ import annotations

import typer

from zajil.cli.commands.options import DataFolder, decide_data
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.moderation import steering as words


def worker(*, data: DataFolder = None) -> None:
    """Judge posts until SIGTERM or Ctrl-C; the server's setting `moderation.worker` must be `apart`."""
    from zajil.cli.failures import Failed, as_failed
    from zajil.engine.keys import KeyFileError
    from zajil.server.config import ConfigError

    try:
        from zajil.server.moderation.worker import work
    except ModuleNotFoundError as missing:
        raise Failed("no-moderation", remark=missing.name or "") from missing
    try:
        work(existing_data(decide_data(data)), tell=lambda: typer.echo(words.WORKING()))
    except (ConfigError, KeyFileError) as error:
        raise as_failed(error) from error
