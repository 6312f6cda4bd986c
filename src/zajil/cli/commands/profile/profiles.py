"""`profiles`, and where each lies: the default one in the home itself, the others in folders of it."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Annotated, Final

import typer

from zajil.cli.commands.options import Json
from zajil.cli.frame import frame_of, run_until_done
from zajil.cli.texts.talk import profiles as words

DEFAULT: Final = "default"
_FOLDER: Final = "profiles"
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def parse_profile(value: str) -> str:
    """A profile's name. Raises Failed `bad-profile` (wrong usage): what could lead out of the folder is none."""
    from zajil.cli.failures import USAGE, Failed

    if not _NAME.fullmatch(value):
        raise Failed("bad-profile", exit_code=USAGE)
    return value


ProfileName = Annotated[
    str | None,
    typer.Option("--profile", metavar="NAME", help=words.PROFILE_OPTION(), show_default=False, parser=parse_profile),
]


def decide_profile(given: str | None) -> str:
    """`--profile`, else ZAJIL_PROFILE, else `default`. Raises Failed `bad-profile`."""
    named = os.environ.get("ZAJIL_PROFILE", "")
    return given or (parse_profile(named) if named else DEFAULT)


def profile_folder(home: Path, profile: str) -> Path:
    """The folder of a profile's device."""
    return home if profile == DEFAULT else home / _FOLDER / profile


def list_profiles(home: Path) -> list[str]:
    """Names of the profiles that have an account, the default one first."""
    from zajil.client.storage.keyfile import has_keys

    found = sorted(path.name for path in (home / _FOLDER).glob("*") if _NAME.fullmatch(path.name))
    return [name for name in (DEFAULT, *found) if has_keys(profile_folder(home, name))]


def profiles(context: typer.Context, *, json: Json = False) -> None:
    """Every profile with the account in it."""
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_name, isolate

    frame = frame_of(context)
    found = run_until_done(_read(frame.base, list_profiles(frame.base)))
    if json:
        rows = [
            {"profile": name, "current": name == frame.profile, "name": account, "server": server}
            for name, account, server in found
        ]
        print_json(rows)
        return
    if not found:
        console().print(words.NO_PROFILES(), style="dim")
    width = max((len(name) for name, _, _ in found), default=0)
    for name, account, server in found:
        mark = "*" if name == frame.profile else " "
        console().print(f"{mark} {name:<{width}}  {isolate(clean_name(account))}  {server}")


async def _read(home: Path, names: list[str]) -> list[tuple[str, str, str]]:
    """Each profile with the name of its account and its server; a damaged one with the code of what is wrong."""
    from zajil.client import Client
    from zajil.protocol.errors import ZajilError

    found: list[tuple[str, str, str]] = []
    for name in names:
        try:
            async with await Client.open(profile_folder(home, name)) as client:
                found.append((name, client.name, client.server))
        except ZajilError as problem:
            found.append((name, problem.code, ""))
    return found
