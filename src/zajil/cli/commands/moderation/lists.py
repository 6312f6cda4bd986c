"""`moderation lists`: addresses that posts meet. By this home's session if there is one, else on the data folder."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.moderation.staff import Passphrase
from zajil.cli.commands.options import DataFolder, Json, decide_data
from zajil.cli.commands.server import existing_data
from zajil.cli.frame import frame_of
from zajil.cli.texts.moderation import steering as words

if TYPE_CHECKING:
    from pathlib import Path

    from zajil.cli.reviewing import Desk


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
    context: typer.Context,
    name: Annotated[AddressList | None, typer.Argument(metavar="LIST", help=words.LIST_ARGUMENT())] = None,
    *,
    data: DataFolder = None,
    json: Json = False,
) -> None:
    """The entries of a list, or of all."""
    from zajil.cli.output import console, print_json

    desk = find_desk(context, data)
    if desk is not None:
        found = [row for each in ([name] if name else AddressList) for row in _fetch(desk, each)]
    else:
        from zajil.server.moderation.steering import show_lists

        found = [each._asdict() for each in show_lists(existing_data(decide_data(data)), name.value if name else None)]
    if json:
        print_json(found)
        return
    if not found:
        console().print(words.EMPTY_LIST())
    for row in found:
        remark = f"  {words.SUSPENDED()}" if row["suspended"] else ""
        console().print(f"{row['list']:<7} {row['value']}  {row['category']}  {row['source']}{remark}", markup=False)


def add(
    context: typer.Context,
    name: ListName,
    value: Value,
    *,
    category: Annotated[Harm, typer.Option("--category", help=words.CATEGORY_OPTION())],
    source: Annotated[str, typer.Option("--source", metavar="NAME", help=words.SOURCE_OPTION())] = "operator",
    days: Annotated[int | None, typer.Option("--days", metavar="N", min=1, help=words.DAYS_OPTION())] = None,
    data: DataFolder = None,
    passphrase_file: Passphrase = None,
    json: Json = False,
) -> None:
    """List an address."""
    import time

    from zajil.cli.failures import Failed
    from zajil.cli.output import console, print_json

    expires = int(time.time()) + days * DAY_S if days else None
    desk = find_desk(context, data, passphrase_file)
    if desk is not None:
        fields = {"value": value, "category": category.value, "source": source, "expires_at": expires}
        _edit(desk, name, put=[{key: each for key, each in fields.items() if each is not None}])
        canonical = value
    else:
        from zajil.server.moderation.steering import add_to_list

        folder = existing_data(decide_data(data))
        try:
            canonical = add_to_list(
                folder, name.value, value, category=category.value, source=source, expires_at=expires
            )
        except ValueError as wrong:
            raise Failed("no-address", name=name.value) from wrong
    if json:
        print_json({"list": name.value, "value": canonical, "category": category.value})
        return
    console().print(words.LISTED(value=canonical), markup=False)


def remove(
    context: typer.Context,
    name: ListName,
    value: Value,
    *,
    data: DataFolder = None,
    passphrase_file: Passphrase = None,
    json: Json = False,
) -> None:
    """Take an address off a list."""
    from zajil.cli.failures import Failed
    from zajil.cli.output import console, print_json

    desk = find_desk(context, data, passphrase_file)
    if desk is not None:
        _edit(desk, name, drop=[value])
    else:
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


def find_desk(context: typer.Context, data: Path | None, passphrase_file: Path | None = None) -> Desk | None:
    """The session of this home, unless a data folder was named or nobody is logged in. A change asks the key again."""
    from zajil.cli.reviewing import Desk, is_logged_in

    home = frame_of(context).home
    return Desk(home, passphrase_file) if data is None and is_logged_in(home) else None


def _fetch(desk: Desk, name: AddressList) -> list[dict[str, object]]:
    from zajil.protocol.review import api, routes

    found = desk.call(routes.READ_LIST, api.AddressList, list=name.value)
    off = set(found.suspended)
    return [
        {
            "list": name.value,
            "value": each.value,
            "category": each.category,
            "source": each.source,
            "expires_at": each.expires_at,
            "suspended": each.value in off,
        }
        for each in found.entries
    ]


def _edit(desk: Desk, name: AddressList, **change: object) -> None:
    from zajil.cli.reviewing import convert
    from zajil.protocol.review import api, routes

    desk.call(routes.EDIT_LIST, api.AddressList, convert(change, api.EditList), list=name.value)
