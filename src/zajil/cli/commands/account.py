"""`register`, `whoami`, `contact-link`, `devices`, `doctor`: the account and this device."""

from __future__ import annotations

import re
import shlex
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from zajil.cli.commands.operating.doctor import check_server_folder
from zajil.cli.commands.options import Json, parse_folder
from zajil.cli.frame import frame_of, run_until_done, run_with_client
from zajil.cli.texts import account as words
from zajil.cli.texts.operating import doctor as doctor_words
from zajil.cli.texts.reach.net import PRIVATE
from zajil.cli.texts.text import PROGRAM

if TYPE_CHECKING:
    from zajil.client import Check, Client
    from zajil.protocol.identity.links import ContactLink

Result = TypeVar("Result")
ServerUrl = Annotated[str, typer.Option("--server", metavar="URL", help=words.SERVER_OPTION())]


def register(
    context: typer.Context,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help=words.NAME_OPTION())],
    server: Annotated[str | None, typer.Option("--server", metavar="URL", help=words.SERVER_OPTION())] = None,
    invite: Annotated[str | None, typer.Option("--invite", metavar="CODE|LINK", help=words.INVITE_OPTION())] = None,
) -> None:
    """A new account in this home. A link says where its server is, and by which bridges it can be reached."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.hints import suggest
    from zajil.cli.output import Progress, console
    from zajil.cli.untrusted import clean_name
    from zajil.client import Client

    link = _parse_invite(invite)
    address = server or (link.front if link is not None else "")
    check_server_address(address)
    if not name.strip():
        raise Failed("no-name", exit_code=USAGE)

    async def made() -> None:
        with Progress(words.WORKING) as progress:
            async with await Client.register(
                frame_of(context).home,
                server=address,
                name=name,
                invite=invite if link is None else link.code,
                bridges=None if link is None else link.bridges,
                on_work=lambda share: progress.tell(percent=str(int(share * 100))),
            ):
                pass

    reach_first(address, made())
    console().print(words.REGISTERED(name=clean_name(name)), style="bold")
    if invite is not None and link is not None and link.account_id is not None:
        suggest(words.INVITER_NEXT(), "add", "".join(invite.split()))
    else:
        suggest(words.REGISTERED_NEXT(), "contact-link")


def _parse_invite(text: str | None) -> ContactLink | None:
    """The link, where it is one and not a bare code. Raises HomeError `bad-link`, Failed `bridge-link` for others."""
    from zajil.cli.typed.links import check_no_bridges
    from zajil.protocol.identity.links import parse_contact_link

    if text is None or "#" not in text:
        return None
    check_no_bridges(text)
    return parse_contact_link(text)


def reach_first(address: str, work: Coroutine[Any, Any, Result]) -> Result:
    """The result of what needs a server at an address that was just typed. Raises Failed `unreachable`, naming it."""
    from zajil.cli.failures import UNREACHABLE, Failed
    from zajil.cli.untrusted import clean_name
    from zajil.protocol.errors import Unreachable
    from zajil.transports.base import DialError, Reason

    try:
        return run_until_done(work)
    except Unreachable as error:
        refused = isinstance(error, DialError) and error.reason is Reason.CERT
        said = words.CERTIFICATE_REFUSED if refused else words.SERVER_SILENT
        hint = said(address=clean_name(address))
        raise Failed("unreachable", exit_code=UNREACHABLE, hint=hint) from error


def check_server_address(server: str) -> None:
    """Raises Failed `bad-address` (wrong usage) for what cannot be a server's address."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.protocol.errors import ZajilError
    from zajil.transports.direct import check_address

    try:
        check_address(server)
    except ZajilError as error:
        raise Failed("bad-address", exit_code=USAGE) from error


def whoami(context: typer.Context, *, json: Json = False) -> None:
    """Who this device is."""
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_name

    async def told(client: Client) -> None:
        me = client.whoami()
        home = str(frame_of(context).home)
        if json:
            print_json(
                {"account_id": me.account_id, "device_id": me.device_id, "name": me.name}
                | _server_of(me.server, me.server_name)
            )
            return
        rows = {
            words.NAME(): clean_name(me.name),
            words.ACCOUNT(): me.account_id,
            words.DEVICE(): str(me.device_id),
            words.SERVER(): me.server,
            words.HOME(): home,
        }
        width = max(len(label) for label in rows)
        for label, value in rows.items():
            console().print(f"{label:<{width}}  {value}")

    run_with_client(context, told)


