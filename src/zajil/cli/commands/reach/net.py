"""`net`: the routes to the server, bridges and proxies, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from zajil.cli.commands.options import Json
from zajil.cli.frame import run_with_client
from zajil.cli.texts.general import NOTHING_CHANGED
from zajil.cli.texts.reach import net as words

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from rich.table import Table

    from zajil.client import Client
    from zajil.client.state.reach import ReachSettings
    from zajil.protocol.path import PathView, Try

Way: TypeAlias = Literal["wss", "wss-browser", "poll", "socks", "pt"]
Choice: TypeAlias = Literal["speed", "privacy", "only"]
_PREFERENCES = {"speed": "speed", "privacy": "privacy", "only": "privacy-only"}
_KIB = 1024


def probe(
    context: typer.Context,
    *,
    only: Annotated[
        Way | None, typer.Option("--only", metavar="wss|wss-browser|poll|socks|pt", help=words.ONLY_OPTION())
    ] = None,
    json: Json = False,
) -> None:
    """One race, watched: a table of every route with what was measured. Exit 3 where none was found."""
    from zajil.cli.failures import UNREACHABLE, Failed
    from zajil.cli.output import console, print_json

    async def watched(client: Client) -> None:
        view = await _watch(client, only) if console().is_terminal and not json else await _last(client, only)
        found = any(each.chosen for each in view.tries)
        if json:
            print_json(
                {"state": view.state, "via": route_host(view), "routes": [route_row(each) for each in view.tries]}
            )
        else:
            if not console().is_terminal and view.tries:
                console().print(_table(client, view))
            if view.tries or only is None:
                _say_state(client, view)
        if not view.tries and only is not None:
            raise Failed("no-route-so", exit_code=UNREACHABLE, how=only)
        if not found:
            raise Failed("no-route", exit_code=UNREACHABLE)

    run_with_client(context, watched)


def forget(context: typer.Context) -> None:
    """Forget what was remembered of networks."""
    from zajil.cli.output import console

    async def forgotten(client: Client) -> None:
        client.forget_networks()
        console().print(words.FORGOTTEN())

    run_with_client(context, forgotten)


def add(
    context: typer.Context, link: Annotated[str, typer.Argument(metavar="LINK", help=words.LINK_ARGUMENT())]
) -> None:
    """Take the bridges of a link."""
    from zajil.cli.output import console
    from zajil.cli.typed.links import check_no_person

    check_no_person(link)

    async def added(client: Client) -> None:
        await client.add_bridges(link)
        console().print(words.ADDED(count=client.bridges()))

    run_with_client(context, added)


def remove(
    context: typer.Context, *, yes: Annotated[bool, typer.Option("--yes", help=words.REMOVE_YES_OPTION())] = False
) -> None:
    """Drop all private bridges, if that is meant: a bridge cannot be had back without its link."""
    from zajil.cli.asking import agrees, can_ask
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import console

    async def removed(client: Client) -> None:
        held = client.bridges()
        if not held:
            console().print(words.NONE_TO_REMOVE())
            return
        if not yes and not can_ask():
            raise Failed("remove-unasked", exit_code=USAGE, count=held)
        if not yes and not agrees(words.REMOVE_QUESTION(count=held)):
            console().print(NOTHING_CHANGED())
            return
        console().print(words.REMOVED(count=client.remove_bridges()))

    run_with_client(context, removed)


def share(
    context: typer.Context,
    *,
    qr: Annotated[bool, typer.Option("--qr", help=words.QR_OPTION())] = False,
    json: Json = False,
) -> None:
    """A link with fresh bridges for somebody else, alone on its line."""
    from zajil.cli.output import print_json
    from zajil.cli.qr import print_qr

    async def shared(client: Client) -> None:
        found = await client.share_bridges()
        if json:
            print_json({"link": found.link, "left": found.left})
            return
        typer.echo(found.link)
        if qr:
            print_qr(found.link)

    run_with_client(context, shared)


def proxy(
    context: typer.Context,
    address: Annotated[str, typer.Argument(metavar="ADDRESS|off", help=words.PROXY_ARGUMENT())] = "",
) -> None:
    """Show, set or drop the SOCKS5 proxy."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import console
    from zajil.protocol.errors import HomeError
    from zajil.protocol.path import Preference

    async def set_(client: Client) -> None:
        if address:
            try:
                _change(client, socks="" if address == "off" else address)
            except HomeError as refused:
                if refused.code != "bad-link":
                    raise
                raise Failed("bad-proxy", exit_code=USAGE) from None
        held = client.reach_settings()
        console().print(words.PROXY_NOW(proxy=held.socks) if held.socks else words.PROXY_NONE())
        if not address or not held.socks:
            return
        if held.preference is Preference.SPEED:
            console().print(words.PROXY_USE(), style="dim")
        if not await client.proxy_answers():
            console().print(words.PROXY_SILENT(), style="yellow")

    run_with_client(context, set_)


