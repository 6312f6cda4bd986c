"""`push`: being woken by a push service while no command runs; and the operator's way to begin anew with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json
from zajil.cli.frame import run_with_client
from zajil.cli.texts.lasting import push as words

if TYPE_CHECKING:
    from zajil.client import Client


def set_(
    context: typer.Context,
    endpoint: Annotated[str, typer.Argument(metavar="ENDPOINT", help=words.ENDPOINT_ARGUMENT())],
    *,
    p256dh: Annotated[str | None, typer.Option("--p256dh", help=words.P256DH_OPTION(), show_default=False)] = None,
    auth: Annotated[str | None, typer.Option("--auth", help=words.AUTH_OPTION(), show_default=False)] = None,
    json: Json = False,
) -> None:
    """Tells the server at once. Both keys or none."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import console, print_json
    from zajil.protocol.ids import parse_b64

    async def told(client: Client) -> None:
        if (p256dh is None) != (auth is None):
            raise Failed("half-push-keys", exit_code=USAGE)
        await client.set_push(
            endpoint,
            p256dh=None if p256dh is None else parse_b64(p256dh.rstrip("="), size=65),
            auth=None if auth is None else parse_b64(auth.rstrip("="), size=16),
        )
        if json:
            print_json({"endpoint": endpoint})
        else:
            console().print(words.SET_DONE(host=_host(endpoint)))
            console().print(words.LEARNS(), style="dim")

    run_with_client(context, told)


def status(context: typer.Context, *, json: Json = False) -> None:
    """What this home told the server."""
    from zajil.cli.output import console, print_json

    async def told(client: Client) -> None:
        held = await client.push_status()
        if json:
            print_json({"endpoint": held.endpoint or None, "set_at": held.set_at or None, "offered": held.offered})
        elif not held.offered:
            console().print(words.NOT_OFFERED())
        elif held.endpoint:
            console().print(words.ON(host=_host(held.endpoint)))
        else:
            console().print(words.IS_OFF())

    run_with_client(context, told)


def off(context: typer.Context, *, json: Json = False) -> None:
    """Tells the server at once."""
    from zajil.cli.output import console, print_json

    async def told(client: Client) -> None:
        await client.drop_push()
        if json:
            print_json({"endpoint": None})
        else:
            console().print(words.IS_OFF())

    run_with_client(context, told)


def forget(*, data: DataFolder = None, json: Json = False) -> None:
    """Of an operator who lost or changes the key."""
    from zajil.cli.commands.options import decide_data
    from zajil.cli.commands.server import existing_data
    from zajil.cli.failures import as_failed
    from zajil.cli.output import console, print_json
    from zajil.engine.keys import KeyFileError
    from zajil.server.admin import forget_push
    from zajil.server.config import ConfigError

    try:
        forgotten = forget_push(existing_data(decide_data(data)))
    except (ConfigError, KeyFileError) as error:
        raise as_failed(error) from error
    if json:
        print_json({"forgotten": forgotten})
    else:
        console().print(words.FORGOTTEN(count=forgotten))


def _host(endpoint: str) -> str:
    from urllib.parse import urlsplit

    from zajil.cli.untrusted import clean_name

    return clean_name(urlsplit(endpoint).hostname or endpoint)
