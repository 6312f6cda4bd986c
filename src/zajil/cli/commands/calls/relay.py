"""`calls relay-config`, `calls relay-check`: coturn's configuration, and whether the relays work."""

from __future__ import annotations

from typing import Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.calls import relay as words


def relay_config(
    *,
    domain: Annotated[str, typer.Option("--domain", metavar="NAME", help=words.DOMAIN_OPTION())],
    ip: Annotated[str, typer.Option("--ip", metavar="IP", help=words.IP_OPTION())],
    private_ip: Annotated[str, typer.Option("--private-ip", metavar="IP", help=words.PRIVATE_IP_OPTION())] = "",
    cert: Annotated[str, typer.Option("--cert", metavar="FILE", help=words.CERT_OPTION())] = "",
    key: Annotated[str, typer.Option("--key", metavar="FILE", help=words.KEY_OPTION())] = "",
    data: DataFolder = None,
) -> None:
    """The file alone on stdout; what the server has to be told, on stderr."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import error_console
    from zajil.cli.untrusted import clean_name
    from zajil.engine.keys import KeyFileError
    from zajil.protocol.reach.endpoints import is_host
    from zajil.server.calls.operator import make_relay_conf
    from zajil.server.config import ConfigError, is_address

    if not is_host(domain):
        raise Failed("bad-domain", exit_code=USAGE, name=clean_name(domain))
    for address in (ip, private_ip):
        if not is_address(address) and (address or address is ip):
            raise Failed("bad-relay-ip", exit_code=USAGE, name=clean_name(address))
    if bool(cert) != bool(key) or not (cert + key).isprintable():
        raise Failed("half-certificate", exit_code=USAGE)
    try:
        text = make_relay_conf(
            existing_data(decide_data(data)), domain=domain, ip=ip, private_ip=private_ip, cert=cert, key=key
        )
    except (ConfigError, KeyFileError) as error:
        raise Failed("settings", remark=str(error)) from error
    typer.echo(text, nl=False)
    hint = error_console()
    hint.print(words.CONFIG_NEXT(), style="dim")
    hint.print(f'  [calls]\n  relay_hosts = ["{domain}"]', markup=False)
    if cert:
        hint.print("  relay_tls_port = 5349", markup=False)


def relay_check(*, data: DataFolder = None, json: Json = False) -> None:
    """One line for each address; exit code 4 where one does not work."""
    from zajil.calls.relay.check import MissingExtra
    from zajil.cli.failures import DIFFERENT, Failed
    from zajil.cli.output import console, print_json
    from zajil.engine.keys import KeyFileError
    from zajil.server.calls.operator import check_relays
    from zajil.server.config import ConfigError

    try:
        found = check_relays(existing_data(decide_data(data)))
    except MissingExtra as error:
        raise Failed("no-calls") from error
    except (ConfigError, KeyFileError) as error:
        raise Failed("settings", remark=str(error)) from error
    if found is None:
        raise Failed("no-relay")
    if json:
        print_json([{"url": each.url, "ms": each.ms, "trouble": each.trouble or None} for each in found])
    else:
        for each in found:
            console().print(f"{each.url}  {_say(each.trouble, each.ms)}", markup=False, highlight=False)
    if any(each.trouble for each in found):
        raise typer.Exit(DIFFERENT)


def _say(trouble: str, ms: int) -> str:
    if not trouble:
        return words.WORKS(ms=ms)
    name, _, code = trouble.partition(" ")
    return words.TROUBLES[name](code=code) if code else words.TROUBLES[name]()
