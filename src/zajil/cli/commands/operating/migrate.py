"""`migrate`: a database brought to this version's schema before the start, or asked whether it is."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.operating import migrate as words


def migrate(
    *,
    data: DataFolder = None,
    check: Annotated[bool, typer.Option("--check", help=words.CHECK())] = False,
    json: Json = False,
) -> None:
    """From which schema to which. Raises Failed `settings` for a newer one, and while a server runs."""
    from zajil.cli.failures import as_failed
    from zajil.cli.output import console, print_json
    from zajil.server.config import ConfigError
    from zajil.server.schema import bring_up, find_step

    folder = existing_data(decide_data(data))
    try:
        stamped, newest = find_step(folder) if check else bring_up(folder)
    except ConfigError as error:
        raise as_failed(error) from error
    is_due = stamped != newest
    if json:
        print_json({"from": stamped or None, "to": newest, "migrated": is_due and not check})
    else:
        sentence = words.NOTHING if not is_due else words.DUE if check else words.DONE
        command = f"zajil migrate --data {shlex.quote(str(folder))}"
        console().print(sentence(stamped=stamped or "0", newest=newest, command=command))
    if check and is_due:
        raise typer.Exit(1)
