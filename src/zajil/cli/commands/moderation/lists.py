"""`moderation lists`: addresses that posts meet."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.moderation import steering as words


class AddressList(enum.StrEnum):
    """The lists there are."""

    URL = "url"
    HOST = "host"
    DOMAIN = "domain"
    PHONE = "phone"
    WALLET = "wallet"


class Harm(enum.StrEnum):
    """What an address may serve."""

    FRAUD = "fraud"
    VIOLENCE_INCITEMENT = "violence_incitement"
    HATE = "hate"
    HARASSMENT = "harassment"
    SEXUAL = "sexual"
    SELF_HARM = "self_harm"
    SPAM = "spam"


ListName = Annotated[AddressList, typer.Argument(metavar="LIST", help=words.LIST_ARGUMENT())]
Value = Annotated[str, typer.Argument(metavar="VALUE", help=words.VALUE_ARGUMENT())]
DAY_S = 86_400


def show(
    name: Annotated[AddressList | None, typer.Argument(metavar="LIST", help=words.LIST_ARGUMENT())] = None,
    *,
    data: DataFolder = None,
    json: Json = False,
) -> None:
    """The entries of a list, or of all."""
    from zajil.cli.output import console, print_json
    from zajil.server.moderation.steering import show_lists

    found = show_lists(existing_data(decide_data(data)), name.value if name else None)
    if json:
        print_json([each._asdict() for each in found])
        return
    if not found:
        console().print(words.EMPTY_LIST())
    for each in found:
        remark = f"  {words.SUSPENDED()}" if each.suspended else ""
        console().print(f"{each.list:<7} {each.value}  {each.category}  {each.source}{remark}", markup=False)


def add(
    name: ListName,
    value: Value,
    *,
    category: Annotated[Harm, typer.Option("--category", help=words.CATEGORY_OPTION())],
    source: Annotated[str, typer.Option("--source", metavar="NAME", help=words.SOURCE_OPTION())] = "operator",
    days: Annotated[int | None, typer.Option("--days", metavar="N", min=1, help=words.DAYS_OPTION())] = None,
    data: DataFolder = None,
    json: Json = False,
) -> None:
    """List an address."""
    import time

    from zajil.cli.failures import Failed
    from zajil.cli.output import console, print_json
    from zajil.server.moderation.steering import add_to_list

    expires = int(time.time()) + days * DAY_S if days else None
    folder = existing_data(decide_data(data))
    try:
        canonical = add_to_list(folder, name.value, value, category=category.value, source=source, expires_at=expires)
    except ValueError as wrong:
        raise Failed("no-address", name=name.value) from wrong
    if json:
        print_json({"list": name.value, "value": canonical, "category": category.value})
        return
    console().print(words.LISTED(value=canonical), markup=False)


def remove(name: ListName, value: Value, *, data: DataFolder = None, json: Json = False) -> None:
    """Take an address off a list."""
    from zajil.cli.failures import Failed
    from zajil.cli.output import console, print_json
    from zajil.server.moderation.steering import remove_from_list

    try:
        gone = remove_from_list(existing_data(decide_data(data)), name.value, value)
    except ValueError as wrong:
        raise Failed("no-address", name=name.value) from wrong
    if not gone:
        raise Failed("not-listed")
    if json:
        print_json({"list": name.value, "value": value, "removed": True})
        return
    console().print(words.UNLISTED(value=value), markup=False)
