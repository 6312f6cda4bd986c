"""`run`, `echo`, `demo`: the first minutes."""

from __future__ import annotations

from typing import Annotated

import typer

from zajil.cli.commands.account import ServerUrl
from zajil.cli.commands.options import DataFolder, decide_data
from zajil.cli.commands.server import WithParent
from zajil.cli.frame import frame_of, run_until_done
from zajil.cli.texts import demo as demo_words
from zajil.cli.texts import server as words


def run(
    *,
    data: DataFolder = None,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help=words.HOST_OPTION(), show_default="127.0.0.1")
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", metavar="PORT", min=0, max=65535, help=words.PORT_OPTION(), show_default="8440")
    ] = 8440,
) -> None:
    """A server, Echo, an invite, and what to do next; until Ctrl-C."""
    from zajil.cli.resident.supervisor import run as run_until_stopped

    run_until_done(run_until_stopped(decide_data(data), host=host, port=port))


def echo(context: typer.Context, server: ServerUrl, *, with_parent: WithParent = False) -> None:
    """Echo itself; `zajil run` starts it."""
    from zajil.cli.resident.echo import live_until_stopped
    from zajil.cli.resident.lifeline import end_with_parent

    if with_parent:
        end_with_parent()
    run_until_done(live_until_stopped(frame_of(context).home, server=server))


def demo(*, fast: Annotated[bool, typer.Option("--fast", help=demo_words.FAST_OPTION())] = False) -> None:
    """The two-minute story; exit 1 if one of its steps did not hold."""
    from zajil.cli.demo.story import play

    if not run_until_done(play(fast=fast)):
        raise typer.Exit(1)
