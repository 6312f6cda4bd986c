"""`report`: messages of a private chat go to the moderators, after the person saw exactly what is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from zajil.cli.commands.options import ChatName, Json
from zajil.cli.frame import run_with_client
from zajil.cli.texts import messages as words
from zajil.protocol.report.reasons import Reason

if TYPE_CHECKING:
    from zajil.cli.failures import Failed
    from zajil.client import Client, ReportDraft, SentReport
    from zajil.protocol.errors import ZajilError

_REASONS = "fraud|violence_incitement|hate|harassment|sexual|self_harm|spam|other"


def report(
    context: typer.Context,
    chat: ChatName,
    messages: Annotated[list[str], typer.Argument(metavar="ID...", help=words.MESSAGE_ARGUMENT())],
    *,
    reason: Annotated[
        Reason, typer.Option("--reason", "--category", metavar=_REASONS, help=words.REPORT_REASON_OPTION())
    ],
    note: Annotated[
        str, typer.Option("--note", metavar="TEXT", help=words.REPORT_NOTE_OPTION(), show_default=False)
    ] = "",
    complaint: Annotated[bool, typer.Option("--complaint", help=words.REPORT_COMPLAINT_OPTION())] = False,
    json: Json = False,
) -> None:
    """Shows on stderr what is sent; on a terminal it asks first, without one the command is the consent."""
    from zajil.cli.asking import agrees, can_ask
    from zajil.cli.commands.chats import find_chat
    from zajil.cli.commands.messages import find_message
    from zajil.cli.output import console, print_json
    from zajil.cli.texts.general import NOTHING_CHANGED
    from zajil.protocol.errors import Malformed

    async def reported(client: Client) -> None:
        found = find_chat(client, chat)
        chosen = [find_message(client, found, each).id for each in messages]
        _show(client.draft_report(found, chosen), reason, note)
        if can_ask() and not agrees(words.REPORT_QUESTION()):
            console().print(NOTHING_CHANGED())
            return
        try:
            sent = await client.report(found, chosen, reason=reason, note=note, complaint=complaint)
        except Malformed as refusal:
            if refusal.code != "report-unverified":
                raise
            raise _unproven(refusal) from refusal
        if json:
            print_json({"id": sent.id, "verified": sent.verified})
        else:
            console().print(_done(sent))

    run_with_client(context, reported)


def _show(draft: ReportDraft, reason: str, note: str) -> None:
    from zajil.cli.output import error_console
    from zajil.cli.times import clock, day
    from zajil.cli.untrusted import clean_name, clean_text, isolate

    screen = error_console()
    screen.print(words.REPORT_ABOUT(name=clean_name(draft.name)), style="bold")
    for number, text in enumerate(draft.texts, 1):
        lines = [isolate(line) for line in clean_text(text.text).split("\n")] if text.text else [words.REPORT_NO_TEXT()]
        screen.print(f"  {number}. {day(text.sent_at)} {clock(text.sent_at)}  {lines[0]}")
        for line in lines[1:]:
            screen.print(f"     {line}")
    screen.print(words.REPORT_WITH(reason=reason))
    if note:
        screen.print(words.REPORT_WITH_NOTE(note=clean_text(note)))
    screen.print(words.REPORT_WITHOUT(), style="dim")


def _unproven(refusal: ZajilError) -> Failed:
    from zajil.cli.failures import Failed

    item, check = refusal.detail.get("item", 0), str(refusal.detail.get("check", ""))
    number = int(item) + 1 if isinstance(item, int) else 1
    said = {"age": words.REPORT_TOO_OLD, "frank": words.REPORT_UNMARKED}.get(check)
    remark = said(n=number) if said else words.REPORT_CHECK_FAILED(n=number, check=check)
    return Failed("report-unverified", remark=remark)


def _done(sent: SentReport) -> str:
    return words.REPORT_SENT(id=sent.id) if sent.verified else words.REPORT_SENT_COMPLAINT(id=sent.id)
