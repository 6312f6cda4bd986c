"""`zajil serve`: start, say where, run until SIGTERM or SIGINT, drain, return."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import resource
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import uvloop
from msgspec.structs import replace

from zajil import native
from zajil.engine.reachkeys import FILE_NAME
from zajil.server.app import Server
from zajil.server.config import Settings, load_settings, refuse_password
from zajil.server.logs import set_up_logging

_LOG = logging.getLogger(__name__)
SWITCH_S: Final = 0.0002
"""After so long a thread that computes lets another one have the interpreter. Python's own is 5 ms."""
GARBAGE_AT: Final = (50_000, 20, 100)
"""New objects before Python looks for garbage among the newest, and how often before it looks among older ones."""
OPEN_FILES: Final = 1 << 20
"""More than that no server needs; some programs that are started walk through all numbers that are allowed."""


def serve(
    data: Path,
    *,
    host: str | None = None,
    port: int | None = None,
    registration: str | None = None,
    database: str | None = None,
    bus: str | None = None,
    metrics_port: int | None = None,
    dev: bool | None = None,
    relay: bool = False,
    tell_root: Callable[[Path], None] | None = None,
) -> None:
    """Run a server on this data directory until a signal ends it.

    Arguments that are None come from `zajil.toml` or the defaults. Prints `listening on http://HOST:PORT` once it
    accepts connections, and a line for a relay that it runs beside it. relay: run one, whatever the file says.
    tell_root: called with the key file when this start made the server's root.
    Raises ConfigError, KeyFileError, OSError (address in use) before that.
    """
    set_up_logging()
    refuse_password(database)
    told = {"host": host, "port": port, "registration": registration, "database": database, "bus": bus, "dev": dev}
    told["metrics_port"] = metrics_port
    settings = load_settings(data, **told)
    set_up_logging(form=settings.log_form)
    if relay:
        settings = replace(settings, calls=replace(settings.calls, relay="auto"))
    raise_open_files()
    uvloop.run(_run(data, settings, tell_root))


async def _run(data: Path, settings: Settings, tell_root: Callable[[Path], None] | None) -> None:
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_report)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    server = await Server.start(data, settings)
    settle_process()
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    sys.stdout.write(f"listening on http://{host}:{server.port}\n")
    if native.is_used():
        sys.stdout.write("the way of a message is compiled\n")
    if server.calling.runs_relay:
        sys.stdout.write(f"relay for calls on port {server.calling.relay_port}, UDP and TCP\n")
    sys.stdout.flush()
    if server.made_root and tell_root is not None:
        tell_root(data / FILE_NAME)
    await ended.wait()
    await server.stop()


def settle_process() -> None:
    """Make this process ready for work of many threads: call it once everything is loaded.

    The writing thread runs statements of some 20 us, and asks for the interpreter after each: with Python's 5 ms a
    thread that computes makes it wait as long as 200 of them take. What is loaded stays for good; looking for garbage
    in it would hold up every call for a tenth of a second. Python looks for garbage after 700 new objects:
    that took 18 % of the event loop's thread with 600 connections (docs/develop/performance.md).
    """
    sys.setswitchinterval(SWITCH_S)
    gc.collect()
    gc.freeze()
    gc.set_threshold(*GARBAGE_AT)


def raise_open_files() -> None:
    """Let this process have as many files and connections open as the system allows it: a shell's 1,024 are few.

    Who lowers the hard limit, as `LimitNOFILE=` and `ulimit -n` do, is obeyed.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with contextlib.suppress(ValueError, OSError):  # some systems allow less than they say
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _report(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """asyncio's own text may quote what a task worked on; only the exception's place is kept."""
    _LOG.error("a task failed", exc_info=context.get("exception"))
