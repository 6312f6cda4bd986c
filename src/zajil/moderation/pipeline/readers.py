"""Who reads posts for the worker: processes of its own, a socket to each (`reader`), or a thread of its process.

A process has one batch at a time, so what it has not taken waits here, not in a socket. One that dies, or that has not
answered in time, is ended with its batch, which the worker divides and asks for again; another is started for that. It
is the worker's alone to say what becomes of a post: what comes back from here is a reading or an exception.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Final, Protocol, Self

import msgspec

from zajil.moderation.pipeline import reading
from zajil.moderation.pipeline.reader import SIZE_BYTES, Answered, Asked, Refused, Told, encode_frame, parse_told
from zajil.moderation.pipeline.reading import Levels, Reading

MODULE: Final = "zajil.moderation.pipeline.reader"
START_S: Final = 120.0
"""How long a process may take to load its models."""
READ_S: Final = 10.0
"""How long for a batch, which takes below a second: beyond, a text has it running in circles. Large texts take more."""
READ_BYTES_S: Final = 100_000
"""Of the texts a second; it reads some three times as many."""
_BUFFER_BYTES: Final = 1 << 20


class UnreadableError(Exception):
    """A batch cannot be read, for one of its texts, as it seems."""


class NoReaderError(Exception):
    """There is no process to read, and no text is to blame."""


class Readers(Protocol):
    """Read batches, off the event loop."""

    async def start(self) -> None:
        """Load the models. Raises NoReaderError."""

    async def read(self, texts: Sequence[str], levels: Levels) -> list[Reading]:
        """`read_texts`. Raises NoReaderError, and any other exception where a text brings it about."""

    async def stop(self) -> None:
        """End what reads. Nothing is on its way any more, or its caller is cancelled."""


class ThreadReaders:
    """Reads in a thread of this process."""

    def __init__(self) -> None:
        self._thread: Final = ThreadPoolExecutor(1, thread_name_prefix="zajil-reading")

    async def start(self) -> None:
        """See `Readers`."""
        await asyncio.get_running_loop().run_in_executor(self._thread, reading.load_models)

    async def read(self, texts: Sequence[str], levels: Levels) -> list[Reading]:
        """See `Readers`."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, reading.read_texts, texts, levels)

    async def stop(self) -> None:
        """See `Readers`."""
        await asyncio.to_thread(self._thread.shutdown, cancel_futures=True)


class ReaderProcess:
    """One process, ready; made by `start`."""

    def __init__(
        self, process: asyncio.subprocess.Process, incoming: asyncio.StreamReader, outgoing: asyncio.StreamWriter
    ) -> None:
        self._process = process
        self._incoming = incoming
        self._outgoing = outgoing

    @classmethod
    async def start(cls) -> Self:
        """One that has loaded its models. Raises NoReaderError."""
        ours, theirs = socket.socketpair()
        with theirs:
            incoming, outgoing = await asyncio.open_unix_connection(sock=ours, limit=_BUFFER_BYTES)
            try:
                # -P: what lies in the folder somebody started the worker from is not imported. A session of its own:
                # what a terminal says to the worker is not said to it.
                process = await asyncio.create_subprocess_exec(
                    *(sys.executable, "-P", "-m", MODULE),
                    stdin=theirs.fileno(),
                    stdout=asyncio.subprocess.DEVNULL,
                    start_new_session=True,
                )
            except BaseException as cause:
                outgoing.close()
                if isinstance(cause, OSError):
                    raise NoReaderError("no process can be started") from cause
                raise
        made = cls(process, incoming, outgoing)
        try:
            async with asyncio.timeout(START_S):
                await made._hear()
        except BaseException as cause:
            await made.end()
            if isinstance(cause, UnreadableError | TimeoutError):
                raise NoReaderError("a process that reads did not come up") from cause
            raise
        return made

    @property
    def is_there(self) -> bool:
        """Whether it has not ended by itself, as far as anybody heard."""
        return not self._incoming.at_eof() and self._process.returncode is None

    async def ask(self, frame: bytes) -> Told:
        """What it says. It is no good any more after an exception, or if cancelled. Raises UnreadableError."""
        try:
            async with asyncio.timeout(READ_S + len(frame) / READ_BYTES_S):
                self._outgoing.write(frame)
                await self._outgoing.drain()
                return await self._hear()
        except ConnectionError as cause:
            raise UnreadableError("the process that read ended") from cause
        except TimeoutError as cause:
            raise UnreadableError("the process that read did not answer") from cause

    async def end(self) -> None:
        """It is gone. There is nothing that it would have to put away."""
        with suppress(ProcessLookupError):
            self._process.kill()
        self._outgoing.close()
        with suppress(ConnectionError):
            await self._outgoing.wait_closed()
        await self._process.wait()

    async def _hear(self) -> Told:
        try:
            size = int.from_bytes(await self._incoming.readexactly(SIZE_BYTES), "big")
            return parse_told(await self._incoming.readexactly(size))
        except asyncio.IncompleteReadError as cause:
            raise UnreadableError("the process that read ended") from cause
        except msgspec.MsgspecError as cause:
            raise UnreadableError("the process that reads is of another version") from cause


class ProcessReaders:
    """Reads in processes. workers: how many batches at once, one at least."""

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._room = asyncio.Semaphore(workers)
        self._idle: list[ReaderProcess] = []

    async def start(self) -> None:
        """See `Readers`."""
        failed: list[NoReaderError] = []

        async def begin() -> None:
            try:
                self._idle.append(await ReaderProcess.start())
            except NoReaderError as cause:
                failed.append(cause)

        async with asyncio.TaskGroup() as group:
            for _ in range(self._workers - len(self._idle)):
                group.create_task(begin())
        if failed:
            raise failed[0]

    async def read(self, texts: Sequence[str], levels: Levels) -> list[Reading]:
        """See `Readers`."""
        frame = encode_frame(Asked(tuple(texts), levels))
        async with self._room:
            process = await self._take()
            try:
                told = await process.ask(frame)
                if isinstance(told, Answered) and len(told.readings) != len(texts):
                    raise UnreadableError("the process that read answered for other texts")
            except BaseException:
                await process.end()
                raise
            self._idle.append(process)
        match told:
            case Answered():
                return told.readings
            case Refused():
                raise UnreadableError(told.why)

    async def stop(self) -> None:
        """See `Readers`."""
        while self._idle:
            await self._idle.pop().end()

    async def _take(self) -> ReaderProcess:
        while self._idle:
            process = self._idle.pop()
            if process.is_there:
                return process
            await process.end()
        return await ReaderProcess.start()


def open_readers(workers: int) -> Readers:
    """So many processes, begun by `start`; a thread for 0."""
    return ProcessReaders(workers) if workers else ThreadReaders()


def spare_cores() -> int:
    """How many reading processes this machine has room for: one core is left to the server; 0 where it is the only."""
    return max(0, len(os.sched_getaffinity(0)) - 1)
