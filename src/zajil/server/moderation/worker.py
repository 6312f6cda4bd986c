"""The pipeline in a process of its own, on the data directory of a server: `zajil moderation worker`, or its child.

It takes from the same outbox and writes to the same tables. One at a time: the index of copies is in its memory. Of
what `zajil moderation worker` does the server learns over the bus, without one by polling; a child of its own tells it
(`beside`).
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from zajil.channels.context import Channels
from zajil.channels.identity.challenge import PersonaChallenges
from zajil.channels.wakeups import Wakeups
from zajil.engine.limits import Limits
from zajil.engine.sql.database import Database
from zajil.engine.sql.sqlite.database import FILE_NAME
from zajil.moderation.pipeline.benches import Benches
from zajil.moderation.pipeline.storing import Sampler
from zajil.moderation.pipeline.work import Figures, Point
from zajil.server.backup.following import follow_standbys
from zajil.server.buses import open_bus
from zajil.server.config import ConfigError, Settings, load_settings
from zajil.server.logs import set_up_logging
from zajil.server.moderation.alone import alone
from zajil.server.moderation.wiring import Moderation
from zajil.server.public_space import find_fold
from zajil.server.schema import check_current, find_database, hold_worker

_PLACE_S: Final = 30.0
_PLACE_LOOK_S: Final = 0.1


def work(data: Path, *, tell: Callable[[], None]) -> None:
    """Judge posts until SIGTERM or SIGINT. tell: called once it does. Raises ConfigError, KeyFileError."""
    set_up_logging()
    settings = load_settings(data)
    set_up_logging(form=settings.log_form)
    if not (settings.moderation.enabled and settings.moderation.worker == "apart"):
        raise ConfigError(
            'the server has a worker of its own unless [moderation] says enabled = true, worker = "apart"'
        )
    if not (settings.database or (data / FILE_NAME).exists()):
        raise ConfigError("no server has run on this data directory yet")
    asyncio.run(_run(data, settings, tell))


async def _run(data: Path, settings: Settings, tell: Callable[[], None]) -> None:
    ended = end_by_signal()
    bus = await open_bus(data, settings)
    try:
        with hold_worker(data):
            async with (
                alone(settings.database, lost=ended.set),
                working(data, settings, wakeups=Wakeups(bus)) as moderation,
            ):
                await moderation.loaded()
                tell()
                sys.stdout.flush()
                await ended.wait()
    finally:
        await bus.close()


async def work_until(
    ended: asyncio.Event, data: Path, settings: Settings, *, wakeups: Wakeups, figures: Figures
) -> None:
    """Judge posts until `ended` is set. A worker before this one, whose server was killed, gets time to end.

    Raises ConfigError (another worker goes on), KeyFileError.
    """
    patience = time.monotonic() + _PLACE_S
    while True:
        try:
            lock = hold_worker(data)
            break
        except ConfigError:
            if time.monotonic() > patience:
                raise
        with suppress(TimeoutError):
            async with asyncio.timeout(_PLACE_LOOK_S):
                await ended.wait()
                return
    with lock:
        async with (
            alone(settings.database, lost=ended.set),
            working(data, settings, wakeups=wakeups, figures=figures),
        ):
            await ended.wait()


def end_by_signal() -> asyncio.Event:
    """Set by SIGTERM or SIGINT from now on."""
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    return ended


@asynccontextmanager
async def working(
    data: Path, settings: Settings, *, wakeups: Wakeups | None = None, figures: Figures | None = None
) -> AsyncIterator[Moderation]:
    """The pipeline on a data directory, started; it may load yet. The caller holds the worker's place.

    Raises ConfigError, KeyFileError.
    """
    database = find_database(data, settings.database)
    try:
        # Beside a server that starts at the same moment, or one of an older version, no table may be as it is needed.
        check_current(database)
        follow_standbys(database)
        moderation = make_worker(data, database, settings, wakeups=wakeups, figures=figures)
        try:
            await moderation.start()
            yield moderation
        finally:
            await moderation.stop()
    finally:
        await asyncio.to_thread(database.close)


def make_worker(
    data: Path,
    database: Database,
    settings: Settings,
    *,
    clock: Callable[[], float] = time.time,
    wakeups: Wakeups | None = None,
    figures: Figures | None = None,
    benches: Benches | None = None,
    sampler: Sampler | None = None,
    reached: Callable[[Point], None] = lambda _point: None,
) -> Moderation:
    """The pipeline on a database, without a server.

    wakeups: who else hears of what is done; None for nobody. The rest: see `Moderation`.
    """
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
        wakeups=wakeups or Wakeups(),
    )
    return Moderation(
        data,
        database,
        space,
        settings=settings,
        works=True,
        figures=figures,
        benches=benches,
        sampler=sampler,
        reached=reached,
    )
