"""`add`, `contacts`, `verify`: the people."""

from __future__ import annotations

import contextlib
import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import Json
from zajil.cli.commands.people.strangers import ask_person, led_by_link, say_added
from zajil.cli.frame import run_with_client
from zajil.cli.texts import account as words
from zajil.cli.texts.people import strangers as request_words
from zajil.cli.texts.text import PROGRAM

if TYPE_CHECKING:
    from zajil.client import Client, Contact

_GROUPS_A_LINE = 4


def add(
    context: typer.Context,
    link: Annotated[str, typer.Argument(metavar="CONTACT_LINK", help=words.LINK_ARGUMENT())],
    *,
    text: Annotated[
        str | None, typer.Option("--text", metavar="TEXT", help=request_words.TEXT_OPTION(), show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """Add the person behind a link and open the chat; or ask whoever has a `@username`."""
    from zajil.cli.commands.chats import chat_row
    from zajil.cli.failures import Failed
    from zajil.cli.output import print_json
    from zajil.cli.typed.links import check_no_bridges, check_no_group
    from zajil.protocol.identity.links import parse_contact_link
    from zajil.protocol.ids import encode_b64

    if link.startswith("@"):
        ask_person(context, link, text, json=json)
        return
    check_no_bridges(link)
    check_no_group(link)

    async def added(client: Client) -> None:
        parsed = parse_contact_link(link)
        account = parsed.account_id
        if account is not None and encode_b64(account) == client.whoami().account_id:
            raise Failed("own-link")
        before = None if account is None else client.chat_with(encode_b64(account))
        # Without a token it is a request, which is refused for other reasons.
        with contextlib.nullcontext() if parsed.contact_token is None else led_by_link():
            chat = await client.add_contact(link, text=text or ("" if before else request_words.HELLO()))
        if json:
            print_json(chat_row(chat))
        else:
            say_added(client, chat, before, text)

    run_with_client(context, added)


def contacts(context: typer.Context, *, json: Json = False) -> None:
    """Everybody this account knows."""
    from zajil.cli.output import console, error_console, print_json
    from zajil.cli.reading import say_name
    from zajil.cli.untrusted import isolate

    async def told(client: Client) -> None:
        found = client.contacts()
        if json:
            print_json(
                [
                    {"id": c.id, "name": c.name, "devices": c.devices, "verified": c.verified, "blocked": c.blocked}
                    for c in found
                ]
            )
            return
        if not found:
            console().print(words.NO_CONTACTS(), style="dim")
        for contact in found:
            verified = f"  {words.VERIFIED()}" if contact.verified else ""
            verified = f"  {words.KEY_CHANGED()}" if contact.key_changed else verified
            verified = f"  {request_words.BLOCKED()}" if contact.blocked else verified
            count = words.DEVICES_COUNT(count=contact.devices)
            console().print(f"{contact.id}  ", style="dim", end="")
            console().print(isolate(say_name(contact.name, contact.id)), style="bold", end="")
            console().print(f"  {count}{verified}", style="dim")
        if any(not contact.name.strip() for contact in found):
            error_console().print(request_words.WHY_UNNAMED(), style="dim")

    run_with_client(context, told)


def verify(
    context: typer.Context,
    who: Annotated[str, typer.Argument(metavar="CHAT-OR-CONTACT", help=words.VERIFY_ARGUMENT())],
    *,
    confirm: Annotated[bool, typer.Option("--confirm", "--yes", help=words.VERIFY_CONFIRM_OPTION())] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help=words.VERIFY_WITHDRAW_OPTION())] = False,
    code: Annotated[
        str | None, typer.Option("--code", metavar="CODE", help=words.VERIFY_CODE_OPTION(), show_default=False)
    ] = None,
    json: Json = False,
) -> None:
    """The safety number with one person; compares a code; marks the person as verified."""
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_name

    async def told(client: Client) -> None:
        contact = find_person(client, who)
        compared = None if code is None else _compare(client, contact, code)
        if confirm or withdraw:
            client.set_verified(contact, verified=confirm)
            contact = client.find_contact(contact.id)
        if json:
            print_json(_safety_row(client, contact) | ({"compared": compared} if compared else {}))
            return
        name = clean_name(contact.name)
        if compared is not None:
            console().print(words.CODES_SAME() if compared == "same" else words.CODES_OTHER_EPOCH())
        if confirm or withdraw:
            console().print(words.VERIFY_CONFIRMED(name=name) if confirm else words.VERIFY_WITHDRAWN(name=name))
        elif compared is None:
            _print_number(client.safety_number(contact))
            console().print(words.VERIFY_COMPARE(name=name), style="dim")
        if not contact.verified and not withdraw:
            command = f"{PROGRAM.get()} verify {shlex.quote(name)} --confirm"
            console().print(words.VERIFY_HOW(command=command), style="dim")

    run_with_client(context, told)


def _compare(client: Client, contact: Contact, code: str) -> str:
    """`same` or `other-epoch`. Raises Failed `codes-differ` (a check found a difference), `no-code`."""
    from zajil.cli.failures import DIFFERENT, USAGE, Failed
    from zajil.protocol.errors import Malformed

    try:
        result = client.check_safety(contact, code)
    except Malformed:
        raise Failed("no-code", exit_code=USAGE) from None
    if result == "different":
        raise Failed("codes-differ", exit_code=DIFFERENT)
    return result


def _safety_row(client: Client, contact: Contact) -> dict[str, object]:
    return {
        "contact": contact.id,
        "name": contact.name,
        "safety_number": "".join(client.safety_number(contact).split()),
        "code": client.safety_code(contact),
        "verified": contact.verified,
        "key_changed": contact.key_changed,
    }


def _print_number(number: str) -> None:
    from zajil.cli.output import console

    groups = number.split()
    for at in range(0, len(groups), _GROUPS_A_LINE):
        console().print("  " + "  ".join(groups[at : at + _GROUPS_A_LINE]), style="bold")


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
