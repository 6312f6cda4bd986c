"""`channel report`, `notices`, `appeal`: moderation as authors and reporters meet it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zajil.cli.commands.options import Json
from zajil.cli.commands.public.visiting import As, check_length, find_persona, read_text, run_in_public, visit
from zajil.cli.texts.public import persona as persona_words
from zajil.cli.texts.public import redress as words

if TYPE_CHECKING:
    import msgspec

    from zajil.client import Client
    from zajil.client.public.redress import Told
    from zajil.client.public.visitor import Visitor
    from zajil.protocol.public import redress

Category = Literal["fraud", "violence_incitement", "hate", "harassment", "sexual", "self_harm", "spam"]
_NOTE, _APPEAL = 1000, 2000


def report(
    context: typer.Context,
    place: Annotated[str, typer.Argument(metavar="PLACE", help=words.PLACE_ARGUMENT())],
    *,
    category: Annotated[
        Category,
        typer.Option(
            "--category",
            "--reason",
            metavar="fraud|violence_incitement|hate|harassment|sexual|self_harm|spam",
            help=words.CATEGORY_OPTION(),
        ),
    ],
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help=words.NOTE_OPTION(), show_default=False)] = "",
    persona: As = None,
    json: Json = False,
) -> None:
    """A notice about a post, a channel or a persona."""
    from zajil.cli.output import console, print_json
    from zajil.client.public import redress as verbs

    check_length(note, _NOTE)

    async def reported(client: Client) -> None:
        visitor = await visit(client, persona)
        made = await verbs.report(visitor, await _wanted(visitor, place, category, note))
        if json:
            print_json(_row(made))
        else:
            console().print(words.REPORTED(), style="dim")

    run_in_public(context, reported, absent="no-moderation", forbidden=words.OWN_HINT)


async def _wanted(visitor: Visitor, place: str, category: Category, note: str) -> redress.NewReport:
    """What is reported; a bare handle is a channel's, else a persona's. Raises gone."""
    from zajil.cli.posts import is_post, parse_channel, parse_post
    from zajil.protocol.control import B16
    from zajil.protocol.errors import Refused
    from zajil.protocol.ids import parse_b64
    from zajil.protocol.public import api, redress, routes

    if is_post(place):
        return redress.NewReport(B16(parse_b64(parse_post(place), size=16)), category, note)
    name = parse_channel(place)
    try:
        channel = await visitor.channel(name)
    except Refused as problem:
        if problem.code != "gone":
            raise
        persona = await visitor.call(routes.READ_PERSONA, api.Persona, persona=name)
        return redress.NewReport(persona.persona_id, category, note, "persona")
    return redress.NewReport(channel.channel_id, category, note, "channel")


def notices(
    context: typer.Context,
    *,
    limit: Annotated[
        int, typer.Option("--limit", metavar="N", min=1, max=1000, help=words.LIMIT_OPTION(), show_default="50")
    ] = 50,
    persona: As = None,
    json: Json = False,
) -> None:
    """What moderation tells the named persona, or each of this account."""
    from zajil.cli.output import print_json
    from zajil.client.public import redress as verbs

    async def told(client: Client) -> None:
        if persona is None:
            await client.public.list_personas()
            own = client.public.known_personas()
        else:
            own = (await find_persona(client, persona),)
        found = {each.handle: await verbs.fetch_told(client.public.as_persona(each), limit=limit) for each in own}
        if json:
            print_json([_told_row(handle, each) for handle, each in found.items()])
        else:
            _print_told(found)

    run_in_public(context, told, absent="no-moderation")


def appeal(
    context: typer.Context,
    decision: Annotated[str, typer.Argument(metavar="DECISION", help=words.DECISION_ARGUMENT())],
    text: Annotated[str, typer.Argument(metavar="TEXT", help=words.APPEAL_ARGUMENT())] = "",
    *,
    persona: As = None,
    json: Json = False,
) -> None:
    """Appeal against a decision, or show it with what became of its appeal."""
    from zajil.cli.output import console, print_json
    from zajil.cli.times import day
    from zajil.client.public import redress as verbs

    identity = parse_decision(decision)
    body = read_text(text, most=_APPEAL) if text else ""

    async def appealed(client: Client) -> None:
        visitor = await visit(client, persona)
        if not body:
            await _show_decision(visitor, identity, json=json)
            return
        made = await verbs.appeal(visitor, identity, body)
        if json:
            print_json(_row(made))
        else:
            console().print(words.APPEALED(day=day(made.due_at)))

    run_in_public(context, appealed, absent="no-moderation")


async def _show_decision(visitor: Visitor, identity: str, *, json: bool) -> None:
    from zajil.cli.output import console, print_json
    from zajil.cli.untrusted import clean_text, isolate
    from zajil.client.public import redress as verbs
    from zajil.protocol.ids import encode_b64

    notice = await verbs.fetch_decision(visitor, identity)
    made = None
    if notice.appeal is not None:
        made = await verbs.fetch_appeal(visitor, encode_b64(notice.appeal.appeal_id))
    if json:
        print_json({**_row(notice), "appeal": None if made is None else _row(made)})
        return
    _print_notice(notice)
    for line in clean_text(made.answer).splitlines() if made is not None else ():
        console().print(f"  {isolate(line)}")


def parse_decision(text: str) -> str:
    """The id of a decision, as calls take it, from `decision/ID` or the id. Raises Failed `bad-decision`."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.protocol.errors import Malformed
    from zajil.protocol.ids import parse_b64

    identity = text.strip().rpartition("/")[2]
    try:
        parse_b64(identity, size=16)
    except Malformed:
        raise Failed("bad-decision", exit_code=USAGE) from None
    return identity


