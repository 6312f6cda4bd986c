"""What a call takes of `Client`: its signals, keys, record and log. The call itself is made by `zajil.client.calls`."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from typing import Final, NamedTuple, TypeVar

from zajil.client.calls.way import MediaWay
from zajil.client.core.talk.callkeys import CallKeys
from zajil.client.core.talk.whispers import Course
from zajil.client.shell.calls import Calls as OpenCalls
from zajil.client.shell.device import Device as OpenHome
from zajil.client.shell.rooms import Rooms
from zajil.client.state.step import CallEpoch, CallNews, Signal
from zajil.protocol import cbor, control
from zajil.protocol.calls.ladder import Kind
from zajil.protocol.chat import forms
from zajil.protocol.errors import Refused, error

WAITING_MAX = 512
LANE: Final = "calls"
"""Of the questions for relays and tickets: none is asked on a connection that shows the account."""
CATCH_UP_S: Final = 3.0
"""So long a question whose token was stale waits for the commit that made it so."""
_Answer = TypeVar("_Answer")


class HeardSignal(NamedTuple):
    """A call signal of another device, own other ones too.

    leaf: the device's place in the group's tree, which MLS proved. age_ms: since the server took it, by the server's
    clock. epoch: it was sealed in. fields: unread, see `zajil.protocol.calls.signals`.
    """

    gid: bytes
    leaf: int
    account: bytes
    device: int
    age_ms: int
    epoch: int
    fields: Mapping[str, cbor.Value]


class Calls:
    """The ears and hands of calls in one process. One at a time: a new one takes over from the one before.

    Only the process that receives hears signals, and none is kept: what came before this was made is gone.
    """

    def __init__(self, device: OpenHome) -> None:
        self._device = device
        self._core = device.core
        self._waiting: deque[CallNews] = deque()
        self.dropped = 0
        """Signals that came while 512 others waited to be taken."""
        self._rooms = Rooms(device.reach.race)
        self._server = OpenCalls(device.reach.lane(LANE))
        self._core.hear_calls(self._hear)

    def _hear(self, news: CallNews) -> None:
        if isinstance(news, Signal) and len(self._waiting) >= WAITING_MAX:
            self.dropped += 1
            return
        self._waiting.append(news)

    async def news(self) -> AsyncIterator[HeardSignal | CallEpoch]:
        """Signals of all chats, and epochs of the watched ones, in the order in which they came. For one reader.

        Raises what ended the sessions: `state-rolled-back`, `device-revoked`, a damaged home.
        """
        runner = self._device.runner
        while True:
            while self._waiting:
                one = self._waiting.popleft()
                yield self._aged(one) if isinstance(one, Signal) else one
            await runner.watch()

    def _aged(self, signal: Signal) -> HeardSignal:
        gid, leaf, account, device, _, epoch, fields = signal
        return HeardSignal(gid, leaf, account, device, self._core.age_ms(signal), epoch, fields)

    def watch(self, gids: Collection[bytes]) -> None:
        """Be told of every new epoch of these groups, and of their end here."""
        self._core.watch_calls(gids)

    def send(self, gid: bytes, fields: Mapping[str, cbor.Value], *, ttl_s: int = 0, wake: bool = False) -> bool:
        """Send a signal once, or not at all; whether it could be sealed.

        ttl_s: seconds it waits in mailboxes, at most 120; 0: only for who is connected. wake: also by push.
        Raises Malformed for one that is too long; 2,900 bytes never are.
        """
        request = self._core.seal_signal(gid, fields, Course(ttl_s, wake))
        if request is None:
            return False
        self._device.runner.whisper(request)
        return True

    def keys(self, gid: bytes, context: bytes) -> CallKeys:
        """Keys and members in the current epoch. context: call id and call secret, 48 bytes.

        Raises `not-a-member`, `chat-stuck`.
        """
        return self._core.call_keys(gid, context=context)

    def token(self, gid: bytes) -> tuple[int, bytes]:
        """The epoch and its token, for relays and rooms. Raises `not-a-member`, `chat-stuck`."""
        return self._core.send_token(gid)

    async def relay(self, gid: bytes) -> control.RelayAccess:
        """A fresh credential for the server's relays, asked for in the group's name and without an account.

        Over whatever route there is. Raises `not-a-member`, `chat-stuck`, the server's refusals, Unreachable.
        """

        async def ask(epoch: int, token: bytes) -> control.RelayAccess:
            request = control.AskRelay(control.B16(gid), epoch, control.B32(token))
            return await self._server.call(control.CALL_RELAY, control.RelayAccess, request=request)

        return await self._with_token(gid, ask)

    async def open_media(self, gid: bytes, room: bytes) -> MediaWay:
        """A connection to a media room of the group, 16 bytes, as `OpenMedia` says; without an account."""

        async def ask(epoch: int, token: bytes) -> bytes:
            request = control.AskTicket(control.B16(gid), epoch, control.B32(token), control.B16(room))
            ticket = await self._server.call(control.CALL_TICKET, control.MediaTicket, request=request)
            return bytes(ticket.ticket)

        return await self._rooms.open(room, lambda: self._with_token(gid, ask))

    def carries_media(self) -> bool:
        """Whether the route in use can carry a media connection: not in segments, nor by POSTs alone."""
        return self._rooms.open_here

    def remembered(self) -> Kind | None:
        """As `Network.remembered`."""
        race = self._device.reach.race
        return race.dialer.find_rung(race.now())

    def remember(self, kind: Kind) -> None:
        """As `Network.remember`: kept with what is known of networks."""
        race = self._device.reach.race
        race.dialer.keep_rung(kind, race.now())

    def on_move(self, moved: Callable[[], None]) -> Callable[[], None]:
        """As `Network.on_move`."""
        return self._device.reach.on_move(moved)

    async def _with_token(self, gid: bytes, ask: Callable[[int, bytes], Awaitable[_Answer]]) -> _Answer:
        """The answer to `ask`, once more where the token was stale: a commit of the group had not come here yet."""
        epoch, token = self.token(gid)
        try:
            return await ask(epoch, token)
        except Refused as refusal:
            if refusal.code != "bad-group-token":
                raise
            try:
                await self._catch_up(gid, epoch)
            except TimeoutError:
                raise refusal from None
        return await ask(*self.token(gid))

    async def _catch_up(self, gid: bytes, epoch: int) -> None:
        """Return once the group has left this epoch here. Raises TimeoutError."""
        async with asyncio.timeout(CATCH_UP_S):
            self._core.want_drain()
            while self.token(gid)[0] == epoch:
                await self._device.runner.watch()

    def keep(self, record: bytes | None) -> None:
        """Keep the record of a call, sealed and durable on return; None forgets it."""
        self._core.keep_call(record)

    def kept(self) -> bytes | None:
        """The record kept last."""
        return self._core.kept_call()

    def log(self, gid: bytes, log: forms.CallLog) -> bytes:
        """Write what became of a call into its chat; the message id. The next `sync` or `follow` sends it.

        Raises `not-a-member`, and `malformed` for a length that no log holds.
        """
        if len(log.call) != forms.CALL_ID_BYTES or not 0 <= log.seconds < 1 << 32:
            raise error("malformed", "log of a call")
        return self._core.submit_call_log(gid, log)

    def close(self) -> None:
        """Hear no more."""
        self._core.hear_calls(None)
        self._core.watch_calls(())


class Calling:
    """The part of `Client` that calls."""

    _device: OpenHome

    def calls(self) -> Calls:
        """The ears and hands of calls, from now on."""
        return Calls(self._device)
