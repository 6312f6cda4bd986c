"""`call bot`: a device that answers every call."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from zajil.cli.frame import live_together, live_until_stopped, run_with_client
from zajil.cli.texts.calls import bot as words

if TYPE_CHECKING:
    from zajil.cli.resident.answering import Answering
    from zajil.client import Client
    from zajil.client.calls.showing import CallView


def bot(
    context: typer.Context,
    *,
    mode: Annotated[
        Literal["echo", "tone"], typer.Option("--mode", metavar="echo|tone", help=words.MODE_OPTION())
    ] = "echo",
    stats: Annotated[
        Path | None, typer.Option("--stats", metavar="FILE", help=words.STATS_OPTION(), show_default=False)
    ] = None,
) -> None:
    """Answer until Ctrl-C. Raises Failed `no-calls` without the extra."""
    from zajil.cli.failures import Failed
    from zajil.cli.output import console

    try:
        from zajil.cli.resident.answering import Answering, Voices

        voices = Voices(mode)
    except ModuleNotFoundError as missing:
        raise Failed("no-calls", remark=missing.name or "") from missing

    async def answered(client: Client) -> None:
        await client.sync()
        answering = Answering(client, voices, tell=_Teller(client).tell)
        console().print(words.READY())
        await _run(answering, stats)

    run_with_client(context, answered)


async def _run(answering: Answering, stats: Path | None) -> None:
    from zajil.cli.resident.answering import write_stats

    lives = [answering.run()] if stats is None else [answering.run(), write_stats(answering, stats)]
    await live_until_stopped(live_together(*lives))


class _Teller:
    """Says in a line when a call was answered, and when it ended and why."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._phase = ""

    def tell(self, view: CallView) -> None:
        from zajil.cli.output import console
        from zajil.cli.untrusted import clean_name

        before, self._phase = self._phase, view.phase
        if view.phase == "connecting" and before != "connecting":
            title = next((chat.title for chat in self._client.chats() if chat.id == view.chat), "")
            console().print(words.ANSWERED(chat=clean_name(title)), markup=False)
        elif view.phase == "ended" and before not in ("", "ended"):
            reason = words.ENDS.get(view.ended)
            console().print(words.OVER() if reason is None else f"{words.OVER()} {reason()}", markup=False)
