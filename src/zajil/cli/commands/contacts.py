"""`add`, `contacts`, `verify`: the people."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import Json
from zajil.cli.frame import frame_of, run_with_client
from zajil.cli.texts import account as words

if TYPE_CHECKING:
    from zajil.client import Client, Contact

_DIGITS_A_GROUP, _GROUPS_A_LINE = 5, 4


def add(
    context: typer.Context,
    link: Annotated[str, typer.Argument(metavar="CONTACT_LINK", help=words.LINK_ARGUMENT())],
    *,
    json: Json = False,
) -> None:
    """Add the person behind a link and open the chat."""
    from zajil.cli.commands.chats import chat_row
    from zajil.cli.failures import Failed
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_name
    from zajil.protocol.identity.links import parse_contact_link
    from zajil.protocol.ids import parse_b64

    async def added(client: Client) -> None:
        if parse_contact_link(link).account_id == parse_b64(client.whoami().account_id):
            raise Failed("own-link")
        chat = await client.add_contact(link)
        if json:
            print_json(chat_row(chat))
            return
        name = clean_name(chat.title)
        console().print(words.ADDED(name=name))
        hello = f"send {shlex.quote(name)} {shlex.quote(words.HELLO_EXAMPLE())}"
        console().print(f"  {frame_of(context).program} {hello}", style="cyan")

    run_with_client(context, added)


def contacts(context: typer.Context, *, json: Json = False) -> None:
    """Everybody this account knows."""
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_name, isolate

    async def told(client: Client) -> None:
        found = client.contacts()
        if json:
            print_json([{"id": c.id, "name": c.name, "devices": c.devices, "verified": c.verified} for c in found])
            return
        if not found:
            console().print(words.NO_CONTACTS(), style="dim")
        for contact in found:
            verified = f"  {words.VERIFIED()}" if contact.verified else ""
            count = words.DEVICES_COUNT(count=contact.devices)
            console().print(f"{contact.id}  ", style="dim", end="")
            console().print(isolate(clean_name(contact.name)), style="bold", end="")
            console().print(f"  {count}{verified}", style="dim")

    run_with_client(context, told)


def verify(
    context: typer.Context,
    who: Annotated[str, typer.Argument(metavar="CHAT-OR-CONTACT", help=words.VERIFY_ARGUMENT())],
    *,
    json: Json = False,
) -> None:
    """The safety number with one person."""
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_name

    async def told(client: Client) -> None:
        contact = find_person(client, who)
        number = client.safety_number(contact)
        digits = "".join(number.split())
        if json:
            print_json({"contact": contact.id, "name": contact.name, "safety_number": digits})
            return
        groups = [digits[at : at + _DIGITS_A_GROUP] for at in range(0, len(digits), _DIGITS_A_GROUP)]
        for at in range(0, len(groups), _GROUPS_A_LINE):
            console().print("  " + "  ".join(groups[at : at + _GROUPS_A_LINE]), style="bold")
        console().print(words.VERIFY_COMPARE(name=clean_name(contact.name)), style="dim")

    run_with_client(context, told)


def find_person(client: Client, who: str) -> Contact:
    """The contact of this name or id, or the other side of a chat of two.

    Raises `unknown-contact`, `ambiguous-name`.
    """
    from zajil.protocol.errors import ZajilError

    try:
        return client.find_contact(who)
    except ZajilError as unknown:
        if unknown.code != "unknown-contact":
            raise
        try:
            chat = client.find_chat(who)
        except ZajilError:
            raise unknown from None
        others = set(chat.members) - {client.whoami().account_id}
        if chat.kind != "dm" or len(others) != 1:
            raise
        return client.find_contact(others.pop())
