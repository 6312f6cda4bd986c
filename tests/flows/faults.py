"""A client's process that meets one fault: an end at a boundary of a step, SIGKILL at any moment, or none."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import random
import signal
import threading
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import NamedTuple

from tests.client import victim

from zajil.client import Client
from zajil.client.shell.device import Device
from zajil.protocol.errors import Conflict, Limited, Unavailable, ZajilError

KILLED, UNFINISHED = 77, 78
"""Exit codes: at a boundary; work that the server, gone meanwhile, did not take yet."""
TEXTS = 3


class Fault(NamedTuple):
    """boundaries: of steps, until the process ends; 0 for never. kill_s: seconds until a SIGKILL; 0 for none."""

    boundaries: int = 0
    kill_s: float = 0.0

    @property
    def strikes(self) -> bool:
        return self != Fault()


def draw(chance: random.Random) -> Fault:
    match chance.randrange(5):
        case 0:
            return Fault()
        case 1 | 2:
            return Fault(boundaries=chance.randint(1, 60))
        case _:
            return Fault(kill_s=chance.uniform(0.01, 1.2))


class Work(NamedTuple):
    """What one life does. word: begins its texts, and is the new title where `renames`."""

    home: Path
    chat: str
    word: str
    renames: bool
    fault: Fault


def begin(work: Work, ledger: Path) -> BaseProcess:
    """The process, at work. `Process.exitcode` is 0, KILLED, UNFINISHED or -SIGKILL; anything else is a failure."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.flows.faults"])
    process = context.Process(target=_live, args=(work, ledger))
    process.start()
    return process


def _live(work: Work, ledger: Path) -> None:
    left = work.fault.boundaries

    def hook(_name: str) -> None:
        nonlocal left
        left -= 1
        if not left:
            os._exit(KILLED)

    async def main() -> None:
        descriptor = os.open(ledger, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        async with Client(Device(work.home, hook=hook)) as client:
            chat = next(one for one in client.chats() if one.id == work.chat)
            for number in range(TEXTS):
                await client.send(chat, f"{work.word} {number}")
                os.write(descriptor, f"queued {work.word.replace(' ', '_')}_{number}\n".encode())
            if work.renames:
                await client.rename_group(chat, work.word)
            await client.sync()

    if work.fault.kill_s:
        threading.Timer(work.fault.kill_s, os.kill, (os.getpid(), signal.SIGKILL)).start()
    with victim.recording(ledger):
        try:
            asyncio.run(main())
        except ZajilError as reason:
            os._exit(UNFINISHED if isinstance(reason, Unavailable | Conflict | Limited) else 1)
    os._exit(0)  # before the timer
