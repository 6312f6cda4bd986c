"""`recovery show | confirm | status | rotate | restore`: the account outlives its devices."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.account import ServerUrl, check_server_address, reach_first
from zajil.cli.commands.options import Json
from zajil.cli.frame import frame_of, run_with_client
from zajil.cli.texts.lasting import recovery as words

if TYPE_CHECKING:
    from zajil.client import Client

QrOption = Annotated[bool, typer.Option("--qr", help=words.QR_OPTION())]


def show(context: typer.Context, *, qr: QrOption = False) -> None:
    """The key alone on stdout, everything else on stderr; then its backup is stored, if the server answers."""

    async def shown(client: Client) -> None:
        _print_key(client.show_recovery_key(), server=client.whoami().server, qr=qr)
        await _store(client)
        if client.recovery_status().state != "confirmed":
            _print_next()

    run_with_client(context, shown)


def rotate(context: typer.Context, *, qr: QrOption = False) -> None:
    """As `show`, with a new key in the place of the old one."""

    async def rotated(client: Client) -> None:
        _print_key(client.rotate_recovery_key(), server=client.whoami().server, qr=qr)
        await _store(client)
        _print_next()

    run_with_client(context, rotated)


def confirm(context: typer.Context) -> None:
    """The key is read from the terminal or from stdin, never from the arguments: those stand in lists and histories."""
    from zajil.cli.output import console
    from zajil.protocol.errors import error

    async def confirmed(client: Client) -> None:
        if client.recovery_status().state == "none":
            raise error("no-recovery-key")
        client.confirm_recovery_key(_read_key())
        if client.recovery_status().stored_at == 0:
            await _store(client)
        console().print(words.CONFIRMED(), style="bold")
        if client.recovery_status().stored_at == 0:
            _print_unstored()
        else:
            console().print(words.COMES_BACK())

    run_with_client(context, confirmed)


def status(context: typer.Context, *, json: Json = False) -> None:
    """Where key and backup stand; touches no network."""
    from zajil.cli.output import console, print_json
    from zajil.cli.times import day

    async def told(client: Client) -> None:
        found = client.recovery_status()
        if json:
            stored = found.stored_at or None
            told = {"state": found.state, "stored_at": stored, "current": found.current, "problem": found.problem}
            print_json(told)
            return
        console().print(words.STATES[found.state](), style="bold")
        if found.state == "none":
            return
        line = words.BACKUP_CURRENT(date=day(found.stored_at)) if found.current else words.BACKUP_WAITS()
        console().print(line)
        if found.problem:
            console().print(words.BACKUP_PROBLEM(code=found.problem), style="dim")

    run_with_client(context, told)


def restore(
    context: typer.Context,
    server: ServerUrl,
    *,
    keep_devices: Annotated[bool, typer.Option("--keep-devices", help=words.KEEP_OPTION())] = False,
) -> None:
    """An empty home becomes a new device of the account behind a key, which is read as in `confirm`."""
    from zajil.cli.output import console
    from zajil.cli.untrusted import clean_name
    from zajil.client import Client

    check_server_address(server)
    key = _read_key()

    async def restored() -> None:
        home = frame_of(context).home
        async with await Client.restore(home, server=server, key=key, keep_devices=keep_devices) as client:
            me = client.whoami()
            console().print(words.RESTORED(name=clean_name(me.name), device=me.device_id), style="bold")

    reach_first(server, restored())


def _read_key() -> str:
    """As `read_unseen`. Raises HomeError `bad-recovery-key` for no text."""
    from zajil.cli.asking import read_unseen
    from zajil.protocol.errors import error

    try:
        return read_unseen(words.KEY_QUESTION())
    except UnicodeDecodeError:
        raise error("bad-recovery-key") from None


def _print_key(key: str, *, server: str, qr: bool) -> None:
    from zajil.cli.output import error_console
    from zajil.cli.qr import print_qr

    error_console().print(words.KEY_SHOWN(), style="dim")
    typer.echo(key)
    error_console().print(words.WITH_SERVER(), style="dim")
    error_console().print(f"  {server}", style="cyan", highlight=False)
    if qr:
        print_qr(key)


def _print_next() -> None:
    from zajil.cli.output import error_console
    from zajil.cli.texts.text import PROGRAM

    error_console().print(words.CONFIRM_NEXT(), style="dim")
    error_console().print(f"  {PROGRAM.get()} recovery confirm", style="cyan")


def _print_unstored() -> None:
    from zajil.cli.output import error_console
    from zajil.cli.texts.text import PROGRAM

    error_console().print(words.NOT_STORED(), style="yellow")
    error_console().print(f"  {PROGRAM.get()} sync", style="cyan")


async def _store(client: Client) -> None:
    """The backup goes now where it can; else `status` says that it waits, and the next sync takes it along."""
    from zajil.protocol.errors import Unreachable

    with contextlib.suppress(Unreachable):
        await client.sync()
