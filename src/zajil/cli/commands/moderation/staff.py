"""`moderation staff`, `login`, `logout`: who reviews, and their key on this machine."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import DataFolder, Json, decide_data, parse_folder
from zajil.cli.commands.server import existing_data
from zajil.cli.frame import frame_of
from zajil.cli.texts import server as server_words
from zajil.cli.texts.moderation import review as words

if TYPE_CHECKING:
    from zajil.protocol.review import api


class Role(enum.StrEnum):
    """What a member may do."""

    REVIEWER = "reviewer"
    SENIOR = "senior"
    POLICY = "policy"
    ADMIN = "admin"
    AUDITOR = "auditor"


RoleOption = Annotated[Role, typer.Option("--role", metavar="ROLE", help=words.ROLE_OPTION())]
Languages = Annotated[list[str] | None, typer.Option("--lang", metavar="LANG", help=words.LANGUAGES_OPTION())]
Categories = Annotated[list[str] | None, typer.Option("--category", metavar="C", help=words.CATEGORIES_OPTION())]
Passphrase = Annotated[
    Path | None,
    typer.Option("--passphrase-file", metavar="FILE", help=words.PASSPHRASE_FILE(), parser=parse_folder),
]


def invite(
    context: typer.Context,
    *,
    role: RoleOption = Role.REVIEWER,
    lang: Languages = None,
    category: Categories = None,
    private: Annotated[bool, typer.Option("--private", help=words.PRIVATE_OPTION())] = False,
    member: Annotated[str | None, typer.Option("--member", metavar="ID", help=words.MEMBER_OPTION())] = None,
    link: Annotated[bool, typer.Option("--link", help=server_words.LINK_OPTION())] = False,
    front: Annotated[str | None, typer.Option("--front", metavar="URL", help=server_words.FRONT_OPTION())] = None,
    data: DataFolder = None,
    passphrase_file: Passphrase = None,
    json: Json = False,
) -> None:
    """A code that one person comes in by: with a session as an admin, else by whoever runs the server."""
    from msgspec import structs

    from zajil.cli.output import print_json
    from zajil.cli.reviewing import Desk, as_id, is_logged_in
    from zajil.protocol.review import api, routes

    request = _request(role.value, lang or [], category or [], as_id(member) if member else None)
    request = structs.replace(request, private=private)
    if data is None and is_logged_in(frame_of(context).home):
        desk = Desk(frame_of(context).home, passphrase_file)
        made = desk.call(routes.INVITE, api.Invite, request)
        code, expires, place = made.code, made.expires, front or desk.server
    else:
        from zajil.cli.failures import Failed
        from zajil.cli.output import error_console
        from zajil.server.config import CONFIG_FILE, ConfigError
        from zajil.server.review.staff_admin import front_of_console, invite_staff, is_moderated

        folder = existing_data(decide_data(data))
        try:
            place, moderated = front_of_console(folder, front), is_moderated(folder)
        except ConfigError as error:
            raise Failed("settings", remark=str(error)) from error
        code, expires = invite_staff(folder, request)
        if not moderated:
            error_console().print(words.STAFF_OFF(file=str(folder / CONFIG_FILE)))
    address = f"{place.rstrip('/')}/review#/join/{code}"  # a fragment: no server sees the code
    if json:
        print_json({"invite": code, "link": address, "role": role.value, "expires": expires})
    else:
        typer.echo(address if link else code)


def list_(context: typer.Context, *, data: DataFolder = None, json: Json = False) -> None:
    """Everybody of the staff."""
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import Desk, is_logged_in, plain
    from zajil.cli.untrusted import clean_name, isolate
    from zajil.protocol.ids import encode_b64
    from zajil.protocol.review import api, routes

    if data is None and is_logged_in(frame_of(context).home):
        found = Desk(frame_of(context).home).call(routes.STAFF, api.Staff)
    else:
        from zajil.server.review.staff_admin import list_staff

        found = list_staff(existing_data(decide_data(data)))
    if json:
        print_json(plain(found)["members"])
        return
    for each in found.members:
        state = words.LEFT() if each.revoked_at is not None else words.KEYS(n=each.keys)
        rest = " ".join((*each.languages, *each.categories, *(["private"] if each.private else [])))
        name = isolate(clean_name(each.name))
        console().print(f"{encode_b64(each.staff_id)}  {each.role:<8}  {name}  {state}  {rest}".rstrip())


def revoke(
    context: typer.Context,
    member: Annotated[str, typer.Argument(metavar="ID", help=words.MEMBER_ARGUMENT())],
    *,
    data: DataFolder = None,
    passphrase_file: Passphrase = None,
) -> None:
    """That member is of the staff no more."""
    from zajil.cli.output import console
    from zajil.cli.reviewing import Desk, as_id, is_logged_in
    from zajil.protocol.ids import encode_b64
    from zajil.protocol.review import api, routes

    staff_id = as_id(member)
    if data is None and is_logged_in(frame_of(context).home):
        Desk(frame_of(context).home, passphrase_file).call(routes.REVOKE, api.Empty, staff=encode_b64(staff_id))
    else:
        from zajil.server.review.staff_admin import revoke_staff

        revoke_staff(existing_data(decide_data(data)), staff_id)
    console().print(words.REVOKED())


def login(
    context: typer.Context,
    *,
    server: Annotated[str | None, typer.Option("--server", metavar="URL", help=words.SERVER_OPTION())] = None,
    invite: Annotated[str | None, typer.Option("--invite", metavar="CODE", help=words.INVITE_OPTION())] = None,
    name: Annotated[str, typer.Option("--name", metavar="NAME", help=words.NAME_OPTION())] = "",
    passphrase_file: Passphrase = None,
    json: Json = False,
) -> None:
    """With an invite: make a key, seal it, and come in. Without: open a session by the key of this home."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import Desk, enrol, plain, run_for_staff
    from zajil.cli.untrusted import clean_name

    home = frame_of(context).home
    if invite is not None:
        if server is None:
            raise Failed("bad-address", exit_code=USAGE)
        run_for_staff(enrol(home, server, invite, name=name or "staff", passphrase_file=passphrase_file))
    else:
        Desk(home, passphrase_file).log_in()
    me = Desk(home, passphrase_file).read_me()
    if json:
        print_json(plain(me))
        return
    console().print(words.LOGGED_IN(name=clean_name(me.name), role=me.role))
    if me.needs_key:
        console().print(words.SECOND_KEY())


def logout(context: typer.Context) -> None:
    """End the session of this home."""
    from zajil.cli.output import console
    from zajil.cli.reviewing import Desk

    Desk(frame_of(context).home).log_out()
    console().print(words.LOGGED_OUT())


def _request(role: str, languages: list[str], categories: list[str], member: bytes | None) -> api.NewInvite:
    """Raises Failed `no-such-word` for a language or category that there is not."""
    import msgspec

    from zajil.cli.reviewing import convert
    from zajil.protocol.control import B16
    from zajil.protocol.review import api

    made = convert({"role": role, "languages": languages, "categories": categories}, api.NewInvite)
    return msgspec.structs.replace(made, staff=B16(member) if member is not None else None)
