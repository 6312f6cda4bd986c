"""`serve`, `admin invite|disclose|delete-account`, `data-inventory`: the server's side, on its data folder."""

from __future__ import annotations

import enum
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data
from zajil.cli.texts import server as words
from zajil.cli.texts.calls import relay as relay_words
from zajil.cli.texts.general import NOTHING_CHANGED
from zajil.cli.texts.lasting import ending as ending_words
from zajil.cli.texts.moderation import accounting as accounting_words
from zajil.cli.texts.reach import registry as reach_words

if TYPE_CHECKING:
    from zajil.protocol.ids import AccountId
    from zajil.server.inventory import InventoryRow

WithParent = Annotated[bool, typer.Option("--with-parent", hidden=True)]


class Registration(enum.StrEnum):
    """Who may register."""

    INVITE = "invite"
    WORK = "work"
    BOTH = "both"
    OPEN = "open"


def serve(
    *,
    data: DataFolder = None,
    host: Annotated[
        str | None, typer.Option("--host", metavar="HOST", help=words.HOST_OPTION(), show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option("--port", metavar="PORT", min=0, max=65535, help=words.PORT_OPTION(), show_default="8440"),
    ] = None,
    registration: Annotated[
        Registration | None,
        typer.Option(
            "--registration", metavar="invite|work|both|open", help=words.REGISTRATION_OPTION(), show_default="invite"
        ),
    ] = None,
    database: Annotated[
        str | None,
        typer.Option("--database", metavar="URL", help=words.DATABASE_OPTION(), show_default=False),
    ] = None,
    bus: Annotated[
        str | None,
        typer.Option("--bus", metavar="URL", help=words.BUS_OPTION(), show_default=False),
    ] = None,
    metrics_port: Annotated[
        int | None,
        typer.Option(
            "--metrics-port", metavar="PORT", min=0, max=65535, help=words.METRICS_OPTION(), show_default=False
        ),
    ] = None,
    dev: Annotated[bool, typer.Option("--dev", help=words.DEV_OPTION())] = False,
    relay: Annotated[bool, typer.Option("--relay", help=relay_words.RELAY_OPTION())] = False,
    with_parent: WithParent = False,
) -> None:
    """Run a server until SIGTERM or Ctrl-C; prints its address once it listens."""
    import errno

    from zajil.cli.failures import Failed, as_failed
    from zajil.cli.resident.lifeline import end_with_parent
    from zajil.engine.keys import KeyFileError
    from zajil.server.config import ConfigError, load_settings
    from zajil.server.main import serve as serve_until_stopped

    if with_parent:
        end_with_parent()
    try:
        serve_until_stopped(
            decide_data(data),
            host=host,
            port=port,
            registration=registration.value if registration else None,
            database=database,
            bus=bus,
            metrics_port=metrics_port,
            dev=True if dev else None,
            relay=relay,
            tell_root=lambda file: typer.echo(reach_words.ROOT_MADE(file=str(file))),
        )
    except (ConfigError, KeyFileError) as error:
        raise as_failed(error) from error
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise Failed("port-busy", port=str(load_settings(decide_data(data), port=port).port)) from error


def invite(
    *,
    data: DataFolder = None,
    uses: Annotated[
        int, typer.Option("--uses", metavar="N", min=1, max=10_000, help=words.USES_OPTION(), show_default="1")
    ] = 1,
    link: Annotated[bool, typer.Option("--link", help=words.LINK_OPTION())] = False,
    qr: Annotated[bool, typer.Option("--qr", help=words.QR_OPTION())] = False,
    front: Annotated[str | None, typer.Option("--front", metavar="URL", help=words.FRONT_OPTION())] = None,
    json: Json = False,
) -> None:
    """One invite, alone on its line: a code, or a link that carries it; with --qr the link as a QR code too."""
    from zajil.cli.failures import as_failed
    from zajil.cli.output import print_json
    from zajil.cli.qr import print_qr
    from zajil.engine.keys import KeyFileError
    from zajil.server.admin import bridges_for_guest, create_invite, link_of_invite
    from zajil.server.config import ConfigError

    folder = existing_data(decide_data(data))
    code = create_invite(folder, uses)
    try:
        # A token is made only where somebody sees it.
        bridges = bridges_for_guest(folder) if link or qr or json else None
        address = link_of_invite(folder, code, front=front, bridges=bridges)
    except (ConfigError, KeyFileError) as error:
        raise as_failed(error) from error
    if json:
        private = len(bridges.bridges) if bridges else 0
        print_json({"invite": code, "link": address, "uses": uses, "bridges": private})
        return
    typer.echo(address if link or qr else code)
    if qr:
        print_qr(address)


def disclose(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help=accounting_words.ACCOUNT_ARGUMENT())],
    *,
    reference: Annotated[str, typer.Option("--reference", metavar="TEXT", help=accounting_words.REFERENCE_OPTION())],
    data: DataFolder = None,
) -> None:
    """One JSON document: every stored column of this account, and the proof that the disclosure is logged."""
    import msgspec

    from zajil.cli.failures import USAGE, Failed, as_failed
    from zajil.cli.output import print_json
    from zajil.engine.keys import KeyFileError
    from zajil.server.admin import disclose as disclose_account
    from zajil.server.config import ConfigError

    account_id = _account_id(account)
    if not reference.strip():
        raise Failed("no-reference", exit_code=USAGE)
    try:
        document = disclose_account(existing_data(decide_data(data)), account_id, reference=reference.strip())
    except (ConfigError, KeyFileError) as error:
        raise as_failed(error) from error
    if document is None:
        raise Failed("no-account", account=account)
    print_json(msgspec.to_builtins(document))


