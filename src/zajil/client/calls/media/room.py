"""The media room of one call: our connection to it, kept open, and the clock that sends and plays.

    open -> current, which is sent on; the one before it is read for 2 s more, since the room shares among connections
    closed: 4401, 1012, 1006, 4408 -> another one, with a new ticket; ten seconds without any -> failed
            4403, 4429, 1013       -> failed: it would end so again

The upload goes on over all of them: same `pc`, counters go on. Sound that cannot be sent in its time is not sent.
Source: docs/protocol/calls.md, "Media rooms"; docs/protocol/call-media.md.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from zajil.client.calls.frames import SealedMedia
from zajil.client.calls.keys import CounterSpent
from zajil.client.calls.media.roomvoice import NotSealed, Upload
from zajil.client.calls.way import MediaClosed, MediaWay, OpenMedia
from zajil.protocol.calls import media
from zajil.protocol.calls.jitter import FRAME_MS
from zajil.protocol.errors import Malformed, ZajilError

SKIP_BYTES: Final = 16_384
"""With more on its way to the network, sound is skipped."""
PATIENCE_MS: Final = 10_000
OVERLAP_S: Final = 2.0
FRESH_MS: Final = 800
"""A connection this young is not replaced: what is missed by then was sent before it came."""
PAUSES_S: Final = (0.0, 0.5, 1.0, 2.0)
STEADY_MS: Final = 3_000
"""A connection that ends sooner is no better than none, whatever was said on it."""
DOUBTS: Final = 8
DOUBT_EACH_MS: Final = 30_000
"""What a peer says or keeps to itself makes so many new connections at once, and one in so long. Each takes a ticket,
of which an address has 60 in ten minutes: without this a peer could use them up for all calls from here."""
OLD_MS: Final = 540_000
"""The server ends a connection after ten minutes. Another one comes before, so that there is no gap."""
SILENT_MS: Final = 3_000
TICK_MS: Final = 20
REPORT_TURNS: Final = 1000 // FRAME_MS
HELD_UP_TURNS: Final = 10
"""A loop that was held up for longer does not send all it missed at once."""
STUCK_TURNS: Final = 50
"""So long nothing gets through before another connection is tried."""
_FINAL: Final = (media.ROOM_FULL, media.TOO_MUCH, media.TRY_LATER)
_log = logging.getLogger(__name__)


class Doubts:
    """How often a peer may yet have a connection opened: DOUBTS times at once, and once in DOUBT_EACH_MS."""

    def __init__(self, now_ms: Callable[[], int]) -> None:
        self._now_ms = now_ms
        self._until_ms = 0

    @property
    def are_spent(self) -> bool:
        """Whether peers have had it opened as often as they may."""
        return self._next_until_ms() > self._now_ms() + DOUBTS * DOUBT_EACH_MS

    def count(self) -> None:
        """One more."""
        self._until_ms = self._next_until_ms()

    def _next_until_ms(self) -> int:
        return max(self._until_ms, self._now_ms()) + DOUBT_EACH_MS


def derive_room(call: bytes, secret: bytes) -> bytes:
    """The room of a call, 16 bytes, which the server cannot tell from any other. Source: docs/protocol/calls.md."""
    return HKDF(SHA256(), media.ROOM_BYTES, call, b"zajil media room 1").derive(secret)


@dataclass(frozen=True, slots=True)
class Listener:
    """What hears, and what is told. frame: of another device. tick: every 20 ms, to play what is due.

    report: how the others are heard. alarm: something would have left unsealed; nothing leaves any more.
    """

    frame: Callable[[media.Frame], None]
    tick: Callable[[], None]
    report: Callable[[], media.Control]
    alarm: Callable[[], None]


class Room:
    """One stay in the room. Make it in the loop that it lives in; `shut` or `close` it.

    speaks: whether sound is sent at all; a report goes every second in any case.
    """

    def __init__(
        self,
        open_media: OpenMedia,
        upload: Upload,
        listener: Listener,
        *,
        now_ms: Callable[[], int],
        doubts: Doubts | None = None,
    ) -> None:
        """doubts: those of the call, of which this room is one; it has failed from the start where they are spent."""
        self.upload = upload
        self.speaks = False
        self.failed = False
        """No connection is left, and none will come."""
        self.left = 0
        """Records that left."""
        self.skipped = 0
        """Frames that were not sent in time, so not at all."""
        self.bad_input = 0
        self.round_trips: dict[int, float] = {}
        """Milliseconds to a leaf and back, as its newest report tells."""
        self.opened = 0
        """Connections so far."""
        self._open_media, self._listener, self._now_ms = open_media, listener, now_ms
        self._ways: list[MediaWay] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening = False
        self._over = False
        self._down_since_ms = now_ms()
        self._opened_at_ms = now_ms()
        self._heard_at_ms = now_ms()
        self._stuck = self._tries = 0
        self._doubts = Doubts(now_ms) if doubts is None else doubts
        if self._doubts.are_spent:
            self._fail()
            return
        self._doubts.count()
        self._spawn(self._keep_time())
        self.renew()

    @property
    def is_open(self) -> bool:
        """Whether there is a connection now."""
        return bool(self._ways)

    @property
    def is_silent(self) -> bool:
        """Whether nobody was heard for 3 s, although everybody in the room says something every second."""
        return self._now_ms() - max(self._heard_at_ms, self._opened_at_ms) >= SILENT_MS

    def renew(self) -> None:
        """Another connection, and then the one there was ends; not where one is coming or is fresh."""
        if self._is_renewable():
            self._opening = True
            self._spawn(self._open())

    def doubt(self) -> None:
        """As `renew`, where a peer alone may have brought it about: not as often as it likes."""
        if self._is_renewable() and not self._doubts.are_spent:
            self._doubts.count()
            self.renew()

    def _is_renewable(self) -> bool:
        fresh = bool(self._ways) and self._now_ms() - self._opened_at_ms < FRESH_MS
        return not (self._opening or self._over or self.failed or fresh)

    def shut(self) -> None:
        """Nothing is sent or heard from now on."""
        self._over = True
        for task in self._tasks:
            task.cancel()

    async def close(self) -> None:
        """`shut`, and wait until every connection is closed."""
        self.shut()
        if self._tasks:
            await asyncio.wait(self._tasks)
        for way in self._ways:
            await way.close()
        self._ways.clear()

    def _spawn(self, step: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(step)
        self._tasks.add(task)
        task.add_done_callback(self._note_end)

    def _note_end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (failure := task.exception()) is not None:
            _log.error("a step of a media room failed: %s", type(failure).__name__)
            self._fail()

    def _fail(self) -> None:
        self.failed = True
        self.shut()

    # -- connections

    def _next_pause_s(self) -> float:
        """Ever longer, until a connection has lasted."""
        pause_s = PAUSES_S[min(self._tries, len(PAUSES_S) - 1)]
        self._tries += 1
        return pause_s

    async def _open(self, pause_s: float = 0.0) -> None:
        """Until one is there, or there has been none for ten seconds."""
        while True:
            await asyncio.sleep(pause_s)
            try:
                way = await self._open_media()
            except ZajilError as problem:
                if self._has_waited():
                    self._fail()
                    return
                # What is asked for in vain may count as well: who asks on and on is given none.
                pause_s = max(self._next_pause_s(), min(problem.retry_ms or 0, PATIENCE_MS) / 1000)
                continue
            break
        self._opening = False
        before, self._ways = self._ways, [*self._ways, way]
        self.opened += 1
        self._opened_at_ms = self._now_ms()
        self._spawn(self._read(way))
        for old in before:
            self._spawn(self._close_later(old))

    def _has_waited(self) -> bool:
        return not self._ways and self._now_ms() - self._down_since_ms >= PATIENCE_MS

    async def _close_later(self, way: MediaWay) -> None:
        await asyncio.sleep(OVERLAP_S)
        await way.close()

    async def _read(self, way: MediaWay) -> None:
        began_ms = self._now_ms()
        try:
            while True:
                self._take(await way.receive())
        except MediaClosed as end:
            self._ways = [one for one in self._ways if one is not way]
            if end.code in _FINAL and not self._ways:
                self._fail()
                return
            now = self._now_ms()
            if now - began_ms >= STEADY_MS:
                self._down_since_ms, self._tries = now, 0
            if self._has_waited():
                self._fail()
            elif not self._ways and not self._opening:
                self._opening = True
                self._spawn(self._open(self._next_pause_s()))

    def _take(self, record: bytes) -> None:
        try:
            heard = media.parse_room(record)
        except Malformed:
            self.bad_input += 1
            return
        if isinstance(heard, media.Forwarded):
            self._heard_at_ms = self._now_ms()
            self._listener.frame(heard.frame)

    # -- time

    async def _keep_time(self) -> None:
        """A turn every 40 ms, a tick every 20."""
        loop, ticks = asyncio.get_running_loop(), 0
        began = loop.time()
        while True:
            behind = loop.time() - began - ticks * TICK_MS / 1000
            if behind > HELD_UP_TURNS * FRAME_MS / 1000:
                # Those turns are over: the clock of what is sent goes on, without them.
                ticks += 2 * int(1000 * behind / FRAME_MS)
            elif behind < 0:
                await asyncio.sleep(-behind)
            if ticks % 2 == 0:
                self._send_turn(ticks // 2)
            self._listener.tick()
            ticks += 1

    def _send_turn(self, turn: int) -> None:
        """What is due of sound and report."""
        way = self._ways[-1] if self._ways else None
        try:
            if way is None or way.waiting > SKIP_BYTES:
                self._skip_turn()
                return
            self._stuck = 0
            if self.speaks:
                self._send(way, self.upload.next_sound(turn))
            if turn % REPORT_TURNS == 0:
                if self._now_ms() - self._opened_at_ms >= OLD_MS:
                    self.renew()
                self._send(way, self.upload.report(turn, self._listener.report()))
        except CounterSpent:
            self._fail()
        except NotSealed:
            self._fail()
            self._listener.alarm()

    def _skip_turn(self) -> None:
        self.skipped += self.speaks
        self.upload.skip()
        self._stuck += 1
        if self._stuck % STUCK_TURNS == 0:
            self.renew()

    def _send(self, way: MediaWay, record: SealedMedia | None) -> None:
        """Nothing but what SFrame made; None where there is no key yet."""
        if record is not None:
            self.left += 1
            way.send(record)
