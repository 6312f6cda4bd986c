"""`moderation report`: a month's transparency report, from the data folder or from a server's address."""

from __future__ import annotations

import enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import DataFolder, decide_data
from zajil.cli.commands.server import existing_data
from zajil.cli.texts.moderation import accounting as words

if TYPE_CHECKING:
    from zajil.moderation.statistics.report import Report


class Shape(enum.StrEnum):
    """How a report is printed."""

    TEXT = "text"
    JSON = "json"
    CSV = "csv"
    HTML = "html"


def report(
    month: Annotated[str, typer.Argument(metavar="MONTH", help=words.MONTH_ARGUMENT())],
    *,
    data: DataFolder = None,
    url: Annotated[str | None, typer.Option("--server", metavar="URL", help=words.SERVER_OPTION())] = None,
    shape: Annotated[
        Shape, typer.Option("--format", metavar="text|json|csv|html", help=words.FORMAT_OPTION(), show_default="text")
    ] = Shape.TEXT,
    json: Annotated[bool, typer.Option("--json", help=words.REPORT_JSON())] = False,
    check: Annotated[bool, typer.Option("--check", help=words.CHECK_OPTION())] = False,
) -> None:
    """Print a report. With --check: exit code 4 where report, log and database do not agree."""
    from zajil.cli.failures import USAGE, Failed
    from zajil.engine.keys import KeyFileError
    from zajil.protocol.errors import Malformed, Refused

    wanted = Shape.JSON if json else shape
    if check and url is not None:
        raise Failed("check-here", exit_code=USAGE)
    try:
        if url is not None:
            _print_fetched(url, month, wanted)
            return
        _print_own(existing_data(decide_data(data)), month, wanted, check=check)
    except Malformed as error:
        raise Failed("bad-month", exit_code=USAGE) from error
    except Refused as error:
        raise Failed("no-report") from error
    except KeyFileError as error:
        raise Failed("settings", remark=str(error)) from error


def _print_own(folder: Path, month: str, wanted: Shape, *, check: bool) -> None:
    from zajil.cli.failures import DIFFERENT, Failed
    from zajil.cli.output import console, error_console

    try:
        from zajil.server.accounting.report import make_month
    except ModuleNotFoundError as missing:
        raise Failed("no-moderation", remark=missing.name or "") from missing
    made, agreement = make_month(folder, month)
    _print(made, wanted, folder)
    if not check:
        return
    for each in agreement.differences:
        error_console().print(f"{each.where}: log {each.log}, database {each.database}, report {each.report}")
    if agreement.differences:
        raise Failed("no-agreement", exit_code=DIFFERENT, count=len(agreement.differences))
    if wanted is Shape.TEXT:
        console().print(
            words.AGREED(entries=agreement.entries, decisions=agreement.decisions, cells=agreement.cells), markup=False
        )


def _print(made: Report, wanted: Shape, folder: Path) -> None:
    import sys

    from zajil.cli.texts.text import language
    from zajil.server.accounting.report import encode_report

    if wanted is Shape.TEXT:
        _print_text(made)
    else:
        sys.stdout.write(encode_report(made, wanted.value, data=folder, language=language()))


def _print_fetched(url: str, month: str, wanted: Shape) -> None:
    import asyncio
    import sys

    import msgspec

    from zajil.cli.failures import UNREACHABLE, Failed
    from zajil.cli.texts.account import SERVER_SILENT
    from zajil.cli.untrusted import clean_name, clean_text
    from zajil.moderation.statistics.months import parse_month
    from zajil.moderation.statistics.report import Report
    from zajil.server.accounting.public_log import fetch_report
    from zajil.server.site.verify import Unreachable

    kind = Shape.JSON if wanted is Shape.TEXT else wanted
    try:
        body = asyncio.run(fetch_report(url, f"{parse_month(month).name}.{kind.value}"))
    except Unreachable as reason:
        hint = SERVER_SILENT(address=clean_name(url))
        raise Failed("unreachable", exit_code=UNREACHABLE, remark=str(reason), hint=hint) from reason
    if wanted is not Shape.TEXT:
        sys.stdout.write(clean_text(body.decode("utf-8", "replace")))
        return
    try:
        _print_text(msgspec.json.decode(body, type=Report))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise Failed("no-report") from None


def _print_text(made: Report) -> None:
    """The figures that most people look for; the other formats have all of them."""
    from zajil.cli.output import console
    from zajil.cli.texts.text import language
    from zajil.cli.untrusted import clean_name
    from zajil.moderation.statistics.plots import show
    from zajil.moderation.statistics.suppression import TOTAL
    from zajil.moderation.statistics.words import WORDS

    told, screen = WORDS[language()], console()
    screen.print(f"{told.title} {clean_name(made.month)} · {clean_name(made.server)}", style="bold")
    screen.print(told.states.get(made.state, "?"))
    wrong = made.false_removals.per_million
    lines = [
        (f"{told.restrictions}: {told.total}", show(made.restrictions.total)),
        *(
            (f"  {told.names.get(row, '?')}", show(cells[TOTAL]))
            for row, cells in made.restrictions.by_category.items()
        ),
        (told.undone, show(made.restrictions.reversed)),
        (f"{told.notices}: {told.received}", show(made.notices.received)),
        (f"{told.notices}: {told.decided}", show(made.notices.decided)),
        (f"{told.appeals}: {told.received}", show(made.appeals.received)),
        (f"{told.appeals}: {told.decided}", show(made.appeals.decided)),
        (f"{told.false_removals}: {told.per_million}", "—" if wrong is None else f"{wrong:g}"),
        (told.requests, str(made.government_requests)),
        (told.downtime, str(made.downtime.seconds) if made.downtime.measured else told.not_measured),
    ]
    for name, value in lines:
        screen.print(f"{name}  {value}", markup=False)