def delete_account(
    account: Annotated[str, typer.Argument(metavar="ACCOUNT", help=accounting_words.ACCOUNT_ARGUMENT())],
    *,
    data: DataFolder = None,
    yes: Annotated[bool, typer.Option("--yes", help=ending_words.YES_OPTION())] = False,
    json: Json = False,
) -> None:
    """Asks on a terminal; without one `--yes` is needed. In JSON also the salt of its entry, which nothing else has."""
    from zajil.cli.asking import agrees, can_ask
    from zajil.cli.failures import USAGE, Failed, as_failed
    from zajil.cli.output import console, print_json
    from zajil.engine.keys import KeyFileError
    from zajil.protocol.ids import encode_b64
    from zajil.server.accounting.ending import end_account
    from zajil.server.config import ConfigError

    account_id, folder = _account_id(account), existing_data(decide_data(data))
    if not yes and not can_ask():
        raise Failed("not-asked", exit_code=USAGE)
    if not yes and not agrees(accounting_words.DELETE_QUESTION(account=account)):
        console().print(NOTHING_CHANGED())
        return
    try:
        ended = end_account(folder, account_id)
    except (ConfigError, KeyFileError) as error:
        raise as_failed(error) from error
    if ended == "unknown":
        raise Failed("no-account", account=account)
    if json:
        entry = None if ended == "before" else {"n": ended.n, "salt": encode_b64(ended.salt)}
        print_json({"account": account, "ended": True, "entry": entry})
    elif ended == "before":
        console().print(accounting_words.ENDED_BEFORE())
    else:
        console().print(accounting_words.ENDED(n=ended.n))


def _account_id(text: str) -> AccountId:
    """Raises Failed `bad-account`."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.protocol.errors import Malformed
    from zajil.protocol.ids import ID_BYTES, AccountId, parse_b64

    try:
        return AccountId(parse_b64(text, size=ID_BYTES))
    except Malformed as error:
        raise Failed("bad-account", exit_code=USAGE) from error


def data_inventory(*, data: DataFolder = None, json: Json = False) -> None:
    """Every table and column the server stores."""
    from zajil.cli.output import console, print_json
    from zajil.server.inventory import collect

    rows = collect(decide_data(data))
    if json:
        print_json([_inventory_row(row) for row in rows])
        return
    width = max(len(row.column) for row in rows)
    for name, columns in itertools.groupby(rows, key=lambda row: row.table):
        listed = list(columns)
        count = listed[0].rows
        console().print(name if count is None else f"{name}  {words.ROWS(count=count)}", style="bold")
        for row in listed:
            console().print(f"  {row.column:<{width}}  {row.kind:<10}  {row.purpose} · {row.retention}")


def _inventory_row(row: InventoryRow) -> dict[str, object]:
    """The JSON of one column."""
    return {
        "table": str(row.table),
        "column": str(row.column),
        "class": row.kind,
        "purpose": row.purpose,
        "retention": row.retention,
        "rows": row.rows,
    }


def existing_data(data: Path) -> Path:
    """The folder, if a server has ever run there. Raises Failed `no-data`."""
    from zajil.cli.failures import Failed

    if not data.is_dir() or not any(data.iterdir()):
        raise Failed("no-data", folder=str(data))
    return data
