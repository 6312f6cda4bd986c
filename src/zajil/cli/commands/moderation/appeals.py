"""`moderation appeals`, `moderation appeal`: what whom a decision met says against it."""

from __future__ import annotations

import enum
from typing import Annotated

import typer

from zajil.cli.commands.moderation.review import NoteOption
from zajil.cli.commands.options import Json
from zajil.cli.frame import frame_of
from zajil.cli.texts.moderation import review as words


class Outcome(enum.StrEnum):
    """How an appeal can end."""

    UPHELD = "upheld"
    REVERSED = "reversed"
    PARTLY = "partly"


class Softer(enum.StrEnum):
    """What can stand instead."""

    LABEL = "label"
    LIMIT = "limit"


SofterOption = Annotated[Softer | None, typer.Option("--action", metavar="label|limit", help=words.SOFTER_OPTION())]
AppealId = Annotated[str, typer.Argument(metavar="APPEAL", help=words.APPEAL_ARGUMENT())]


def appeals(context: typer.Context, *, json: Json = False) -> None:
    """Appeals that you may judge, the oldest first."""
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import Desk, plain
    from zajil.protocol.ids import encode_b64
    from zajil.protocol.review import api, routes

    found = Desk(frame_of(context).home).call(routes.APPEALS, api.Appeals)
    if json:
        print_json(plain(found)["appeals"])
        return
    if not found.appeals:
        console().print(words.NOTHING_WAITS())
    for each in found.appeals:
        mark = {"mine": "*", "other": "-"}.get(each.claim, " ")
        console().print(f"{mark} {encode_b64(each.appeal_id)}  {each.action}  {each.category or '?'}  {each.lang}")


def show(context: typer.Context, appeal: AppealId, *, json: Json = False) -> None:
    """An appeal with what it is about."""
    from zajil.cli.output import console, print_json
    from zajil.cli.review_page import print_item
    from zajil.cli.reviewing import Desk, plain
    from zajil.cli.untrusted import clean_text, isolate
    from zajil.protocol.review import api, routes

    found = Desk(frame_of(context).home).call(routes.READ_APPEAL, api.Appeal, appeal=appeal)
    if json:
        print_json(plain(found))
        return
    console().print(words.SAYS(action=found.decision.action, category=found.decision.category or "?"))
    console().print(isolate(clean_text(found.text)))
    print_item(found.item)


def claim(context: typer.Context, appeal: AppealId, *, json: Json = False) -> None:
    """Take an appeal."""
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import Desk, plain
    from zajil.protocol.review import api, routes

    found = Desk(frame_of(context).home).call(routes.CLAIM_APPEAL, api.AppealBrief, appeal=appeal)
    if json:
        print_json(plain(found))
    else:
        console().print(words.DONE())


def decide(
    context: typer.Context,
    appeal: AppealId,
    outcome: Annotated[Outcome, typer.Argument(metavar="upheld|reversed|partly", help=words.OUTCOME_ARGUMENT())],
    *,
    answer: Annotated[str, typer.Option("--answer", metavar="TEXT", help=words.ANSWER_OPTION())],
    action: SofterOption = None,
    note: NoteOption = "",
    json: Json = False,
) -> None:
    """Judge an appeal; never one against a decision of your own."""
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import Desk, convert, plain
    from zajil.protocol.review import api, routes

    softer = action.value if action else None
    body = convert({"outcome": outcome.value, "answer": answer, "action": softer, "note": note}, api.DecideAppeal)
    made = Desk(frame_of(context).home).call(routes.DECIDE_APPEAL, api.Decided, body, appeal=appeal)
    if json:
        print_json(plain(made))
    else:
        console().print(words.DONE())