def _server_of(url: str, name: str) -> dict[str, str]:
    return {"server": url, "server_name": name}


def devices(context: typer.Context, *, json: Json = False) -> None:
    """The account's devices."""
    from zajil.cli.output import console, print_json
    from zajil.cli.times import day

    async def told(client: Client) -> None:
        found = client.devices()
        if json:
            print_json([{"device_id": d.device_id, "added_at": d.added_at, "current": d.current} for d in found])
            return
        for device in found:
            here = f"  ({words.THIS_DEVICE()})" if device.current else ""
            console().print(f"{device.device_id:>3}  {words.ADDED_ON(date=day(device.added_at))}{here}")

    run_with_client(context, told)


def doctor(
    context: typer.Context,
    *,
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="DIR", help=doctor_words.DATA_OPTION(), show_default=False, parser=parse_folder),
    ] = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help=doctor_words.HOST_OPTION(), show_default=False)
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", min=1, max=65535, help=doctor_words.PORT_OPTION(), show_default=False),
    ] = None,
    json: Json = False,
) -> None:
    """Checks of this home and its server, or of the server in a folder; raises `check-failed` if one does not hold."""
    if data is not None:
        check_server_folder(data, host=host, port=port, json=json)
        return
    if host is not None or port is not None:
        raise typer.BadParameter(doctor_words.NEEDS_DATA())
    from zajil.cli.failures import Failed
    from zajil.cli.output import console, print_json

    async def told(client: Client) -> None:
        # A sync writes the key file anew, private; how it was found is what counts. All else may be mended by it.
        found = [check for check in client.doctor() if check.name == "keys"]
        server = await _check_server(client)
        reach = await client.check_reach()
        rest = [check for check in client.doctor() if check.name != "keys"]
        checks = [*found, *rest, server, *reach, *await _check_push(client)]
        if json:
            print_json([{"name": c.name, "ok": c.ok, "code": c.code, "values": dict(c.values)} for c in checks])
        else:
            for check in checks:
                _show_check(check)
        if not all(check.ok for check in checks):
            raise Failed("check-failed")
        if not json:
            console().print(words.DOCTOR_GOOD(), style="bold")

    run_with_client(context, told)


def _show_check(check: Check) -> None:
    """What was found; where it is not as it should be, what to do stands below, commands each on a line to copy."""
    from zajil.cli.output import console
    from zajil.cli.texts.checks import CHECKS
    from zajil.cli.texts.errors import find_complaint
    from zajil.cli.untrusted import clean_text

    values = {name: _private(clean_text(str(value))) for name, value in check.values.items()}
    complaint = find_complaint(values.get("error", "")) or CHECKS[check.code]
    console().print("✓ " if check.ok else "✗ ", style="green" if check.ok else "bold red", end="")
    console().print(complaint.sentence(**values))
    if complaint.hint is not None:
        console().print(f"  {complaint.hint(**values)}", style="dim")
    commands = [f"{PROGRAM.get()} verify -- {account}" for account in values.get("accounts", "").split()]
    if check.code == "keys-readable":
        commands.append(f"chmod 600 {shlex.quote(values['file'])}")
    for command in commands:
        console().print(f"  {command}", style="cyan")


def _private(text: str) -> str:
    """Private bridges as `net probe` calls them."""
    return re.sub(r"\*(\d+)", lambda found: PRIVATE(number=found[1]), text)


async def _check_push(client: Client) -> list[Check]:
    """Whether the server still wakes this device; nothing where it was never asked to, or does not answer."""
    from urllib.parse import urlsplit

    from zajil.client import Check
    from zajil.protocol.errors import ZajilError

    try:
        held = await client.push_status()
    except ZajilError:
        return []
    if not held.endpoint:
        return []
    host = urlsplit(held.endpoint).hostname or held.endpoint
    return [Check("push", held.offered, "push-set" if held.offered else "push-ended", {"endpoint": host})]


async def _check_server(client: Client) -> Check:
    """Whether the server answers and this device is up to date with it."""
    from zajil.client import Check
    from zajil.protocol.errors import ZajilError

    try:
        await client.sync()
    except ZajilError as error:
        return Check("server", False, "server-fails", {"error": error.code})
    return Check("server", True, "server-answers", {"server": client.whoami().server})
