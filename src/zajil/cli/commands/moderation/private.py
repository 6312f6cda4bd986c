"""`moderation private`: reports from private chats, their key, and what they lead to, at the terminal."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.moderation.staff import Passphrase
from zajil.cli.commands.options import DataFolder, Json, parse_folder
from zajil.cli.commands.server import existing_data
from zajil.cli.frame import frame_of
from zajil.cli.texts.moderation import private as words
from zajil.cli.texts.moderation import review as review_words

if TYPE_CHECKING:
    import msgspec

    from zajil.protocol.review.routes import ReviewRoute


class Outcome(enum.StrEnum):
    """What the reporter hears."""

    ACTED = "acted"
    NOT_ACTED = "not-acted"


class Action(enum.StrEnum):
    """What may be done about an account."""

    WARN = "warn"
    SUSPEND = "suspend"


ReportId = Annotated[str, typer.Argument(metavar="REPORT", help=words.REPORT_ARGUMENT())]
PrivateFile = Annotated[
    Path | None, typer.Option("--private-file", metavar="FILE", help=words.PRIVATE_FILE(), parser=parse_folder)
]
NewFile = Annotated[Path | None, typer.Option("--new-file", metavar="FILE", help=words.NEW_FILE(), parser=parse_folder)]


def list_(context: typer.Context, *, json: Json = False) -> None:
    """Open reports, and how the key stands."""
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import Desk, plain
    from zajil.cli.times import day
    from zajil.protocol.ids import encode_b64
    from zajil.protocol.review import private, routes

    found = Desk(frame_of(context).home).call(routes.PRIVATE, private.PrivateQueue)
    if json:
        print_json(plain(found))
        return
    console().print(words.KEY_STATES[found.key]())
    if not found.reports:
        console().print(review_words.NOTHING_WAITS())
    for each in found.reports:
        mark = {"mine": "*", "other": "-"}.get(each.claim, " ")
        rest = f"  {words.PROPOSED[each.proposed]()}" if each.proposed else ""
        console().print(f"{mark} {encode_b64(each.report_id)}  {day(each.day)}  {words.KINDS[each.kind]()}{rest}")


def unlock(context: typer.Context, *, private_file: PrivateFile = None, passphrase_file: Passphrase = None) -> None:
    """Open the key: asks its passphrase, and that of your own key where it was not asked of late."""
    from zajil.cli.output import console
    from zajil.cli.reviewing import Desk, ask_passphrase
    from zajil.protocol.review import api, private, routes

    given = ask_passphrase(private_file, twice=False, label=words.ASK())
    Desk(frame_of(context).home, passphrase_file).call(routes.UNLOCK_PRIVATE, api.Empty, private.Unlock(given))
    console().print(words.KEY_STATES["open"]())


def lock(context: typer.Context) -> None:
    """Nothing can be read on the server any more."""
    from zajil.cli.output import console
    from zajil.cli.reviewing import Desk
    from zajil.protocol.review import api, routes

    Desk(frame_of(context).home).call(routes.LOCK_PRIVATE, api.Empty)
    console().print(words.KEY_STATES["locked"]())


def passphrase(
    context: typer.Context,
    *,
    change: Annotated[bool, typer.Option("--change", help=words.CHANGE_OPTION())] = False,
    private_file: PrivateFile = None,
    new_file: NewFile = None,
    data: DataFolder = None,
    passphrase_file: Passphrase = None,
) -> None:
    """By this home's session, or on the data folder by whoever runs the server, also beside a running one."""
    from zajil.cli.output import console
    from zajil.cli.reviewing import Desk, ask_passphrase
    from zajil.moderation.private.sealed import PASSPHRASE_CHARACTERS
    from zajil.protocol.review import api, private, routes

    current = ask_passphrase(private_file, twice=False, label=words.ASK()) if change else ""
    new = ask_passphrase(new_file, twice=True, label=words.ASK_NEW(), least=PASSPHRASE_CHARACTERS)
    if data is None:
        body = private.NewPassphrase(new, current)
        Desk(frame_of(context).home, passphrase_file).call(routes.PASSPHRASE, api.Empty, body)
    else:
        from zajil.server.review.staff_admin import set_private_passphrase

        set_private_passphrase(existing_data(data), new, current=current)
    console().print(review_words.DONE())


def claim(context: typer.Context, report: ReportId) -> None:
    """Take a report."""
    from zajil.cli.output import console
    from zajil.cli.reviewing import Desk
    from zajil.protocol.review import private, routes

    Desk(frame_of(context).home).call(routes.CLAIM_PRIVATE, private.PrivateBrief, report=report)
    console().print(review_words.DONE())


