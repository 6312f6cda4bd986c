"""Tor's pluggable transports as programs of the machine: started when wanted, spoken to over their SOCKS5 port.

The client's half of the managed-proxy protocol: environment in, `CMETHOD` lines out, arguments of a bridge as SOCKS
user name and password. Inside runs the same WSS as everywhere, to the bridge's own edge.
Source: Tor, pt-spec (version 1), sections 3.2, 3.3, 3.5.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from zajil.transports.base import TLS_DEADLINE_S, DialError, Reason, Stage
from zajil.transports.sockets import Socks

STOP_S: Final = 2.0
_ARGS_MOST: Final = 2 * 255
_PORT_DIGITS: Final = 5


@dataclass(frozen=True, slots=True)
class Program:
    """What carries a transport: commands that do, best first, and the package that holds one."""

    commands: tuple[str, ...]
    package: str


PROGRAMS: Final[Mapping[str, Program]] = {
    "obfs4": Program(("lyrebird", "obfs4proxy"), "obfs4proxy"),
    "meek_lite": Program(("lyrebird", "obfs4proxy"), "obfs4proxy"),
    "webtunnel": Program(("webtunnel-client", "lyrebird"), "lyrebird"),
    "snowflake": Program(("snowflake-client", "lyrebird"), "snowflake-client"),
}


class Programs:
    """The running transport programs of one device. `close` ends them; so does the end of this process."""

    def __init__(self, commands: Mapping[str, str] | None = None) -> None:
        """commands: paths that a person chose, by transport name, in place of the known commands."""
        self.chosen: Mapping[str, str] = dict(commands or {})
        self._running: dict[str, _Running] = {}
        self._lock = asyncio.Lock()

    async def socks(self, name: str, args: Sequence[tuple[str, str]]) -> Socks:
        """Where to reach a bridge of this transport. Raises DialError, with a note where the program is missing."""
        user, password = encode_args(args)
        async with self._lock:
            running = self._running.get(name)
            if running is None or running.ended:
                path = self._find(name)
                if path is None:
                    package = self.find_missing(name)
                    raise DialError(Stage.TCP, Reason.PROXY, note=f"not installed: package {package}")
                running = self._running[name] = await _start(name, path)
        return replace(running.address, user=user, password=password)

    def find_missing(self, name: str) -> str | None:
        """The package that is to be installed for this transport, None where its program is here."""
        program = PROGRAMS.get(name, Program((), name))
        return program.package if self._find(name) is None else None

    def _find(self, name: str) -> str | None:
        known = PROGRAMS.get(name, Program((), name)).commands
        commands = (self.chosen[name],) if name in self.chosen else known
        return next((path for path in map(shutil.which, commands) if path is not None), None)

    async def close(self) -> None:
        """Ends the programs."""
        async with self._lock:
            for running in self._running.values():
                await running.stop()
            self._running.clear()


class _Running:
    """One program and the port it listens on."""

    def __init__(self, process: asyncio.subprocess.Process, folder: str) -> None:
        self.address = Socks("127.0.0.1", 0)
        self._process = process
        self._folder = folder
        self._reader: asyncio.Task[None] | None = None

    @property
    def ended(self) -> bool:
        return self._process.returncode is not None

    async def wait_ready(self, name: str) -> None:
        """Reads lines until the transport listens; then goes on reading, so that the program never blocks."""
        out = self._process.stdout
        while out is not None and (line := await _read_line(out)):
            word, *rest = line.decode("utf-8", "replace").split()[:4] or [""]
            if word == "CMETHOD" and rest[:2] == [name, "socks5"] and len(rest) == 3:
                self.address = _parse_address(rest[2])
                self._reader = asyncio.create_task(self._drain(out))
                return
            if word in ("CMETHOD-ERROR", "ENV-ERROR", "VERSION-ERROR", "CMETHODS"):
                break
        raise DialError(Stage.TCP, Reason.PROXY, note="the transport program did not start")

    async def _drain(self, out: asyncio.StreamReader) -> None:
        while await out.read(4096):
            pass

    async def stop(self) -> None:
        """Closing its input asks it to end (TOR_PT_EXIT_ON_STDIN_CLOSE); later it is ended."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            async with asyncio.timeout(STOP_S):
                await self._process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
            await self._process.wait()
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        shutil.rmtree(self._folder, ignore_errors=True)


async def _start(name: str, path: str) -> _Running:
    folder = tempfile.mkdtemp(prefix="zajil-pt-")
    kept = {key: os.environ[key] for key in ("PATH", "HOME", "LANG", "TMPDIR") if key in os.environ}
    try:
        process = await asyncio.create_subprocess_exec(
            path,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=kept
            | {
                "TOR_PT_MANAGED_TRANSPORT_VER": "1",
                "TOR_PT_STATE_LOCATION": folder,
                "TOR_PT_EXIT_ON_STDIN_CLOSE": "1",
                "TOR_PT_CLIENT_TRANSPORTS": name,
            },
        )
    except OSError:
        shutil.rmtree(folder, ignore_errors=True)
        raise DialError(Stage.TCP, Reason.PROXY, note="the transport program did not start") from None
    running = _Running(process, folder)
    try:
        async with asyncio.timeout(TLS_DEADLINE_S):
            await running.wait_ready(name)
    except TimeoutError:
        await running.stop()
        raise DialError(Stage.TCP, Reason.PROXY, note="the transport program did not start") from None
    except BaseException:
        await running.stop()
        raise
    return running


async def _read_line(out: asyncio.StreamReader) -> bytes:
    """b"" at the end, and for a line that no transport writes: one over 64 KiB."""
    try:
        return await out.readline()
    except ValueError:
        return b""


def _parse_address(text: str) -> Socks:
    host, _, port = text.rpartition(":")
    if not port.isdecimal() or len(port) > _PORT_DIGITS or not 0 < int(port) < 1 << 16:
        raise DialError(Stage.TCP, Reason.PROXY, note="the transport program did not start")
    return Socks(host.strip("[]"), int(port))


def encode_args(args: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """SOCKS user name and password for a bridge's arguments (pt-spec 3.5). Raises DialError for what does not fit."""
    text = ";".join(f"{_escape(key)}={_escape(value)}" for key, value in args)
    if len(text) > _ARGS_MOST or not text.isascii() or "\0" in text:
        raise DialError(Stage.TCP, Reason.PROXY, note="arguments of the transport")
    if not text:
        return "", ""
    return text[:255], text[255:] or "\0"


def _escape(text: str) -> str:
    for sign in ("\\", "=", ";"):
        text = text.replace(sign, "\\" + sign)
    return text