def _print_told(found: Mapping[str, Told]) -> None:
    from zajil.cli.output import console
    from zajil.cli.posts import category_name
    from zajil.cli.times import clock, day
    from zajil.cli.untrusted import isolate
    from zajil.protocol.ids import encode_b64

    screen = console()
    if not found:
        screen.print(persona_words.NONE(), style="dim")
    for handle, told in found.items():
        standing = told.standing
        notes = [words.POINTS(points=standing.points)] if standing.points else []
        ends = (
            (words.LIMITED, standing.limited_until),
            (words.SUSPENDED, standing.suspended_until),
            (words.REPORTS_MUTED, standing.reports_muted_until),
        )
        notes += [text(day=day(until)) for text, until in ends if until]
        screen.print(isolate(f"@{handle}"), style="cyan", end="")
        screen.print("".join(f"  {note}" for note in notes), style="dim")
        if not (told.notices or told.reports):
            screen.print(f"  {words.NOTHING_TOLD()}", style="dim")
        for notice in told.notices:
            _print_notice(notice)
        for each in told.reports:
            line = words.REPORT_LINE(category=category_name(each.category), state=words.REPORT_STATES[each.state]())
            screen.print(f"{day(each.at)} {clock(each.at)}  {line}", end="")
            screen.print(f"  {each.kind}/{encode_b64(each.target)}", style="dim")


def _print_notice(notice: redress.Notice) -> None:
    from zajil.cli.output import console
    from zajil.cli.posts import category_name
    from zajil.cli.times import clock, day
    from zajil.cli.untrusted import clean_name, clean_text, isolate
    from zajil.protocol.ids import encode_b64

    screen, name = console(), f"decision/{encode_b64(notice.decision_id)}"
    action = words.ACTIONS.get(notice.action)
    screen.print(f"{day(notice.at)} {clock(notice.at)}  ", style="dim", end="")
    screen.print(action() if action is not None else clean_name(notice.action), style="bold", end="")
    notes = [category_name(notice.category)] if notice.category else []
    notes.append((words.AUTOMATED if notice.automated else words.BY_PERSON)())
    if notice.until:
        notes.append(words.UNTIL(when=f"{day(notice.until)} {clock(notice.until)}"))
    if not notice.in_force:
        notes.append(words.OVERTAKEN())
    notes.append(name)
    screen.print("".join(f"  {note}" for note in notes), style="dim")
    reasons = (notice.statement.explanation, notice.statement.facts) if notice.statement is not None else ()
    for text in (*reasons, notice.reason):
        for line in clean_text(text).splitlines():
            screen.print(f"  {isolate(line)}")
    if notice.appeal is not None:
        screen.print(f"  {words.APPEAL_STATES[notice.appeal.state](day=day(notice.appeal.due_at))}")
    elif notice.appeal_until:
        screen.print(f"  {words.MAY_APPEAL(day=day(notice.appeal_until), decision=name)}", style="dim")
    if notice.care:
        screen.print(f"  {words.CARE()}")


def _told_row(handle: str, told: Told) -> dict[str, object]:
    return {
        "persona": handle,
        "standing": _row(told.standing),
        "notices": [_row(each) for each in told.notices],
        "reports": [_row(each) for each in told.reports],
    }


def _row(found: msgspec.Struct) -> dict[str, object]:
    """Every field, those that are missing as null; bytes as base64url."""
    import msgspec

    from zajil.protocol.control import encode_json

    told = msgspec.json.decode(encode_json(found), type=dict[str, object])
    return {name: told.get(name) for name in found.__struct_fields__}
