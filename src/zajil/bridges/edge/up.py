"""`zajil bridge up`: join once, then serve until a signal ends it."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import uvloop

from zajil.bridges.edge.config import ConfigError, EdgeConfig, load_config
from zajil.bridges.edge.daemon import Bridge
from zajil.bridges.edge.home import Credential, Home
from zajil.protocol.errors import ZajilError

_BAD_CODE: Final = frozenset({"malformed", "not-allowed"})


class BridgeBusy(Exception):
    """The bridge of this folder is running already."""


class CodeRefused(Exception):
    """The home server does not take the code to join with: mistyped, used or too old."""


def run_bridge(path: Path, *, joined: Callable[[], None], ready: Callable[[], None]) -> None:
    """Run the bridge with these settings until SIGTERM or SIGINT. Its other files are beside them.

    joined: called when it has joined its home server, which it does once. ready: called when it listens.
    Raises ConfigError, BridgeBusy, CodeRefused, DialError and whatever the home server refuses joining with, OSError.
    """
    config, folder = load_config(path), path.absolute().parent
    with _alone(folder):
        uvloop.run(_run(config, folder, joined=joined, ready=ready))


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One bridge in a folder: a second one would take over the first one's socket. Raises BridgeBusy, OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BridgeBusy from None
        yield
    finally:
        os.close(descriptor)


async def _run(config: EdgeConfig, folder: Path, *, joined: Callable[[], None], ready: Callable[[], None]) -> None:
    # Whatever a library would write down here is about visitors.
    logging.disable(logging.CRITICAL)
    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    home = Home(config)
    try:
        home.be(await _credential(config, folder, home, joined))
        bridge = await Bridge.start(config, folder, home)
        try:
            ready()
            await ended.wait()
        finally:
            await bridge.stop()
    finally:
        await home.close()


async def _credential(config: EdgeConfig, folder: Path, home: Home, joined: Callable[[], None]) -> bytes:
    kept = Credential(folder)
    found = kept.read()
    if found is not None:
        return found
    if not config.join:
        raise ConfigError("join: the operator's code is missing, and this bridge has not joined yet")
    try:
        answer = await home.join(config, asking=kept.asking())
    except ZajilError as refusal:
        if refusal.code in _BAD_CODE:
            kept.take_refusal()
            raise CodeRefused from refusal
        raise
    kept.write(answer)
    joined()
    return bytes(answer.credential)
