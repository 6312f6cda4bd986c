"""`init`: the files of a server for other people, and what to do with them."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from zajil.cli.commands.options import DataFolder, decide_data
from zajil.cli.texts import server as words


def _port(name: str, help_text: str) -> object:
    return typer.Option(name, metavar="PORT", min=1, max=65535, help=help_text)


def init(
    domain: Annotated[str, typer.Option("--domain", metavar="DOMAIN", help=words.DOMAIN_OPTION())],
    *,
    data: DataFolder = None,
    internal_ca: Annotated[bool, typer.Option("--internal-ca", help=words.INTERNAL_CA_OPTION())] = False,
    port: Annotated[int, _port("--port", words.ZAJIL_PORT_OPTION())] = 8440,
    http_port: Annotated[int, _port("--http-port", words.HTTP_PORT_OPTION())] = 80,
    https_port: Annotated[int, _port("--https-port", words.HTTPS_PORT_OPTION())] = 443,
) -> None:
    """Write `zajil.toml` and a Caddyfile, never over one that is there, and say what to do next."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import console
    from zajil.cli.untrusted import clean_name
    from zajil.server.config import ConfigError
    from zajil.server.setup import Setup, SetupExists, parse_domain, write_setup

    folder = decide_data(data)
    try:
        name = parse_domain(domain)
    except ValueError:
        raise Failed("bad-domain", exit_code=USAGE, name=clean_name(domain)) from None
    setup = Setup(name, port, internal_ca, http_port, https_port)
    try:
        written = write_setup(folder, setup)
    except SetupExists as error:
        raise Failed("setup-exists", file=str(error.path)) from error
    except ConfigError as error:
        raise Failed("settings", remark=str(error)) from error
    screen = console()
    for path in written:
        screen.print(words.INIT_WRITTEN(file=str(path)))
    quoted = shlex.quote(str(folder))
    screen.print(f"\n{words.INIT_NEXT()}")
    for sentence, command in (
        (words.INIT_SERVE(), f"zajil serve --data {quoted}"),
        (
            words.INIT_CADDY(),
            f"sudo install -m 644 {shlex.quote(str(written[1]))} /etc/caddy/Caddyfile && sudo systemctl reload caddy",
        ),
        (words.INIT_INVITE(front=setup.front), f"zajil admin invite --data {quoted} --link --qr"),
    ):
        screen.print(f"\n{sentence}")
        screen.print(f"  {command}", style="cyan")
    if internal_ca:
        screen.print(f"\n{words.INIT_TRUST()}")
