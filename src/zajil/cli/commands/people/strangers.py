"""`contact-link`, `requests`, `block`, `unblock`, `username`: who reaches this account."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zajil.cli.commands.options import Json
from zajil.cli.frame import run_with_client
from zajil.cli.texts.people import strangers as words
from zajil.cli.texts.text import PROGRAM

if TYPE_CHECKING:
    from zajil.client import Chat, Client
    from zajil.client.views import ContactRequest, LinkInUse

_DAY_S = 86_400
_SHOWN = 8
"""Characters of a link's id in the list."""
LinkAction = Literal["list", "revoke"]
RequestAction = Literal["accept", "decline", "block"]


def contact_link(
    context: typer.Context,
    action: Annotated[
        LinkAction | None, typer.Argument(metavar="[list|revoke]", help=words.LINK_ACTION(), show_default=False)
    ] = None,
    link: Annotated[str | None, typer.Argument(metavar="[ID]", help=words.LINK_ID(), show_default=False)] = None,
    *,
    once: Annotated[bool, typer.Option("--once", help=words.ONCE_OPTION())] = False,
    uses: Annotated[
        int | None, typer.Option("--uses", metavar="N", min=1, max=100, help=words.USES_OPTION(), show_default=False)
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", metavar="7d", help=words.EXPIRES_OPTION(), show_default=False)
    ] = None,
    ask: Annotated[bool, typer.Option("--ask", help=words.ASK_OPTION())] = False,
    json: Json = False,
) -> None:
    """A fresh contact link, alone on its line so that it can be piped; or the links there are."""
    from zajil.cli.output import console, print_json
    from zajil.cli.times import clock, day
    from zajil.cli.typed.spans import parse_span
    from zajil.cli.untrusted import clean_name
    from zajil.client.contacting import LINK_DAYS, LINK_DAYS_MAX, LINK_USES

    if (action == "revoke") != (link is not None):
        raise typer.BadParameter(words.LINK_ID())
    if once and uses is not None:
        raise typer.BadParameter(words.ONCE_OR_USES())
    lifetime_s = LINK_DAYS * _DAY_S if expires is None else parse_span(expires, most_s=LINK_DAYS_MAX * _DAY_S)

    async def told(client: Client) -> None:
        if action == "list":
            found = await _links_of_now(client)
            if json:
                print_json(
                    [
                        {"id": o.id, "uses_left": o.uses_left, "expires_at": o.expires_at, "group": o.group or None}
                        for o in found
                    ]
                )
                return
            for one in found:
                console().print(f"{one.id.lstrip('-')[:_SHOWN]}  ", style="dim", end="")
                until = f"{day(one.expires_at)} {clock(one.expires_at)}"
                into = f"  {words.LINK_INTO(title=clean_name(one.group))}" if one.group else ""
                console().print(words.LINK_ROW(left=one.uses_left, until=until) + into)
            if not found:
                console().print(words.NO_LINKS(), style="dim")
        elif link is not None:
            gone = await client.revoke_link(await _find_link(client, link))
            print_json({"id": gone.id}) if json else console().print(words.LINK_REVOKED())
        else:
            number = 1 if once else uses or LINK_USES
            made = await (
                client.request_link(lifetime_s=lifetime_s)
                if ask
                else client.contact_link(uses=number, lifetime_s=lifetime_s)
            )
            print_json({"link": made}) if json else typer.echo(made)

    run_with_client(context, told)


async def _links_of_now(client: Client) -> list[LinkInUse]:
    """As the server has them once it heard what it lacks: one that came back from a backup lists those of then."""
    from zajil.cli.reading import FILES_WAIT
    from zajil.protocol.errors import ZajilError

    try:
        await client.sync()
    except ZajilError as error:
        if error.code not in FILES_WAIT:
            raise
    return await client.contact_links()


