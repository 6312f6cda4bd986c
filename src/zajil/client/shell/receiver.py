"""The R session: carries out what `zajil.protocol.mailbox.receiving` decides, with the core and a connection."""

from __future__ import annotations

import asyncio
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from zajil.client.core.core import Core
from zajil.client.shell.login import Tokens
from zajil.protocol import frames
from zajil.protocol.errors import AuthError, Limited, Unavailable, Unreachable, ZajilError, error, error_from_wire
from zajil.protocol.frames import Bye, Drained, Eph, Gap, Hello, KeysLow, Mack, Msg, Ready, Role
from zajil.protocol.mailbox import receiving
from zajil.protocol.session import Begin, ClientEvent, Closed, Message, Usable
from zajil.transports.race import Link, Race

CLOSE_S = 2.0


class Receiver:
    """One device's receiving end. Only the holder of sync.lock runs it.

    A store that cannot write ends the process, so a batch given out is always `stored`.
    """

    def __init__(
        self,
        core: Core,
        tokens: Tokens,
        *,
        race: Race,
        notify: Callable[[], Awaitable[None]],
        down: Callable[[ZajilError], None],
        busy: Callable[[ZajilError | None], None],
    ) -> None:
        self._core = core
        self._tokens = tokens
        self._notify = notify
        self._down = down
        self._busy = busy
        self._link = Link(
            Role.R, race, affinity=race.ctx.affinity(), take=self._take, down=self._lost, pause=self._pause
        )
        self._token = ""
        self._state = receiving.Receiving()
        self._arrived: dict[int, Msg] = {}
        self._broken = False

    async def run(self) -> None:
        """Receive until cancelled."""
        await self._link.run()

    async def stop(self) -> None:
        """Acknowledge what is stored. What then comes is not taken any more."""
        self._tell(receiving.Stop())
        await self._link.flush(CLOSE_S)

    @property
    def usable(self) -> bool:
        """Whether the server answers on the receiving session now."""
        return self._link.usable

    def drain_if_wanted(self) -> None:
        """HELLO again on the live session where something waits for a drain; one at a time."""
        if not self._state.wanted and self._core.drain_wanted():
            self._tell(receiving.Want())

    def tick(self) -> None:
        """Do what time made due."""
        deadline = receiving.next_deadline(self._state)
        if deadline is not None and deadline <= _now_ms():
            self._tell(receiving.Tick())

    def _tell(self, event: receiving.Event) -> None:
        """Let the machine take an event, and carry out what it asks for."""
        coming = deque([event])
        while coming:
            self._state, actions, _ = receiving.step(self._state, coming.popleft(), _now_ms())
            for action in actions:
                coming.extend(self._carry_out(action))

    def _carry_out(self, action: receiving.Action) -> Sequence[receiving.Event]:
        """What the machine is to hear of it."""
        match action:
            case receiving.Open():
                self._send(Hello(self._token, self._core.hello()))
            case receiving.Apply():
                stored = self._core.take_messages(self._take_batch(action.upto))
                return (receiving.Stored(stored, self._core.holding()),)
            case receiving.Ack():
                self._send(Mack(action.upto))
            case receiving.Settle():
                self._core.take_drained()
            case receiving.Readd():
                self._core.take_waited()
            case receiving.Reopen() | receiving.Renew():
                self._broken = True
            case receiving.TellGap():
                self._core.take_gap(Gap(action.dropped, 0))
            case receiving.Dial():
                pass  # the race does, at once or by its rounds; after a CLOSE when `_pause` returns
        return ()

    def _take_batch(self, upto: int) -> list[Msg]:
        """What arrived up to this seq and is not stored, in order; it is not kept here any more."""
        due = sorted(seq for seq in self._arrived if seq <= upto)
        batch = [self._arrived.pop(seq) for seq in due]
        return [message for message in batch if message.seq > self._state.stored]

    def _send(self, frame: Hello | Mack) -> None:
        self._link.send(frames.encode_frame(frame))

    def _lost(self, problem: ZajilError | None, retry_ms: int) -> None:
        self._tell(receiving.Down(random.random(), retry_ms))  # noqa: S311 -- jitter
        if problem is not None:
            self._down(problem)

    async def _pause(self) -> None:
        while (retry_at := self._state.retry_at) is not None:
            await asyncio.sleep(max(0, retry_at - _now_ms()) / 1000)
            self._tell(receiving.Tick())

    async def _take(self, events: Sequence[ClientEvent]) -> None:
        for event in events:
            match event:
                case Begin():
                    await self._begin()
                case Usable(resumed=True):
                    self._tell(receiving.Resumed())
                case Closed():
                    self._closed(event.code)
                case Message():
                    self._take_frame(event.body)
                case _:
                    pass
        if events:
            self._tell(receiving.Pause())
            await self._notify()
        if self._broken:
            self._broken = False
            raise error("protocol", "frame out of place")

    async def _begin(self) -> None:
        """A new session: log in if need be, then HELLO."""
        self._arrived.clear()
        try:
            self._token = await self._tokens.token()
        except AuthError as problem:
            self._down(problem)
            return
        except (Limited, Unavailable) as problem:
            if isinstance(problem, Unreachable):
                raise  # perhaps by this way alone
            if isinstance(problem, Unavailable):
                self._busy(problem)
            self._link.renew(problem.retry_ms or 0)
            return
        self._tell(receiving.Up(self._core.position(), self._core.holding()))

    def _take_frame(self, body: bytes) -> None:
        try:
            frame = frames.parse_r_server(body)
        except ZajilError:
            self._tell(receiving.Malformed())
            return
        match frame:
            case Msg():
                self._arrived.setdefault(frame.seq, frame)
                self._tell(receiving.Message(frame.seq, len(frame.body)))
            case Ready():
                self._busy(None)
                self._tell(receiving.Ready())
                if not self._broken:
                    self._core.take_ready(frame)
            case Drained():
                self._tell(receiving.Drained())
            case KeysLow():
                self._core.want_key_packages()
            case Eph():
                self._core.take_ephemeral(frame)
            case Gap():
                self._tell(receiving.Gap(frame.dropped))
            case Bye():
                self._closed(frame.code)
            case _:
                pass

    def _closed(self, code: str) -> None:
        if code == "token-expired" or (code == "slow-down" and self._state.phase == "opening"):
            # Where many behind one address have a token that a restore took back, most are told to slow down instead.
            self._tokens.forget(self._token)
        elif code == "device-revoked":
            self._core.take_revoked()
            self._down(error_from_wire(code))
        elif code == "replaced":
            self._down(error_from_wire(code))
        elif code == "busy":
            self._busy(error_from_wire(code))


def _now_ms() -> int:
    """Milliseconds of a clock that does not jump."""
    return int(asyncio.get_running_loop().time() * 1000)
