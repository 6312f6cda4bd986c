"""The worker's end: `python -m zajil.server.moderation.beside.worker DATA`, which a server starts.

It has its settings from the server, says over its standard output whom to wake and what it counted, and ends with the
server: by SIGTERM, or when its standard input closes.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

from zajil.channels.publishing import QUEUE
from zajil.channels.wakeups import Wakeups
from zajil.moderation.pipeline.work import Backlog, NoFigures
from zajil.server.config import ConfigError, load_settings
from zajil.server.logs import set_up_logging
from zajil.server.moderation.beside.words import (
    LINE_MAX_BYTES,
    Counted,
    Told,
    divide_topics,
    encode_told,
    parse_settings,
)
from zajil.server.moderation.worker import end_by_signal, work_until

_STDIN, _STDOUT, _STDERR = 0, 1, 2
_BEHIND_BYTES = 1 << 20
"""Words that a server which does not listen leaves waiting, beyond which new ones are lost."""


class Line:
    """The way up to the server. Words are lost where nobody takes them."""

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport

    def tell(self, told: Told) -> None:
        """Say this. Called on the event loop's thread."""
        if not self._transport.is_closing() and self._transport.get_write_buffer_size() < _BEHIND_BYTES:
            self._transport.write(encode_told(told))


class SharedWakeups(Wakeups):
    """Wake-ups of this process that reach the server's listeners too."""

    def __init__(self, tell: Callable[[Told], None]) -> None:
        super().__init__()
        self._tell = tell

    def wake(self, topics: Iterable[bytes]) -> None:
        """See `Wakeups`."""
        woken = set(topics)
        super().wake(woken)
        for each in divide_topics(woken - {QUEUE}):  # the queue is this process's own affair
            self._tell(each)

    def wake_worker(self) -> None:
        """The server says that something waits."""
        super().wake([QUEUE])


class ToldFigures:
    """Counts for the server, which has the listener that Prometheus asks; what came together is told together."""

    def __init__(self, tell: Callable[[Told], None]) -> None:
        self._tell = tell
        self._counted: Counted | None = None

    def count_post(self, lang: str, stage: int, outcome: str) -> None:
        """See `Figures`."""
        self._next().posts.append((lang, stage, outcome))

    def count_decision(self, action: str, category: str, source: str) -> None:
        """See `Figures`."""
        self._next().decisions.append((action, category, source))

    def count_skipped(self, stage: str) -> None:
        """See `Figures`."""
        self._next().skipped.append(stage)

    def note_batch(self, seconds: float) -> None:
        """See `Figures`."""
        self._next().batches_s.append(seconds)

    def note_delay(self, seconds: float) -> None:
        """See `Figures`."""
        self._next().delays_s.append(seconds)

    def note_backlog(self, backlog: Backlog) -> None:
        """See `Figures`."""
        self._next().backlog = backlog

    def _next(self) -> Counted:
        if self._counted is None:
            self._counted = Counted()
            asyncio.get_running_loop().call_soon(self._say)
        return self._counted

    def _say(self) -> None:
        if self._counted is not None:
            self._tell(self._counted)
            self._counted = None


async def run(data: Path, *, listen: int, speak: int) -> None:
    """Judge posts until a signal or the end of `listen`. listen, speak: files to and from the server, taken over.

    Raises ConfigError, KeyFileError.
    """
    loop = asyncio.get_running_loop()
    ended = end_by_signal()
    reader = asyncio.StreamReader(limit=LINE_MAX_BYTES)
    heard, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(listen, "rb", buffering=0)
    )
    spoken, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(speak, "wb", buffering=0))
    line = Line(spoken)
    first = await reader.readline()
    if first.endswith(b"\n"):  # else the server is gone already
        settings = parse_settings(first)
        wakeups = SharedWakeups(line.tell)

        async def hear() -> None:
            while await reader.read(LINE_MAX_BYTES):
                wakeups.wake_worker()
            ended.set()

        hearing = asyncio.create_task(hear())
        figures = ToldFigures(line.tell) if settings.metrics_port else NoFigures()
        await work_until(ended, data, settings, wakeups=wakeups, figures=figures)
        hearing.cancel()
    heard.close()
    spoken.close()


def main() -> None:
    """Run. Exit code 1 with a line of its own where settings or keys are not right."""
    from zajil.engine.keys import KeyFileError

    # What a library prints is no word to the server, and the processes that read shall not keep its pipe open.
    speak = os.dup(_STDOUT)
    os.dup2(_STDERR, _STDOUT)
    set_up_logging()
    try:
        set_up_logging(form=load_settings(Path(sys.argv[1])).log_form)
        asyncio.run(run(Path(sys.argv[1]), listen=_STDIN, speak=speak))
    except (ConfigError, KeyFileError) as error:
        sys.exit(f"moderation worker: {error}")


if __name__ == "__main__":
    main()