async def _find_link(client: Client, text: str) -> str:
    """The id of the own link that a text names. Raises Failed `no-link`, `many-links`.

    One into a group is ended there: without its token it would still stand in the group, and lead nowhere.
    """
    from zajil.cli.failures import Failed
    from zajil.cli.hints import command_line
    from zajil.cli.typed.links import find_own_link
    from zajil.cli.untrusted import clean_name
    from zajil.client.contacting import id_in_link

    groups = {one.id: one.group for one in await _links_of_now(client)}
    found = find_own_link(text, list(groups), named=id_in_link(text), listed=command_line("contact-link", "list"))
    if groups[found]:
        title = clean_name(groups[found])
        hint = f"{words.ALL_LINKS()}  {command_line('group', 'link', title, '--list')}"
        raise Failed("no-link", sentence=words.LINK_OF_GROUP(title=title), hint=hint)
    return found


@contextmanager
def led_by_link() -> Iterator[None]:
    """What the server refuses here it refuses as the token of the link that was typed counts no more."""
    from zajil.cli.failures import Failed
    from zajil.protocol.errors import Refused

    try:
        yield
    except Refused as problem:
        if problem.code != "not-allowed":
            raise
        raise Failed("not-allowed", sentence=words.LINK_OVER(), hint=words.LINK_OVER_HINT()) from problem


def requests(
    context: typer.Context,
    action: Annotated[
        RequestAction | None,
        typer.Argument(metavar="[accept|decline|block]", help=words.REQUEST_ACTION(), show_default=False),
    ] = None,
    request: Annotated[str | None, typer.Argument(metavar="[ID]", help=words.REQUEST_ID(), show_default=False)] = None,
    *,
    json: Json = False,
) -> None:
    """Who asks; or accept, decline or block one."""
    from zajil.cli.hints import name_to_type, suggest
    from zajil.cli.output import console, print_json
    from zajil.cli.reading import sync_or_say
    from zajil.cli.untrusted import clean_name

    if (action is None) != (request is None):
        raise typer.BadParameter(words.REQUEST_ACTION())

    async def told(client: Client) -> None:
        await sync_or_say(client)
        if action is None or request is None:
            _print_requests(client, json=json)
            return
        found = _find(client, request)
        accepted: Chat | None = None
        if action == "accept":
            accepted = await client.accept_request(found.id)
        elif action == "decline":
            client.decline_request(found.id)
        else:
            client.block_request(found.id)
        await sync_or_say(client)
        if json:
            print_json({"id": found.id, "account": found.account, "action": action})
            return
        done = {"accept": words.REQUEST_ACCEPTED, "decline": words.REQUEST_DECLINED, "block": words.BLOCKED_NOW}
        console().print(done[action](name=clean_name(found.name)))
        if accepted is not None:
            suggest(words.CHAT_NEXT(), "read", name_to_type(client, accepted))

    run_with_client(context, told)


def _print_requests(client: Client, *, json: bool) -> None:
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_name, clean_text, isolate

    waiting = client.requests()
    if json:
        print_json(
            [
                {
                    "id": one.id,
                    "account": one.account,
                    "name": one.name,
                    "text": one.text,
                    "sent_at": one.sent_at,
                    "resembles": one.resembles,
                }
                for one in waiting
            ]
        )
        return
    for one in waiting:
        console().print(f"{one.id}  ", style="dim", end="")
        console().print(isolate(clean_name(one.name)), style="bold")
        if one.text:
            console().print(f"  {isolate(clean_text(one.text))}")
        if one.resembles:
            console().print(f"  {words.RESEMBLES(name=clean_name(one.resembles))}", style="yellow")
    if waiting:
        command = f"{PROGRAM.get()} requests accept {waiting[0].id}"
        console().print(words.REQUEST_HOW(command=command), style="dim")
    else:
        console().print(words.NO_REQUESTS(), style="dim")


def _find(client: Client, text: str) -> ContactRequest:
    """Raises `gone`, and `ambiguous-name` where two have this name."""
    from zajil.client.listing import find_named

    return find_named(text, client.requests(), name=lambda one: one.name, unknown="gone")


def block(
    context: typer.Context,
    who: Annotated[str, typer.Argument(metavar="PERSON", help=words.PERSON())],
    *,
    json: Json = False,
) -> None:
    """Nothing of this person reaches or shows any more."""
    _set_blocked(context, who, json=json, blocked=True)


def unblock(
    context: typer.Context,
    who: Annotated[str, typer.Argument(metavar="PERSON", help=words.PERSON())],
    *,
    json: Json = False,
) -> None:
    """Take a block back."""
    _set_blocked(context, who, json=json, blocked=False)


