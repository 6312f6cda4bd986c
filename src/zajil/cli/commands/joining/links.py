"""`group link`, `group requests`, `join`: into a group by a link, with approval."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zajil.cli.commands.groups import kept
from zajil.cli.commands.options import ChatName, Json
from zajil.cli.commands.people.strangers import led_by_link
from zajil.cli.frame import run_with_client
from zajil.cli.texts import chats
from zajil.cli.texts.talk import joins as words

if TYPE_CHECKING:
    from zajil.client import Client
    from zajil.client.views import Chat, JoinRequestView, JoinView

_LONGEST_S = 365 * 86_400


def link(
    context: typer.Context,
    chat: ChatName,
    *,
    auto: Annotated[bool, typer.Option("--auto", help=words.AUTO_OPTION())] = False,
    expires: Annotated[str, typer.Option("--expires", metavar="TIME", help=words.EXPIRES_OPTION())] = "7d",
    revoke: Annotated[
        str | None, typer.Option("--revoke", metavar="ID", help=words.REVOKE_OPTION(), show_default=False)
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help=words.LIST_OPTION())] = False,
    json: Json = False,
) -> None:
    """Make a link, alone on stdout so that it can be piped; end one, or list those that hold."""
    from zajil.cli.hints import name_to_type, suggest
    from zajil.cli.output import console, error_console, print_json
    from zajil.cli.typed.spans import parse_span

    seconds = parse_span(expires, most_s=_LONGEST_S)

    async def told(client: Client) -> None:
        group = client.find_chat(chat)
        if revoke is not None:
            ended = _find_link(client, group, revoke)
            await kept(client.revoke_group_link(group, ended), chats.CHANGE_KEPT)
            if not json:
                console().print(words.REVOKED())
        elif not list_:
            made = await kept(client.make_group_link(group, auto=auto, seconds=seconds), chats.CHANGE_KEPT)
            if json:
                print_json(_link_row(made.id, made.policy, made.expires_at, made.link))
                return
            typer.echo(made.link or "")
            if auto:
                error_console().print(words.LINK_AUTO(), style="dim")
            else:
                suggest(words.LINK_ASK(), "group", "requests", name_to_type(client, group))
            return
        _tell_links(client, group, json=json)

    run_with_client(context, told)


def _tell_links(client: Client, group: Chat, *, json: bool) -> None:
    from zajil.cli.output import console, print_json
    from zajil.cli.times import clock, day

    found = client.group_links(group)
    if json:
        print_json([_link_row(one.id, one.policy, one.expires_at, one.link) for one in found])
        return
    if not found:
        console().print(words.NO_LINKS(), style="dim")
    for one in found:
        console().print(f"{one.id}  ", style="dim", end="")
        until = f"{day(one.expires_at)} {clock(one.expires_at)}"
        console().print(words.LINK_LINE(policy=words.POLICIES[one.policy](), until=until))
        if one.link is not None:
            console().print(f"  {one.link}", style="cyan", soft_wrap=True)


def _link_row(id_: str, policy: str, expires_at: int, link: str | None) -> dict[str, object]:
    return {"id": id_, "policy": policy, "expires_at": expires_at, "link": link}


def _find_link(client: Client, group: Chat, text: str) -> str:
    """The id of the link of this group that a text names. Raises Failed `no-link`, `many-links`."""
    from zajil.cli.hints import command_line, name_to_type
    from zajil.cli.typed.links import find_own_link
    from zajil.protocol.errors import HomeError
    from zajil.protocol.identity.grouplinks import parse_group_link
    from zajil.protocol.ids import encode_b64

    try:
        named = encode_b64(parse_group_link(text).invite_id)
    except HomeError:
        named = None
    listed = command_line("group", "link", name_to_type(client, group), "--list")
    return find_own_link(text, [one.id for one in client.group_links(group)], named=named, listed=listed)


def requests(
    context: typer.Context,
    chat: ChatName,
    action: Annotated[
        Literal["accept", "decline"] | None, typer.Argument(metavar="[accept|decline]", help=words.ACTION_ARGUMENT())
    ] = None,
    who: Annotated[str | None, typer.Argument(metavar="[ID]", help=words.WHO_ARGUMENT())] = None,
    *,
    json: Json = False,
) -> None:
    """Who asks to be let in, and the answer to one of them."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import console, print_json
    from zajil.cli.reading import sync_or_say
    from zajil.cli.untrusted import clean_name, isolate

    if action is not None and who is None:
        raise Failed("no-request-id", exit_code=USAGE)

    async def told(client: Client) -> None:
        group = client.find_chat(chat)
        await sync_or_say(client)
        if action is not None and who is not None:
            one = _find(client, group, who)
            await kept(_answer(client, group, one, accept=action == "accept"), chats.CHANGE_KEPT)
            if not json:
                said = words.ACCEPTED if action == "accept" else words.DECLINED
                console().print(said(name=clean_name(one.name)))
        found = client.join_requests(group)
        if json:
            print_json([_request_row(one) for one in found])
            return
        if not found:
            console().print(words.NO_REQUESTS(), style="dim")
        for one in found:
            console().print(f"{one.id}  ", style="dim", end="")
            console().print(isolate(clean_name(one.name)), style="bold", end="")
            notes = [words.REMOVED_BEFORE()] if one.removed_before else []
            notes += [words.BEING_ADDED()] if one.accepted else []
            console().print("".join(f"  {note}" for note in notes), style="dim")

    run_with_client(context, told)


