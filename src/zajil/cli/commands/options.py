"""Arguments and options that several commands share, and the default folders."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from zajil.cli.texts import chats, general, messages
from zajil.cli.texts.talk import files

Json = Annotated[bool, typer.Option("--json", help=general.JSON_OPTION())]
JsonLines = Annotated[bool, typer.Option("--json", help=general.JSON_LINES_OPTION())]


def parse_folder(value: str | Path) -> Path:
    """A folder option's value. Raises Failed `empty-folder` (wrong usage), which is what an unset variable leaves.

    A Path comes from the option's own default, which takes this way too.
    """
    from zajil.cli.failures import USAGE, Failed

    if isinstance(value, str) and not value.strip():
        raise Failed("empty-folder", exit_code=USAGE)
    return Path(value).expanduser()


HomeFolder = Annotated[
    Path | None,
    typer.Option("--home", metavar="DIR", help=general.HOME_OPTION(), show_default=False, parser=parse_folder),
]
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help=general.DATA_OPTION(), show_default=False, parser=parse_folder),
]
ChatName = Annotated[str, typer.Argument(metavar="CHAT", help=chats.CHAT_ARGUMENT())]
MessageName = Annotated[str, typer.Argument(metavar="ID", help=messages.MESSAGE_ARGUMENT())]
Files = Annotated[
    list[Path] | None, typer.Option("--file", metavar="PATH", help=files.FILE_OPTION(), show_default=False)
]
Strip = Annotated[bool, typer.Option("--strip", help=files.STRIP_OPTION())]
Keep = Annotated[bool, typer.Option("--keep", help=files.KEEP_OPTION())]
ContactName = Annotated[str, typer.Argument(metavar="CONTACT", help=chats.CONTACT_ARGUMENT())]


def _platform_folder() -> Path:
    from platformdirs import user_data_path

    return user_data_path("zajil", appauthor=False)


def decide_home(given: Path | None) -> Path:
    """The device's folder: `--home`, else ZAJIL_HOME, else `home` in the platform's data folder."""
    if given is not None:
        return given
    named = os.environ.get("ZAJIL_HOME", "").strip()
    return Path(named).expanduser() if named else _platform_folder() / "home"


def decide_data(given: Path | None) -> Path:
    """The server's folder: `--data`, else ZAJIL_DATA, else `server` in the platform's data folder."""
    if given is not None:
        return given
    named = os.environ.get("ZAJIL_DATA", "").strip()
    return Path(named).expanduser() if named else _platform_folder() / "server"
