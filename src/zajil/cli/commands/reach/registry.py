"""`admin bridges`: who runs one, which are public, and the codes they join with; on the server's data folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.reach import registry as words

if TYPE_CHECKING:
    from zajil.bridges.registry.operator import KnownBridge

BridgeId = Annotated[str, typer.Argument(metavar="ID", help=words.ID_ARGUMENT())]


def list_(*, data: DataFolder = None, json: Json = False) -> None:
    """Every bridge that joined, one a line."""
    from zajil.cli.output import console, print_json
    from zajil.cli.times import day
    from zajil.server.admin import list_bridges

    found = list_bridges(existing_data(decide_data(data)))
    if json:
        print_json([_row(bridge) for bridge in found])
        return
    if not found:
        console().print(words.NONE())
    width = max((len(_address(bridge)) for bridge in found), default=0)
    for bridge in found:
        kind = words.PUBLIC_KIND() if bridge.public else words.PRIVATE_KIND()
        about = f"{words.TOKENS(count=bridge.tokens)} · {words.JOINED(day=day(bridge.day * 86_400 + 43_200))}"
        console().print(f"{_id(bridge)}  {_address(bridge):<{width}}  {kind} · {about}")


def invite(*, data: DataFolder = None, json: Json = False) -> None:
    """One code, alone on its line."""
    from zajil.cli.output import print_json
    from zajil.server.admin import invite_bridge

    code, expires = invite_bridge(existing_data(decide_data(data)))
    if json:
        print_json({"code": code, "expires": expires})
        return
    typer.echo(code)


def public(bridge: BridgeId, *, data: DataFolder = None, json: Json = False) -> None:
    """Make a bridge public."""
    from zajil.cli.failures import Failed, as_failed
    from zajil.cli.output import console, print_json
    from zajil.engine.keys import KeyFileError
    from zajil.protocol.errors import Limited
    from zajil.server.admin import publish_bridge

    folder = existing_data(decide_data(data))
    found = _find(folder, bridge)
    try:
        publish_bridge(folder, found.id)
    except Limited as error:
        raise Failed("many-bridges") from error
    except KeyFileError as error:
        raise as_failed(error) from error
    if json:
        print_json(_row(found._replace(public=True)))
        return
    console().print(words.PUBLISHED(host=found.host))


def remove(bridge: BridgeId, *, data: DataFolder = None, json: Json = False) -> None:
    """Forget a bridge."""
    from zajil.cli.output import console, print_json
    from zajil.server.admin import remove_bridge

    folder = existing_data(decide_data(data))
    found = _find(folder, bridge)
    remove_bridge(folder, found.id)
    if json:
        print_json({"id": _id(found), "host": found.host, "removed": True})
        return
    console().print(words.REMOVED(host=found.host))


def _find(folder: Path, name: str) -> KnownBridge:
    """The bridge of this id, or of this host where one alone has it. Raises Failed `no-bridge`."""
    from zajil.cli.failures import Failed
    from zajil.cli.untrusted import clean_name
    from zajil.server.admin import list_bridges

    found = [bridge for bridge in list_bridges(folder) if name in {_id(bridge), bridge.host}]
    if len(found) != 1:
        raise Failed("no-bridge", name=clean_name(name))
    return found[0]


def _row(bridge: KnownBridge) -> dict[str, object]:
    return {**bridge._asdict(), "id": _id(bridge)}


def _id(bridge: KnownBridge) -> str:
    from zajil.protocol.ids import encode_b64

    return encode_b64(bridge.id)


def _address(bridge: KnownBridge) -> str:
    port = "" if bridge.port == 443 else f":{bridge.port}"
    return f"{bridge.host}{port}/{bridge.dir}"
