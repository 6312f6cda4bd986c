"""What every client command stands on: which home, and a verb run with an open `Client`."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import typer

if TYPE_CHECKING:
    from zajil.client import Client

Result = TypeVar("Result")
_ASK_S = 5.0
"""So long a command waits for the server where a deletion was cut off; offline it still shows what is here."""


@dataclass(frozen=True)
class Frame:
    """The global options of this call. base: the folder of all profiles; home: of the one that is meant."""

    home: Path
    debug: bool = False
    profile: str = "default"
    base: Path = Path()


def frame_of(context: typer.Context) -> Frame:
    """The frame that the root callback put into the context."""
    found = context.find_root().obj
    if not isinstance(found, Frame):
        raise TypeError("commands run below the root callback")
    return found


def run_until_done(work: Coroutine[Any, Any, Result]) -> Result:
    """The result of the coroutine, in a loop of its own. Loaded late: the loop's module is a fifth of a quick start."""
    import asyncio

    return asyncio.run(work)


async def live_together(*lives: Coroutine[Any, Any, None]) -> None:
    """Until the first of them ends, or until cancelled; then none is left. Raises what it raised, as it is."""
    import asyncio

    tasks = [asyncio.ensure_future(life) for life in lives]
    try:
        ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in ended:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def live_until_stopped(life: Coroutine[Any, Any, None]) -> None:
    """Until it ends by itself, or by SIGTERM or Ctrl-C, which are no failure."""
    import asyncio
    import contextlib
    import signal

    task = asyncio.ensure_future(life)
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def run_with_client(context: typer.Context, verb: Callable[[Client], Awaitable[Result]]) -> Result:
    """Open the home's client, await the verb with it, close. Raises what the verb raises; `no-home` without one.

    Where a deletion of the account was cut off: if the server had done its part, the home is emptied, and this raises
    Failed `account-ended`; where the account lives without this device, `device-revoked`, once; else the person is told
    how to finish it, and the verb runs.
    """

    async def run(client: Client) -> Result:
        if client.deletion_begun():
            await _tell_of_deletion(client)
        return await verb(client)

    try:
        return run_while_ending(context, run)
    except _AccountEnded:
        from zajil.cli.failures import Failed
        from zajil.client import wipe_home

        wipe_home(frame_of(context).home)
        raise Failed("account-ended") from None


def run_while_ending(context: typer.Context, verb: Callable[[Client], Awaitable[Result]]) -> Result:
    """As `run_with_client`, for the command that ends the account: nothing is said of an earlier try."""

    async def opened() -> Result:
        from zajil.client import Client

        async with await Client.open(frame_of(context).home) as client:
            return await verb(client)

    return run_until_done(opened())


class _AccountEnded(Exception):
    """Nothing of the account is left but this home."""


async def _tell_of_deletion(client: Client) -> None:
    """Raises _AccountEnded where the server says so; it is asked only where it may, and not for long.

    Raises AuthError `device-revoked` where the deletion is none any more, as this device was removed.
    """
    import asyncio

    from zajil.cli.hints import suggest
    from zajil.cli.texts.lasting import ending as words
    from zajil.protocol.errors import ZajilError

    try:
        async with asyncio.timeout(_ASK_S):
            if await client.has_ended():
                raise _AccountEnded
    except (ZajilError, TimeoutError):
        if not client.deletion_begun():
            raise
    suggest(words.CUT_OFF(), "account", "delete")