def _set_blocked(context: typer.Context, who: str, *, json: bool, blocked: bool) -> None:
    from zajil.cli.commands.contacts import find_person
    from zajil.cli.output import console, print_json
    from zajil.cli.reading import sync_or_say
    from zajil.cli.untrusted import clean_name

    async def told(client: Client) -> None:
        person = find_person(client, who)
        (client.block if blocked else client.unblock)(person)
        await sync_or_say(client)
        if json:
            print_json({"id": person.id, "name": person.name, "blocked": blocked})
            return
        done = words.BLOCKED_NOW if blocked else words.UNBLOCKED_NOW
        console().print(done(name=clean_name(person.name)))

    run_with_client(context, told)


def ask_person(context: typer.Context, name: str, text: str | None, *, json: bool) -> None:
    """`add @name`: a contact request to whoever has this username."""
    from zajil.cli.commands.chats import chat_row
    from zajil.cli.output import print_json
    from zajil.protocol.contacts.usernames import parse_username

    async def asked(client: Client) -> None:
        with as_username():
            account = await client.find_username(name)
        before = client.chat_with(account)
        said = text or ("" if before else words.HELLO())
        chat = await client.request_contact(account, said, name=parse_username(name))
        if json:
            print_json(chat_row(chat))
        else:
            say_added(client, chat, before, text)

    run_with_client(context, asked)


@contextmanager
def as_username() -> Iterator[None]:
    """What is said of handles in general, said of a username. Raises Failed of the same code."""
    from zajil.cli.failures import Failed
    from zajil.protocol.errors import ZajilError

    said = {"bad-handle": (words.USERNAME_BAD, ""), "handle-taken": (words.USERNAME_TAKEN, words.USERNAME_OTHER())}
    try:
        yield
    except ZajilError as error:
        if error.code not in said:
            raise
        sentence, hint = said[error.code]
        raise Failed(error.code, sentence=sentence(), hint=hint) from error


def set_username(
    context: typer.Context,
    name: Annotated[str, typer.Argument(metavar="NAME", help=words.USERNAME_ARGUMENT())],
    *,
    json: Json = False,
) -> None:
    """Take a username."""
    from zajil.cli.output import console, print_json

    async def done(client: Client) -> None:
        with as_username():
            taken = await client.set_username(name)
        print_json({"username": taken}) if json else console().print(words.USERNAME_NOW(name=taken))

    run_with_client(context, done)


def show_username(context: typer.Context, *, json: Json = False) -> None:
    """The username of this account, as this device knows it."""
    from zajil.cli.output import console, print_json

    async def done(client: Client) -> None:
        name = client.username()
        if json:
            print_json({"username": name})
        else:
            console().print(words.USERNAME_NONE() if name is None else f"@{name}")

    run_with_client(context, done)


def release_username(context: typer.Context, *, json: Json = False) -> None:
    """Give the username up."""
    from zajil.cli.output import console, print_json

    async def done(client: Client) -> None:
        name = await client.release_username()
        print_json({"username": None}) if json else console().print(words.USERNAME_RELEASED(name=name))

    run_with_client(context, done)


def say_added(client: Client, chat: Chat, before: Chat | None, text: str | None) -> None:
    """What `add` brought: a contact, a request that waits, or what there was before; and what to do next.

    text: what was said with it, None for nothing but a greeting, which nobody gets twice.
    """
    from zajil.cli.hints import name_to_type, suggest
    from zajil.cli.output import console
    from zajil.cli.reading import title_of

    name, typed = title_of(chat), name_to_type(client, chat)
    if chat.pending:
        console().print((words.REQUEST_SENT if before is None else words.REQUEST_WAITS)(name=name))
        if before is not None and text:
            console().print(words.TEXT_WAITS(name=name))
        if before is None:
            suggest(words.ANSWER_NEXT(), "sync")
    elif before is not None and not before.pending:
        console().print(words.KNOWN_ALREADY(name=name))
        suggest(words.CHAT_NEXT(), "read", typed)
    else:
        console().print(words.ADDED(name=name))
        suggest(words.HELLO_NEXT(), "send", typed, words.HELLO_EXAMPLE())
