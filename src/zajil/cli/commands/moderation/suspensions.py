"""`moderation suspensions`: rules and list entries that people suspended by reversing what followed from them.

By this home's session if there is one, else on the data folder, as `moderation lists`.
"""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from zajil.cli.commands.moderation.lists import find_desk
from zajil.cli.commands.moderation.staff import Passphrase
from zajil.cli.commands.options import DataFolder, Json, decide_data
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.moderation import steering as words


class Kind(enum.StrEnum):
    """What can be suspended: a rule of the policy, or an entry of one of the lists."""

    RULE = "rule"
    URL = "url"
    HOST = "host"
    DOMAIN = "domain"
    PHONE = "phone"
    WALLET = "wallet"


def show(context: typer.Context, *, data: DataFolder = None, json: Json = False) -> None:
    """Which count no more, since when, and what was reversed."""
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import plain
    from zajil.cli.times import day
    from zajil.cli.untrusted import clean_text, isolate
    from zajil.protocol.review import routes
    from zajil.protocol.review.suspensions import Suspensions

    desk = find_desk(context, data)
    if desk is not None:
        found = desk.call(routes.SUSPENSIONS, Suspensions)
    else:
        from zajil.server.moderation.steering import show_suspensions

        found = show_suspensions(existing_data(decide_data(data)))
    if json:
        print_json(plain(found)["suspensions"])
        return
    if not found.suspensions:
        console().print(words.NONE_SUSPENDED())
    for each in found.suspensions:
        remark = "" if each.stands else f"  {words.STANDS_NO_MORE()}"
        console().print(f"{each.kind:<7} {each.ref}  {words.SINCE(day=day(each.since))}{remark}", markup=False)
        for one in each.reversals:
            text = isolate(clean_text(one.text)) if one.text else ""
            console().print(f"  {day(one.at)}  {one.action}  {one.category}  {text}".rstrip(), markup=False)


def lift(
    context: typer.Context,
    kind: Annotated[Kind, typer.Argument(metavar="KIND", help=words.SUSPENDED_KIND())],
    ref: Annotated[str, typer.Argument(metavar="NAME", help=words.SUSPENDED_NAME())],
    *,
    reason: Annotated[str, typer.Option("--reason", metavar="TEXT", help=words.LIFT_REASON())],
    data: DataFolder = None,
    passphrase_file: Passphrase = None,
    json: Json = False,
) -> None:
    """Let one count again."""
    from zajil.cli.failures import Failed
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import convert
    from zajil.protocol.errors import Refused
    from zajil.protocol.review import routes
    from zajil.protocol.review.suspensions import REASON_MAX, LiftSuspension, Suspensions

    if not 0 < len(reason.strip()) <= REASON_MAX:
        raise Failed("bad-reason", most=REASON_MAX)
    request = convert({"kind": kind.value, "ref": ref, "reason": reason}, LiftSuspension)
    desk = find_desk(context, data, passphrase_file)
    try:
        if desk is not None:
            desk.call(routes.LIFT_SUSPENSION, Suspensions, request)
        else:
            from zajil.server.moderation.steering import lift as lift_in

            lift_in(existing_data(decide_data(data)), request)
    except (Refused, Failed) as refused:
        if refused.code != "gone":
            raise
        raise Failed("not-suspended") from refused
    if json:
        print_json({"kind": kind.value, "ref": ref, "lifted": True})
        return
    console().print(words.LIFTED(name=ref), markup=False)
