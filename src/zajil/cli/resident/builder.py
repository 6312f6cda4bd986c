"""The build of the web client in a clone, in a child process beside the server, which shows how far it is.

A released wheel carries the client: there is nothing to build there. ZAJIL_WEB=skip leaves it out.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

_SCRIPT = "hatch_build.py"
_KEPT_BYTES = 4000


def find_clone(environ: Mapping[str, str]) -> Path | None:
    """The root of the clone this program runs from, if the client can be built there."""
    root = Path(__file__).resolve().parents[4]
    wanted = environ.get("ZAJIL_WEB") != "skip"
    return root if wanted and (root / _SCRIPT).is_file() and (root / "web" / "package.json").is_file() else None


class ClientBuild:
    """`hatch_build.py --if-stale` of one clone."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._process: asyncio.subprocess.Process | None = None
        self._ending: asyncio.Task[bool] | None = None
        self.complaint = ""
        """The last line of a build that failed."""

    @property
    def done(self) -> bool:
        """Whether it has ended, well or not."""
        return self._ending is not None and self._ending.done()

    async def start(self) -> None:
        """Begin; it ends at once where the client is there and nothing has changed."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(self._root / _SCRIPT),
            "--if-stale",
            cwd=self._root,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        self._ending = asyncio.create_task(self._watch(self._process))

    async def _watch(self, process: asyncio.subprocess.Process) -> bool:
        said = b""
        while process.stderr is not None and (part := await process.stderr.read(4096)):
            said = (said + part)[-_KEPT_BYTES:]
        lines = said.decode("utf-8", "replace").strip().splitlines()
        self.complaint = lines[-1] if lines else ""
        return await process.wait() == 0

    async def ended(self) -> bool:
        """Waits for the end; whether the client is there now."""
        return self._ending is not None and await asyncio.shield(self._ending)

    async def stop(self) -> None:
        """End it with everything it started."""
        if self._process is None or self._ending is None or self._ending.done():
            return
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(10):
                await self.ended()
        except TimeoutError:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            await self.ended()
