"""The S session: carries out what `zajil.protocol.outbox.sending` decides. It carries no account and learns none."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

import msgspec

from zajil.client.core.core import Core
from zajil.client.core.sealing import Request
from zajil.protocol import frames
from zajil.protocol.errors import Limited, Unavailable, ZajilError, error_from_wire
from zajil.protocol.frames import Err, Ok, Role
from zajil.protocol.outbox import sending
from zajil.protocol.session import Begin, ClientEvent, Message, Usable
from zajil.transports.race import Link, Race

# What is only worth something now is not sent later.
WHISPER_S = 4.0
WHISPERS_MAX = 256


@dataclass(slots=True)
class _Whisper:
    """What is sent until `until`, by the loop's clock. rid: of its transmission on this session, 0 before it."""

    until: float
    request: frames.Send
    rid: int = 0


class Sender:
    """Opened when there is something to send, closed when idle. Retries repeat the same bytes with the same mid."""

    def __init__(
        self,
        core: Core,
        *,
        race: Race,
        notify: Callable[[], Awaitable[None]],
        down: Callable[[ZajilError], None],
        busy: Callable[[ZajilError | None], None],
    ) -> None:
        self._core = core
        self._race = race
        self._notify = notify
        self._down = down
        self._busy = busy
        self._link: Link | None = None
        self._task: asyncio.Task[None] | None = None
        self._state = sending.Sending()
        self._requests: dict[str, Request] = {}
        self._whispers: list[_Whisper] = []
        self._whispered = 0
        self.failed: BaseException | None = None

    def flush(self) -> None:
        """Seal and send what may go now."""
        if self._task is not None and self._task.done():
            self.failed = None if self._task.cancelled() else self._task.exception()
            self._task = None
        self._requests = {request.mid.hex(): request for request in self._core.requests()}
        self._tell(sending.Requests(tuple(self._requests)))
        self._tell(sending.Tick())

    def whisper(self, request: frames.Send) -> None:
        """Send a request that is kept nowhere, once; its answer says nothing. Without a session it waits briefly.

        One that lives in mailboxes for a while may wait as long, and where a session ends before the answer it goes
        again on the next one, under its mid. Above 256 of them the oldest is dropped.
        """
        now = asyncio.get_running_loop().time()
        self._whispers.append(_Whisper(now + max(WHISPER_S, request.ttl), request))
        del self._whispers[:-WHISPERS_MAX]
        self._tell(sending.Whisper())
        self._send_whispers(now)

    def _send_whispers(self, now: float) -> None:
        if self._state.link != "up" or self._link is None:
            return
        self._whispers = [one for one in self._whispers if now < one.until]
        for one in self._whispers:
            if not one.rid:
                self._whispered = self._whispered % sending.RID_MAX + 1
                one.rid = sending.RID_MAX + self._whispered
                self._transmit(msgspec.structs.replace(one.request, rid=one.rid))
        self._whispers = [one for one in self._whispers if one.request.ttl]

    def _forget_whisper(self, rid: int) -> None:
        self._whispers = [one for one in self._whispers if one.rid != rid]

    def _tell(self, event: sending.Event) -> None:
        """Let the machine take an event, and carry out what it asks for."""
        now_ms = int(asyncio.get_running_loop().time() * 1000)
        self._state, actions, _ = sending.step(self._state, event, now_ms)
        for action in actions:
            self._carry_out(action)

    def _carry_out(self, action: sending.Action) -> None:
        match action:
            case sending.Connect():
                self._open()
            case sending.Send():
                self._send(action)
            case sending.Accepted():
                self._core.take_ok(bytes.fromhex(action.mid))
            case sending.Refused():
                self._core.take_err(bytes.fromhex(action.mid), action.code)
            case sending.TellLimited():
                self._down(error_from_wire(action.code, retry_ms=action.retry_ms))
            case sending.Close():
                self._stop()
                self._reopen()
            case sending.Dial():
                pass  # the race does, at once or by its rounds; after a CLOSE when `_pause` returns

    def _open(self) -> None:
        self._link = Link(
            Role.S,
            self._race,
            affinity=self._race.ctx.affinity(),
            take=self._take,
            down=self._lost,
            pause=self._pause,
            waits=lambda: bool(self._state.flying),
        )
        self._task = asyncio.create_task(self._link.run())

    def _stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
        self._link = None

    def _reopen(self) -> None:
        """Nothing durable waits, so the machine gave up; a whisper whose time is not over does wait."""
        now = asyncio.get_running_loop().time()
        self._whispers = [one for one in self._whispers if now < one.until]
        if self._whispers:
            self._tell(sending.Whisper())

    def _send(self, action: sending.Send) -> None:
        request = self._requests.get(action.mid)
        if self._link is not None and request is not None:
            self._transmit(msgspec.structs.replace(request.frame, rid=action.rid))

    def _lost(self, problem: ZajilError | None, retry_ms: int) -> None:
        self._tell(sending.Down(random.random(), retry_ms))  # noqa: S311 -- jitter
        if problem is not None:
            self._down(problem)

    def _transmit(self, frame: frames.Request) -> None:
        if self._link is not None:
            self._link.send(frames.encode_frame(frame))

    async def _pause(self) -> None:
        loop = asyncio.get_running_loop()
        while (retry_at := self._state.retry_at) is not None:
            await asyncio.sleep(max(0.0, retry_at / 1000 - loop.time()))
            self._tell(sending.Tick())

    async def _take(self, events: Sequence[ClientEvent]) -> None:
        for event in events:
            match event:
                case Begin():
                    self._tell(sending.Up())
                    for one in self._whispers:
                        one.rid = 0
                    self._send_whispers(asyncio.get_running_loop().time())
                case Usable():
                    self._tell(sending.Usable(event.resumed))
                    self._send_whispers(asyncio.get_running_loop().time())
                case Message():
                    self._answer(event.body)
                case _:
                    pass
        if events:
            self.flush()
            await self._notify()

    def _answer(self, body: bytes) -> None:
        frame = frames.parse_s_server(body)
        # A whisper is not asked again where it could not be done, nor does it tell whether anything can be stored.
        is_kept = isinstance(frame, Ok | Err) and frame.rid <= sending.RID_MAX
        if isinstance(frame, Ok):
            if is_kept:
                self._busy(None)
            self._forget_whisper(frame.rid)
            self._tell(sending.Ok(frame.rid))
        elif isinstance(frame, Err):
            problem = error_from_wire(frame.code)
            later = isinstance(problem, Limited | Unavailable)
            if is_kept:
                self._busy(problem if isinstance(problem, Unavailable) else None)
            if not later:
                self._forget_whisper(frame.rid)
            jitter = random.random()  # noqa: S311 -- jitter
            self._tell(sending.Err(frame.rid, frame.code, later=later, retry_ms=frame.retry_ms, jitter=jitter))

    async def close(self) -> None:
        """End the session."""
        task, self._task, self._link = self._task, None, None
        self._state = sending.Sending()
        if task is not None:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
