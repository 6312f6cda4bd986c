"""`group create | add | remove | rename | promote | demote | leave | grow`; permissions and links are in `joining`."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from zajil.cli.commands.options import ChatName, ContactName, Json
from zajil.cli.frame import run_with_client
from zajil.cli.texts import chats as words
from zajil.cli.texts.talk import growing
from zajil.cli.texts.text import Text

if TYPE_CHECKING:
    from zajil.client import Client
    from zajil.client.views import Chat, Role

Result = TypeVar("Result")


def create(
    context: typer.Context,
    title: Annotated[str, typer.Argument(metavar="TITLE", help=words.TITLE_ARGUMENT())],
    contacts: Annotated[list[str], typer.Argument(metavar="CONTACT", help=words.CONTACTS_ARGUMENT())],
    *,
    large: Annotated[bool, typer.Option("--large", help=words.LARGE_OPTION())] = False,
    json: Json = False,
) -> None:
    """A group with these people."""
    from zajil.cli.commands.chats import chat_row
    from zajil.cli.hints import name_to_type, suggest
    from zajil.cli.output import console, error_console, print_json
    from zajil.cli.texts.people.strangers import HELLO_EXAMPLE
    from zajil.cli.untrusted import clean_name

    async def made(client: Client) -> None:
        people = [client.find_contact(name) for name in contacts]
        if large or not client.is_protected(people):
            error_console().print(words.GROUP_PLAIN())
        chat = await kept(client.create_group(title, people, large=large), words.GROUP_KEPT)
        if json:
            print_json(chat_row(chat))
        else:
            console().print(words.GROUP_CREATED(title=clean_name(title), count=len(chat.members)))
            suggest(words.GROUP_NEXT(), "send", name_to_type(client, chat), HELLO_EXAMPLE())

    run_with_client(context, made)


def add(context: typer.Context, chat: ChatName, contact: ContactName) -> None:
    """Bring someone in."""
    from zajil.cli.output import console
    from zajil.cli.untrusted import clean_name

    async def added(client: Client) -> None:
        group, person = client.find_chat(chat), client.find_contact(contact)
        await kept(client.add_member(group, person), words.CHANGE_KEPT)
        console().print(words.GROUP_ADDED(name=clean_name(person.name), title=clean_name(group.title)))

    run_with_client(context, added)


def remove(context: typer.Context, chat: ChatName, contact: ContactName) -> None:
    """Put someone out."""
    from zajil.cli.output import console
    from zajil.cli.untrusted import clean_name

    async def removed(client: Client) -> None:
        group = client.find_chat(chat)
        person = client.find_member(group, contact)
        await kept(client.remove_member(group, person), words.CHANGE_KEPT)
        console().print(words.GROUP_REMOVED(name=clean_name(person.name), title=clean_name(group.title)))

    run_with_client(context, removed)


def rename(
    context: typer.Context,
    chat: ChatName,
    title: Annotated[str, typer.Argument(metavar="TITLE", help=words.TITLE_ARGUMENT())],
) -> None:
    """Another name for a group."""
    from zajil.cli.output import console
    from zajil.cli.untrusted import clean_name

    async def renamed(client: Client) -> None:
        await kept(client.rename_group(client.find_chat(chat), title), words.CHANGE_KEPT)
        console().print(words.GROUP_RENAMED(title=clean_name(title)))

    run_with_client(context, renamed)


def promote(
    context: typer.Context,
    chat: ChatName,
    contact: ContactName,
    *,
    owner: Annotated[bool, typer.Option("--owner", help=words.OWNER_OPTION())] = False,
) -> None:
    """Make somebody an admin or owner."""
    _set_role(context, chat, contact, "owner" if owner else "admin")


def demote(context: typer.Context, chat: ChatName, contact: ContactName) -> None:
    """Make somebody a member again."""
    _set_role(context, chat, contact, "member")


def _set_role(context: typer.Context, chat: str, contact: str, role: Role) -> None:
    from zajil.cli.output import console
    from zajil.cli.untrusted import clean_name

    async def changed(client: Client) -> None:
        group = client.find_chat(chat)
        person = client.find_member(group, contact)
        await kept(client.set_role(group, person.id, role), words.CHANGE_KEPT)
        name, title = clean_name(person.name), clean_name(group.title)
        console().print(words.GROUP_ROLE_SET(name=name, title=title, role=words.ROLE_NAMES[role]()))

    run_with_client(context, changed)


def leave(context: typer.Context, chat: ChatName) -> None:
    """Leave; the chat stays readable here."""
    from zajil.cli.output import console
    from zajil.cli.untrusted import clean_name

    async def left(client: Client) -> None:
        group = client.find_chat(chat)
        await kept(client.leave_group(group), words.CHANGE_KEPT)
        console().print(words.GROUP_LEFT(title=clean_name(group.title)))

    run_with_client(context, left)


def grow(
    context: typer.Context,
    chat: ChatName,
    *,
    yes: Annotated[bool, typer.Option("--yes", help=growing.YES_OPTION())] = False,
) -> None:
    """Room for more than 128 devices. Asks on a terminal; without one `--yes` is needed."""
    from zajil.cli.asking import agrees, can_ask
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import console, error_console
    from zajil.cli.texts.general import NOTHING_CHANGED
    from zajil.cli.untrusted import clean_name

    async def grown(client: Client) -> None:
        group = client.find_chat(chat)
        title = clean_name(group.title)
        if group.kind == "group" and group.quantum != "protected":
            console().print(growing.HAS_ROOM(title=title))
            return
        client.check_may_grow(group)
        if not yes and not can_ask():
            raise Failed("not-asked", exit_code=USAGE)
        error_console().print(growing.COST(title=title))
        if not yes and not agrees(growing.QUESTION()):
            console().print(NOTHING_CHANGED())
            return
        await kept(_grow(client, group), words.CHANGE_KEPT)
        console().print(growing.DONE(title=title))

    run_with_client(context, grown)


async def _grow(client: Client, group: Chat) -> None:
    from zajil.cli.failures import Failed
    from zajil.protocol.errors import ZajilError

    hints = {"stale-epoch": growing.CHANGED, "not-introduced": growing.UNKNOWN}
    try:
        await client.grow(group)
    except ZajilError as error:
        if error.code not in hints:
            raise
        raise Failed(error.code, hint=hints[error.code]()) from error


async def kept(change: Coroutine[Any, Any, Result], hint: Text) -> Result:
    """What the change gives. Without a server it stays queued here: raises Failed with this hint."""
    from zajil.cli.failures import as_kept
    from zajil.protocol.errors import Unavailable

    try:
        return await change
    except Unavailable as error:
        raise as_kept(error, hint()) from error
