"""The R session: HELLO, mailbox entries in batches, acknowledgements after the store is durable."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from zajil.client.core.core import Core
from zajil.client.shell.connection import Connection, Dial
from zajil.client.shell.login import Tokens
from zajil.protocol import frames
from zajil.protocol.errors import AuthError, ZajilError, error_from_wire
from zajil.protocol.frames import Bye, Drained, Eph, Gap, Hello, KeysLow, Mack, Msg, Ready, Role
from zajil.protocol.session import Begin, ClientEvent, Closed, Message

BATCH_MESSAGES, BATCH_BYTES = 64, 1 << 20


class Receiver:
    """One device's receiving end. Only the holder of sync.lock runs it."""

    def __init__(
        self,
        core: Core,
        tokens: Tokens,
        *,
        dial: Dial,
        notify: Callable[[], Awaitable[None]],
        down: Callable[[ZajilError], None],
    ) -> None:
        self._core = core
        self._tokens = tokens
        self._notify = notify
        self._down = down
        self._connection = Connection(Role.R, dial=dial, take=self._take, down=down)
        self._token = ""
        self._hello_open = False
        self._begun = False

    async def run(self) -> None:
        """Receive until cancelled."""
        await self._connection.run()

    @property
    def usable(self) -> bool:
        """Whether the server answers on the receiving session now."""
        return self._connection.usable

    def drain_if_wanted(self) -> None:
        """HELLO again on the live session where something waits for a drain; one at a time."""
        if self._begun and not self._hello_open and self._core.drain_wanted():
            self._hello()

    def _hello(self) -> None:
        self._hello_open = True
        self._connection.send(Hello(self._token, self._core.hello()))

    async def _take(self, events: Sequence[ClientEvent]) -> None:
        batch: list[Msg] = []
        size = 0
        for event in events:
            frame = frames.parse_r_server(event.body) if isinstance(event, Message) else None
            if isinstance(frame, Msg) and len(batch) < BATCH_MESSAGES and size < BATCH_BYTES:
                batch.append(frame)
                size += len(frame.body)
                continue
            self._apply(batch)
            batch, size = ([frame], len(frame.body)) if isinstance(frame, Msg) else ([], 0)
            if isinstance(event, Begin):
                await self._begin()
            elif isinstance(event, Closed):
                self._closed(event.code)
            elif frame is not None and not isinstance(frame, Msg):
                self._take_frame(frame)
        self._apply(batch)
        if events:
            await self._notify()

    async def _begin(self) -> None:
        """A new session: log in if need be, then HELLO."""
        self._begun = self._hello_open = False
        try:
            self._token = await self._tokens.token()
        except AuthError as problem:
            self._down(problem)
            return
        self._begun = True
        self._hello()

    def _apply(self, batch: list[Msg]) -> None:
        if batch:
            self._connection.send(Mack(self._core.take_messages(batch)))

    def _take_frame(self, frame: object) -> None:
        match frame:
            case Ready():
                self._core.take_ready(frame)
            case Drained():
                self._hello_open = False
                self._core.take_drained()
            case KeysLow():
                self._core.want_key_packages()
            case Eph():
                self._core.take_ephemeral(frame)
            case Gap():
                self._core.take_gap(frame)
            case Bye():
                self._closed(frame.code)
            case _:
                pass

    def _closed(self, code: str) -> None:
        self._begun = self._hello_open = False
        if code == "token-expired":
            self._tokens.forget()
        elif code == "device-revoked":
            self._core.take_revoked()
            self._down(error_from_wire(code))
        elif code == "replaced":
            self._down(error_from_wire(code))