async def _answer(client: Client, group: Chat, one: JoinRequestView, *, accept: bool) -> None:
    await (client.accept_join(group, one.id) if accept else client.decline_join(group, one.id))


def _find(client: Client, group: Chat, who: str) -> JoinRequestView:
    """The request of this id or name. Raises Failed `no-request`."""
    from zajil.cli.failures import Failed

    found = client.join_requests(group)
    matching = [one for one in found if one.id == who] or [one for one in found if one.name == who]
    if len(matching) != 1:
        raise Failed("no-request")
    return matching[0]


def _request_row(one: JoinRequestView) -> dict[str, object]:
    row = {"id": one.id, "name": one.name, "at": one.at}
    return row | {"removed_before": one.removed_before, "accepted": one.accepted}


def join(
    context: typer.Context,
    link: Annotated[str | None, typer.Argument(metavar="[LINK]", help=words.JOIN_ARGUMENT())] = None,
    *,
    json: Json = False,
) -> None:
    """Ask to be let into a group by its link; without one, what this device asked for."""
    from zajil.cli.hints import suggest
    from zajil.cli.output import console, print_json
    from zajil.cli.reading import sync_or_say
    from zajil.cli.typed.links import check_no_bridges, check_no_person
    from zajil.cli.untrusted import clean_name

    if link is not None:
        check_no_person(link)
        check_no_bridges(link)

    async def told(client: Client) -> None:
        if link is not None:
            with led_by_link():
                asked = await client.join_group(link)
            if not json:
                console().print(words.ASKED(title=clean_name(asked.title)))
                suggest(words.ASKED_HINT(), "join")
                return
            print_json(_join_row(asked))
            return
        await sync_or_say(client)
        found = client.joins()
        if json:
            print_json([_join_row(one) for one in found])
            return
        if not found:
            console().print(words.NO_JOINS(), style="dim")
        for one in found:
            console().print(words.JOIN_LINE(title=clean_name(one.title), state=words.JOIN_STATES[one.state]()))

    run_with_client(context, told)


def _join_row(one: JoinView) -> dict[str, object]:
    row: dict[str, object] = {"group": one.group, "title": one.title, "approver": one.approver}
    return row | {"at": one.at, "expires_at": one.expires_at, "state": one.state}