def show(context: typer.Context, report: ReportId, *, passphrase_file: Passphrase = None, json: Json = False) -> None:
    """A report that you hold."""
    from zajil.cli.output import console, print_json
    from zajil.cli.reviewing import Desk, plain
    from zajil.cli.times import day
    from zajil.cli.untrusted import clean_text, isolate
    from zajil.protocol.ids import encode_b64
    from zajil.protocol.review import private, routes

    found = Desk(frame_of(context).home, passphrase_file).call(
        routes.READ_PRIVATE, private.PrivateReport, report=report
    )
    if json:
        print_json(plain(found))
        return
    screen = console()
    screen.print(f"{words.KINDS[found.kind]()}  {found.reason}  {day(found.accepted_at)}", style="bold")
    for each in found.messages:
        text = isolate(clean_text(each.text)) if each.form != "other" else words.NO_TEXT()
        screen.print(f"  {words.FROM(account=encode_b64(each.sender))}")
        screen.print(f"  {text}", markup=False)
    if found.note:
        screen.print(words.NOTE(text=clean_text(found.note)), markup=False)
    if found.proposed is not None:
        screen.print(words.WAITS(measure=_say(found.proposed.action, found.proposed.days)))


def release(context: typer.Context, report: ReportId) -> None:
    """Give a report back."""
    from zajil.protocol.review import routes

    _send(context, routes.RELEASE_PRIVATE, report=report)


def close(
    context: typer.Context,
    report: ReportId,
    outcome: Annotated[Outcome, typer.Argument(metavar="acted|not-acted", help=words.OUTCOME_ARGUMENT())],
    *,
    passphrase_file: Passphrase = None,
) -> None:
    """Decide a report."""
    from zajil.protocol.review import private, routes

    _send(context, routes.CLOSE_PRIVATE, passphrase_file, private.ClosePrivate(outcome.value), report=report)


def propose(
    context: typer.Context,
    report: ReportId,
    action: Annotated[Action, typer.Argument(metavar="warn|suspend", help=words.ACTION_ARGUMENT())],
    *,
    days: Annotated[int | None, typer.Option("--days", metavar="N", min=1, max=3650, help=words.DAYS_OPTION())] = None,
    passphrase_file: Passphrase = None,
) -> None:
    """Propose a measure; a colleague confirms it."""
    from zajil.protocol.review import private, routes

    _send(context, routes.PROPOSE, passphrase_file, private.ProposeMeasure(action.value, days), report=report)


def confirm(context: typer.Context, report: ReportId, *, passphrase_file: Passphrase = None) -> None:
    """Put into force what a colleague proposed; the report is decided with it."""
    from zajil.protocol.review import routes

    _send(context, routes.CONFIRM, passphrase_file, report=report)


def refuse(context: typer.Context, report: ReportId) -> None:
    """Nothing is proposed any more."""
    from zajil.protocol.review import routes

    _send(context, routes.REFUSE, report=report)


def measures(context: typer.Context, *, passphrase_file: Passphrase = None, json: Json = False) -> None:
    """Measures in force, and undone ones."""
    from zajil.cli.output import console, error_console, print_json
    from zajil.cli.reviewing import Desk, plain
    from zajil.cli.times import day
    from zajil.protocol.ids import encode_b64
    from zajil.protocol.review import private, routes

    found = Desk(frame_of(context).home, passphrase_file).call(routes.MEASURES, private.Measures)
    if json:
        print_json(plain(found)["measures"])
    if found.unread:
        error_console().print(words.UNREAD_MEASURES(n=found.unread), style="yellow")
    if json:
        return
    if not found.measures and not found.unread:
        console().print(review_words.NOTHING_WAITS())
    for each in found.measures:
        rest = words.UNDONE() if each.undone else words.UNTIL(day=day(each.until)) if each.until else ""
        line = f"{encode_b64(each.measure_id)}  {day(each.day)}  {encode_b64(each.account)}"
        console().print(f"{line}  {words.ACTIONS[each.action]()}  {each.reason}  {rest}".rstrip())


def undo(
    context: typer.Context,
    measure: Annotated[str, typer.Argument(metavar="MEASURE", help=words.MEASURE_ARGUMENT())],
    *,
    passphrase_file: Passphrase = None,
) -> None:
    """The account is as it was before, and is told."""
    from zajil.protocol.review import routes

    _send(context, routes.UNDO_MEASURE, passphrase_file, measure=measure)


def _send(
    context: typer.Context,
    route: ReviewRoute,
    passphrase_file: Path | None = None,
    body: msgspec.Struct | None = None,
    **names: str,
) -> None:
    """A call that answers nothing."""
    from zajil.cli.output import console
    from zajil.cli.reviewing import Desk
    from zajil.protocol.review import api

    Desk(frame_of(context).home, passphrase_file).call(route, api.Empty, body, query=None, **names)
    console().print(review_words.DONE())


def _say(action: str, days: int | None) -> str:
    said: str = words.ACTIONS[action]()
    if action == "warn":
        return said
    return words.FOR_GOOD(action=said) if days is None else words.FOR_DAYS(action=said, n=days)