def prefer(
    context: typer.Context,
    what: Annotated[Choice | None, typer.Argument(metavar="speed|privacy|only", help=words.PREFER_ARGUMENT())] = None,
) -> None:
    """Show or set what counts in choosing."""
    from zajil.cli.output import console
    from zajil.protocol.path import Preference

    async def set_(client: Client) -> None:
        if what is not None:
            _change(client, preference=Preference(_PREFERENCES[what]))
        held = client.reach_settings().preference.value
        console().print(words.PREFER_NOW(preference={v: k for k, v in _PREFERENCES.items()}[held]))

    run_with_client(context, set_)


def _change(client: Client, **fields: object) -> ReachSettings:
    import msgspec

    settings = msgspec.structs.replace(client.reach_settings(), **fields)
    client.set_reach_settings(settings)
    return settings


async def _last(client: Client, only: Way | None) -> PathView:
    """The view in which a probe ended."""
    views = [view async for view in _probe(client, only)]
    return views[-1]


async def _watch(client: Client, only: Way | None) -> PathView:
    """The same, with the table moving meanwhile."""
    from rich.live import Live

    from zajil.cli.output import console

    view = client.routes()
    with Live(_table(client, view), console=console(), refresh_per_second=8) as live:
        async for view in _probe(client, only):
            live.update(_table(client, view))
    return view


def _probe(client: Client, only: Way | None) -> AsyncIterator[PathView]:
    from zajil.protocol.path import Strategy

    return client.probe(only=None if only is None else Strategy(only))


def _table(client: Client, view: PathView) -> Table:
    """Every candidate in the order of trial."""
    from rich.table import Table
    from rich.text import Text as Styled

    table = Table(box=None, pad_edge=False, header_style="bold")
    for number, title in enumerate(words.COLUMNS):
        table.add_column(title(), justify="right" if number > 2 else "left", overflow="fold")
    for each, name in zip(view.tries, _names(view), strict=True):
        mode = f" ({words.IN_PIECES()})" if each.mode.value == "segmented" else ""
        table.add_row(
            ("→ " if each.chosen else "  ") + name,
            each.candidate.strategy.value + mode,
            Styled(_result(client, each), style="green" if each.chosen else "red" if each.result == "failed" else ""),
            _ms(each.connect_ms),
            _ms(each.usable_ms),
            f"{each.echo_bytes // _KIB} KiB · {each.echo_ms} ms" if each.echo_bytes else "",
        )
    return table


def _names(view: PathView) -> list[str]:
    """How each route is called. Private bridges are numbered: a table may be shown around."""
    from zajil.cli.untrusted import clean_name

    private: dict[str, int] = {}
    names = []
    for each in view.tries:
        endpoint = each.candidate.endpoint
        host = clean_name(endpoint.host)
        if endpoint.private:
            names.append(words.PRIVATE(number=private.setdefault(endpoint.id, len(private) + 1)))
        elif endpoint.kind.value == "origin":
            names.append(words.DIRECT_ROUTE(host=host))
        else:
            names.append((words.FRONT_ROUTE if endpoint.kind.value == "front" else words.BRIDGE_ROUTE)(host=host))
    return names


def _result(client: Client, each: Try) -> str:
    package = client.missing_package(each.candidate)
    if package is not None:
        return words.NOT_INSTALLED(package=package)
    said = words.RESULTS[each.result]()
    reason = words.REASONS.get(each.reason)
    return f"{said}: {reason()} ({each.stage})" if each.result == "failed" and reason is not None else said


def _ms(value: int) -> str:
    return f"{value} ms" if value else ""


def route_row(each: Try) -> dict[str, object]:
    """The JSON of one route; a private one without its host."""
    endpoint = each.candidate.endpoint
    return {
        "kind": endpoint.kind.value,
        "host": "" if endpoint.private else endpoint.host,
        "private": endpoint.private,
        "strategy": each.candidate.strategy.value,
        "mode": each.mode.value,
        "result": each.result or "untried",
        "stage": each.stage,
        "reason": each.reason,
        "connect_ms": each.connect_ms,
        "usable_ms": each.usable_ms,
        "echo_bytes": each.echo_bytes,
        "echo_ms": each.echo_ms,
        "chosen": each.chosen,
    }


def route_host(view: PathView) -> str:
    """Host of the route for JSON; "" where it is a private one, as in its row."""
    return "" if any(each.chosen and each.candidate.endpoint.private for each in view.tries) else view.via


def route_sentence(client: Client, view: PathView) -> str:
    """`Direct: straight to HOST.`: which way is used, or why none is; a private bridge by its number."""
    from zajil.cli.untrusted import clean_name

    host = clean_name(view.via or client.server)
    private = next((name for each, name in zip(view.tries, _names(view), strict=True) if each.chosen), "")
    return words.STATES[view.state](host=private if view.state == "via" else host)


def _say_state(client: Client, view: PathView) -> None:
    from zajil.cli.output import console

    console().print()
    console().print(route_sentence(client, view))
    if view.state == "blocked":
        for line in words.BLOCKED_HELP:
            console().print(f"  {line()}", style="dim")
