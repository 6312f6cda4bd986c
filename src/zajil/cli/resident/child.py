"""One child process of this program: started with a line to wait for, stopped politely, told apart when it fails."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping, Sequence

from zajil.cli.failures import Failed

_START_S = 60.0
_STOP_S = 20.0


class Child:
    """`zajil ARGUMENTS` in its own session, so that Ctrl-C in the terminal reaches the supervisor alone."""

    def __init__(
        self, name: str, arguments: Sequence[str], *, environ: Mapping[str, str] | None = None, hint: str = ""
    ) -> None:
        """hint: what helps where it does not start, in place of the complaint's own."""
        self.name = name
        self.hint = hint
        self.arguments = tuple(arguments)
        self.environ = dict(environ or {})
        self.process: asyncio.subprocess.Process | None = None
        self._ending: asyncio.Task[int] | None = None

    @property
    def pid(self) -> int:
        """The process id; 0 before the start."""
        return self.process.pid if self.process is not None else 0

    async def start(self, prefix: str) -> str:
        """The rest of the first line of output that starts with `prefix`. Raises Failed `no-start`."""
        self._ending = None
        self.process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "zajil.cli.main",
            *self.arguments,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **self.environ},
            start_new_session=True,
        )
        try:
            async with asyncio.timeout(_START_S):
                return await self._wait_for_line(prefix)
        except TimeoutError:
            await self.stop()
            raise Failed("no-start", part=self.name, hint=self.hint) from None

    async def _wait_for_line(self, prefix: str) -> str:
        output = self._alive().stdout
        while output is not None:
            line = (await output.readline()).decode("utf-8", "replace")
            if not line:
                await self._alive().wait()
                break
            if line.startswith(prefix):
                return line.removeprefix(prefix).strip()
        raise Failed("no-start", part=self.name, hint=self.hint)

    def _alive(self) -> asyncio.subprocess.Process:
        if self.process is None:
            raise RuntimeError("the child was not started")
        return self.process

    async def ended(self) -> int:
        """The exit code, once it has ended; what it still prints is dropped so that it never blocks."""
        # One reader for all who wait: a stream refuses a second one, and a caller that gives up leaves it reading.
        if self._ending is None:
            self._ending = asyncio.create_task(self._drain())
        return await asyncio.shield(self._ending)

    async def _drain(self) -> int:
        process = self._alive()
        while process.stdout is not None and await process.stdout.read(65536):
            continue
        return await process.wait()

    def kill(self) -> None:
        """SIGKILL: as a power cut."""
        self._alive().kill()

    async def stop(self) -> None:
        """SIGTERM, then SIGKILL if it does not end in time."""
        process = self.process
        if process is None or process.returncode is not None:
            return
        process.terminate()
        try:
            async with asyncio.timeout(_STOP_S):
                await self.ended()
        except TimeoutError:
            process.kill()
            await process.wait()
