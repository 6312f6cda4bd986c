"""`zajil moderation worker`: the pipeline in a process of its own, on the data directory of a server.

It takes from the same outbox and writes to the same tables; the server learns of it by polling. One at a time: the
index of copies is in its memory.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import IO, Final

from zajil.channels.context import Channels
from zajil.channels.identity.challenge import PersonaChallenges
from zajil.engine.limits import Limits
from zajil.engine.sql.database import FILE_NAME, Database
from zajil.moderation.pipeline.benches import Benches
from zajil.moderation.pipeline.storing import Sampler
from zajil.moderation.pipeline.work import Point
from zajil.server.config import ConfigError, Settings, load_settings
from zajil.server.logs import set_up_logging
from zajil.server.moderation.wiring import Moderation
from zajil.server.public_space import find_fold

LOCK_FILE: Final = "moderation.lock"


def work(data: Path, *, tell: Callable[[], None]) -> None:
    """Judge posts until SIGTERM or SIGINT. tell: called once it does. Raises ConfigError, KeyFileError."""
    set_up_logging()
    settings = load_settings(data)
    if not (settings.moderation.enabled and settings.moderation.worker == "apart"):
        raise ConfigError('the server judges posts itself unless [moderation] says enabled = true and worker = "apart"')
    if not (data / FILE_NAME).exists():
        raise ConfigError("no server has run on this data directory yet")
    asyncio.run(_run(data, settings, tell))


async def _run(data: Path, settings: Settings, tell: Callable[[], None]) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    lock = lock_worker(data)
    database = Database.open(data / FILE_NAME)
    moderation = make_worker(data, database, settings)
    try:
        await moderation.start()
        await moderation.loaded()
        tell()
        sys.stdout.flush()
        await ended.wait()
    finally:
        await moderation.stop()
        await asyncio.to_thread(database.close)
        lock.close()


def make_worker(
    data: Path,
    database: Database,
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    benches: Benches | None = None,
    sampler: Sampler | None = None,
    reached: Callable[[Point], None] = lambda _point: None,
) -> Moderation:
    """The pipeline on a database, without a server. Nobody hears its wake-ups here. The rest: see `Moderation`."""
    space = Channels(
        db=database,
        limits=Limits(settings.limits),
        challenges=PersonaChallenges(os.urandom(32), os.urandom),
        origin=settings.server_name,
        clock=clock,
        spend_pass=lambda _db, _pass: False,
        fold=find_fold(),
        record_decision=lambda _db, _told: None,
        gate_timeout_s=settings.gate_timeout_s,
        gate_hold_s=settings.gate_hold_s,
        waiting_max=settings.public_waiting_max,
        random=os.urandom,
    )
    return Moderation(
        data, database, space, settings=settings, works=True, benches=benches, sampler=sampler, reached=reached
    )


def lock_worker(data: Path) -> IO[bytes]:
    """Hold the worker's place on this data directory. Raises ConfigError where it is taken."""
    file = (data / LOCK_FILE).open("ab")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise ConfigError("another moderation worker runs on this data directory") from None
    return file
