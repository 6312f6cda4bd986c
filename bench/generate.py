"""The load: one uvloop process of raw connections, with one way to see a message arrive for all protocols.

A message carries `@@` and 19 digits, the sender's `perf_counter_ns`; whoever receives looks for the mark in the bytes
that came, whatever lies around it. An adapter (`bench/adapters`) opens the connections, says how a stamp is sent on
each pair, and reports each stamp that arrived. Two shapes of load: `saturate`, where each pair sends again when its
last message arrived, and `pace`, where messages leave at a fixed rate whatever arrives.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import ssl
import struct
import time
from array import array
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from bench.measure import percentile
from bench.rounds import WrongResultError

MARK: Final = b"@@"
STAMP_BYTES: Final = len(MARK) + 19
BODY_BYTES: Final = 256
PATIENCE_S: Final = 20.0
DRAIN_S: Final = 120.0
"""A server that was sent more than it can take works its queue off after."""
MS: Final = 1e6
"""Nanoseconds."""


def make_stamp() -> bytes:
    """Mark and time of now."""
    return b"@@%019d" % time.perf_counter_ns()


def make_body(stamp: bytes) -> bytes:
    """256 bytes that every protocol may carry, the stamp in front."""
    return stamp.ljust(BODY_BYTES, b"x")


class Link(asyncio.Protocol):
    """One raw connection. Until it is `live`, what comes is waited for; then it goes to `take`."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.lost: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._buffer = bytearray()
        self._waiter: asyncio.Future[None] | None = None
        self._live = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See asyncio."""
        self.transport = transport  # type: ignore[assignment]  # a stream's

    def connection_lost(self, _: Exception | None) -> None:
        """See asyncio."""
        if not self.lost.done():
            self.lost.set_result(None)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_exception(WrongResultError("a connection was closed"))

    def data_received(self, data: bytes) -> None:
        """See asyncio."""
        if self._live:
            self.take(data)
            return
        self._buffer += data
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def take(self, data: bytes) -> None:
        """What came on a live connection."""

    def write(self, data: bytes) -> None:
        """Send. Nothing once the connection is closed."""
        if self.transport is not None:
            self.transport.write(data)

    async def until(self, *marks: bytes) -> bytes:
        """What came up to the end of the first of these marks to stand there. Raises WrongResultError."""
        deadline = asyncio.get_running_loop().time() + PATIENCE_S
        while not (ends := [at + len(mark) for mark in marks if (at := self._buffer.find(mark)) >= 0]):
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout_at(deadline):
                    await self._waiter
            except TimeoutError:
                raise WrongResultError(f"no {marks[0]!r} in {PATIENCE_S:g} s: {bytes(self._buffer[-200:])!r}") from None
        found = bytes(self._buffer[: min(ends)])
        del self._buffer[: min(ends)]
        return found

    def go_live(self) -> None:
        """From now on what comes goes to `take`, beginning with what came already."""
        self._live = True
        if self._buffer:
            waiting = bytes(self._buffer)
            self._buffer.clear()
            self.take(waiting)

    def close(self) -> None:
        """End it at once."""
        if self.transport is not None:
            self.transport.abort()
            self.transport = None


class Scanner:
    """Finds stamps in the bytes of one connection, wherever these are cut."""

    def __init__(self) -> None:
        self._tail = b""

    def find(self, data: bytes) -> Iterator[int]:
        """The times of the stamps that are whole now, in order."""
        if self._tail:
            data = self._tail + data
        at = data.find(MARK)
        while at >= 0 and len(data) - at >= STAMP_BYTES:
            yield int(data[at + 2 : at + STAMP_BYTES])
            last, at = at + STAMP_BYTES, data.find(MARK, at + STAMP_BYTES)
            if at < 0:
                data = data[last:]
        self._tail = data[at:] if at >= 0 else (MARK[:1] if data.endswith(MARK[:1]) else b"")


class Marked(Link):
    """A connection whose stamps are all that matters. arrived: called with the time of each."""

    def __init__(self, arrived: Callable[[int], None] = lambda _: None) -> None:
        super().__init__()
        self._scanner = Scanner()
        self._arrived = arrived

    def take(self, data: bytes) -> None:
        """See Link."""
        for stamped in self._scanner.find(data):
            self._arrived(stamped)


async def connect(make: Callable[[], Link], port: int, *, tls: ssl.SSLContext | None = None) -> Link:
    """A connection to this port of this machine."""
    _, link = await asyncio.get_running_loop().create_connection(make, "127.0.0.1", port, ssl=tls)
    return link


class Load:
    """Counts what pairs send and receive. Latencies are nanoseconds, of the window since `clear`."""

    def __init__(self, pairs: int) -> None:
        self.send: Sequence[Callable[[bytes], None]] = ()
        self.sent = self.received = self.disordered = self.refused = 0
        self.latencies = array("q")
        self.late = self.is_cut = False
        self._last = [0] * pairs
        self._loops = False
        self._idle: asyncio.Future[None] | None = None
        self._paced: asyncio.Future[None] | None = None

    def arrived(self, pair: int, stamped: int) -> None:
        """A message of this pair is here."""
        self.latencies.append(time.perf_counter_ns() - stamped)
        self.received += 1
        if stamped <= self._last[pair]:
            self.disordered += 1
        self._last[pair] = stamped
        if self._loops:
            self.post(pair)
        else:
            self._look()

    def refuse(self) -> None:
        """The server has too much to do, and one message will not arrive."""
        self.refused += 1
        self._look()

    def cut(self) -> None:
        """The server had too much to do and closed a session: nobody knows what of it will still arrive.

        `pace` and `drain` end at once.
        """
        self.is_cut = True
        for waiting in (self._idle, self._paced):
            if waiting is not None and not waiting.done():
                waiting.set_result(None)

    def _look(self) -> None:
        if self._idle is not None and self._is_even and not self._idle.done():
            self._idle.set_result(None)

    @property
    def _is_even(self) -> bool:
        return self.is_cut or self.received + self.refused >= self.sent

    def post(self, pair: int) -> None:
        """Send one message on this pair."""
        self.sent += 1
        self.send[pair](make_stamp())

    def begin(self) -> None:
        """Every pair sends, and again when its message arrived."""
        self._loops = True
        for pair in range(len(self.send)):
            self.post(pair)

    def halt(self) -> None:
        """What is on its way arrives; nothing is sent for it."""
        self._loops = False

    def clear(self) -> None:
        """A window begins."""
        self.latencies = array("q")
        self.late = False

    async def pace(self, rate_per_s: float, seconds: float) -> None:
        """Send at this rate, on one pair after the other. `late` if the load could not keep up."""
        if self.is_cut:
            return
        wanted, began = int(rate_per_s * seconds), self.sent
        done = self._paced = asyncio.get_running_loop().create_future()
        started = time.perf_counter()

        def due(times: int) -> None:
            for _ in range(min(times, wanted - (self.sent - began))):
                self.post(self.sent % len(self.send))
            if self.sent - began >= wanted and not done.done():
                done.set_result(None)

        with every(1 / rate_per_s, due):
            await done
        self._paced = None
        self.late = time.perf_counter() - started > seconds * 1.02 + 0.01

    async def drain(self) -> None:
        """Until all that was sent has arrived or was refused. Raises WrongResultError if it does not."""
        if not self._is_even:
            self._idle = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(DRAIN_S):
                    await self._idle
            except TimeoutError:
                raise WrongResultError(f"{self.sent} sent, {self.received} received") from None
            self._idle = None

    def milliseconds(self, share: float) -> float:
        """A percentile of this window's latencies. Raises WrongResultError where none arrived."""
        if not self.latencies:
            raise WrongResultError("nothing arrived")
        return percentile(self.latencies, share) / MS


@contextmanager
def every(seconds: float, act: Callable[[int], None]) -> Iterator[None]:
    """Call `act` at this pace with how often it is due by now; usually 1.

    A timer of the kernel (`timerfd_create(2)`), since those of event loops count whole milliseconds, in which several
    messages would be due at once.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    file = libc.timerfd_create(1, os.O_NONBLOCK | os.O_CLOEXEC)  # CLOCK_MONOTONIC
    if file < 0:
        raise OSError(ctypes.get_errno(), "timerfd_create")
    whole, rest = divmod(int(seconds * 1e9), 1_000_000_000)
    libc.timerfd_settime(file, 0, struct.pack("@4l", whole, rest, whole, rest), None)
    loop = asyncio.get_running_loop()

    def ready() -> None:
        act(struct.unpack("@Q", os.read(file, 8))[0])

    loop.add_reader(file, ready)
    try:
        yield
    finally:
        loop.remove_reader(file)
        os.close(file)
