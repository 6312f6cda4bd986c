"""`admin name`: usernames that the operator keeps from everybody; on the server's data folder."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.people import names as words

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from zajil.cli.texts.text import Text

Name = Annotated[str, typer.Argument(metavar="NAME", help=words.NAME_ARGUMENT())]


def reserve(name: Name, *, data: DataFolder = None, json: Json = False) -> None:
    """Nobody may take this username; a second time changes nothing."""
    from zajil.server.admin import reserve_name

    shown, changed = _change(name, data, reserve_name)
    _show(shown, words.RESERVED if changed else words.RESERVED_BEFORE, reserved=True, json=json)


def release(name: Name, *, data: DataFolder = None, json: Json = False) -> None:
    """Whoever comes first may take it. Raises Failed `not-reserved`."""
    from zajil.cli.failures import Failed
    from zajil.server.admin import release_name

    shown, changed = _change(name, data, release_name)
    if not changed:
        raise Failed("not-reserved", name=shown)
    _show(shown, words.RELEASED, reserved=False, json=json)


def _change(name: str, data: Path | None, change: Callable[[Path, str], bool]) -> tuple[str, bool]:
    """The name as it is shown, and whether anything changed. Raises Failed `name-used`, `settings`; `bad-handle`."""
    from zajil.cli.commands.people.strangers import as_username
    from zajil.cli.failures import Failed, as_failed
    from zajil.engine.keys import KeyFileError
    from zajil.protocol.contacts.usernames import parse_username
    from zajil.protocol.errors import Conflict
    from zajil.server.config import ConfigError

    with as_username():
        shown = parse_username(name)
    try:
        return shown, change(existing_data(decide_data(data)), shown)
    except Conflict as error:
        raise Failed("name-used", name=shown) from error
    except (ConfigError, KeyFileError) as error:
        raise as_failed(error) from error


def _show(name: str, sentence: Text, *, reserved: bool, json: bool) -> None:
    from zajil.cli.output import console, print_json

    print_json({"name": name, "reserved": reserved}) if json else console().print(sentence(name=name))
