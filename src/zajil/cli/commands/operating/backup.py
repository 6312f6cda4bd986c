"""`backup` and `restore`: a server's data and its keys, in two files."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.operating import backup as words

NoAttachments = Annotated[bool, typer.Option("--no-attachments", help=words.NO_ATTACHMENTS())]


def backup(
    archive: Annotated[str, typer.Argument(metavar="FILE|DIR", help=words.ARCHIVE_TO())],
    *,
    data: DataFolder = None,
    keys: Annotated[
        str | None, typer.Option("--keys", metavar="FILE|DIR", help=words.KEYS_TO(), show_default=False)
    ] = None,
    no_attachments: NoAttachments = False,
    json: Json = False,
) -> None:
    """Both files' names, the keys' with a warning."""
    from zajil.cli.output import console, print_json
    from zajil.server.backup.making import make_backup

    with _told(), _ended_well():
        made = make_backup(existing_data(decide_data(data)), archive, keys_to=keys, attachments=not no_attachments)
    if json:
        document = made._asdict() | {"archive": str(made.archive), "keys": str(made.keys)}
        print_json(document)
        return
    screen = console()
    screen.print(
        words.WRITTEN(
            server=made.server_name,
            file=str(made.archive),
            bytes=made.bytes,
            time=_time(made.made_at),
            rows=made.rows,
            attachments=made.attachments,
        )
    )
    screen.print(words.KEYS_WRITTEN(file=str(made.keys)))


def restore(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help=words.ARCHIVE_FROM())],
    *,
    data: DataFolder = None,
    keys: Annotated[
        Path | None, typer.Option("--keys", metavar="FILE", help=words.KEYS_FROM(), show_default=False)
    ] = None,
    no_attachments: NoAttachments = False,
    database: Annotated[
        str | None, typer.Option("--database", metavar="URL", help=words.DATABASE(), show_default=False)
    ] = None,
    check: Annotated[bool, typer.Option("--check", help=words.CHECK())] = False,
    unproven: Annotated[bool, typer.Option("--unproven", help=words.UNPROVEN())] = False,
    clock_right: Annotated[bool, typer.Option("--clock-right", help=words.CLOCK_RIGHT())] = False,
    json: Json = False,
) -> None:
    """Which server, of when; and how to start it."""
    from zajil.cli.output import console, print_json
    from zajil.server.backup.restoring import check_backup, restore_backup

    folder = decide_data(data)
    with _told(), _ended_well():
        if check:
            found = check_backup(archive, keys_from=keys, unproven=unproven)
        else:
            found = restore_backup(
                folder,
                archive,
                keys_from=keys,
                attachments=not no_attachments,
                database=database,
                unproven=unproven,
                clock_right=clock_right,
            )
    if json:
        print_json({**found._asdict(), "restored": not check})
        return
    sentence = words.SOUND if check else words.RESTORED
    screen = console()
    screen.print(
        sentence(server=found.server_name, time=_time(found.made_at), rows=found.rows, attachments=found.attachments)
    )
    if not check:
        screen.print(words.NEXT(command=f"zajil serve --data {shlex.quote(str(folder))}"))


def move(
    *,
    database: Annotated[str, typer.Option("--database", metavar="URL", help=words.MOVE_TO())],
    data: DataFolder = None,
    json: Json = False,
) -> None:
    """How many rows went, and what became of the file they were in."""
    from zajil.cli.output import console, print_json
    from zajil.engine.sql.sqlite.database import FILE_NAME
    from zajil.server.backup.moving import MOVED_SUFFIX, move_database

    folder = existing_data(decide_data(data))
    with _told(), _ended_well():
        rows = move_database(folder, database)
    kept = folder / (FILE_NAME + MOVED_SUFFIX)
    if json:
        print_json({"rows": rows, "kept": str(kept)})
        return
    console().print(words.MOVED(rows=rows, file=str(kept)))


def renumber(*, data: DataFolder = None, json: Json = False) -> None:
    """Raises Failed `settings` while the server runs."""
    from zajil.cli.output import console, print_json
    from zajil.server.backup.renumbering import renumber_database

    with _told():
        renumber_database(existing_data(decide_data(data)))
    if json:
        print_json({"renumbered": True})
        return
    console().print(words.RENUMBERED())


@contextlib.contextmanager
def _ended_well() -> Iterator[None]:
    """SIGTERM and SIGHUP end the block as an exception: what is half written, rows and keys, goes."""
    import signal
    import threading
    from types import FrameType

    def end(number: int, _: FrameType | None) -> None:
        raise SystemExit(128 + number)

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """Raises Failed for what the data and the files say no to."""
    from zajil.cli.failures import Failed, as_failed
    from zajil.engine.keys import KeyFileError
    from zajil.server.backup.archive import BackupError
    from zajil.server.config import ConfigError

    try:
        yield
    except BackupError as error:
        raise Failed(error.code, remark=error.remark, file=error.file) from error
    except (ConfigError, KeyFileError) as error:
        raise as_failed(error) from error


def _time(at: int) -> str:
    """UTC, whatever this machine's zone: a backup may be read on another one."""
    import time

    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(at))
