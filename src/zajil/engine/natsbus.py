"""Wake-ups between gateways, over NATS core: no stream, no memory, nothing acknowledged (service.md 11).

`zajil.w.<mailbox>` without payload means "read again", `zajil.e.<mailbox>` carries a frame that is stored nowhere; the
mailbox's id is in hex. Who listens here hears of what was written here at once and without NATS, so that a gateway
whose NATS is away still serves its own people; others learn of it by their next look.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError

from zajil.engine.bus import Listener, MemoryBus, Volatile
from zajil.protocol.errors import Malformed
from zajil.protocol.frames import Eph, KeysLow, encode_frame, parse_r_server
from zajil.protocol.ids import MailboxId

FRAME_BYTES: Final = 8192
"""The largest frame that is passed on between gateways."""
CONNECT_S: Final = 5.0
RECONNECT_S: Final = 1
WAITING_MAX: Final = 65_536
"""Wake-ups that wait for the connection. Beyond it the oldest are dropped, and their readers look by themselves."""
_WAKE, _PASS = "zajil.w.", "zajil.e."

_log = logging.getLogger(__name__)


class NatsBus:
    """A Bus over a NATS server, and over this process's memory. Made by `connect`, ended by `close`."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._near = MemoryBus()
        self._held: dict[MailboxId, Subscription] = {}
        self._changed: dict[MailboxId, None] = {}
        self._leaving: deque[tuple[str, bytes]] = deque(maxlen=WAITING_MAX)
        self._work = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None

    @classmethod
    async def connect(cls, url: str) -> NatsBus:
        """Connect to the server at this URL (`nats://` or `tls://`). Raises OSError where none answers."""
        client = Client()
        bus = cls(client)
        try:
            async with asyncio.timeout(CONNECT_S):
                await client.connect(
                    url,
                    name="zajil",
                    no_echo=True,
                    skip_subject_validation=True,
                    max_reconnect_attempts=-1,
                    reconnect_time_wait=RECONNECT_S,
                    error_cb=_note,
                    reconnected_cb=bus._come_back,
                )
        except (NatsError, OSError, TimeoutError) as problem:
            # Without its text, which holds the URL and so perhaps a password.
            raise OSError(f"no NATS server answers: {type(problem).__name__}") from None
        bus._worker = asyncio.create_task(bus._run())
        return bus

    async def close(self) -> None:
        """Leave the server. What still waits to be told is dropped."""
        if self._worker is not None:
            self._worker.cancel()
            with suppress(asyncio.CancelledError):
                await self._worker
        await self._client.close()

    def subscribe(self, mailbox_id: MailboxId, listener: Listener) -> Callable[[], None]:
        """See Bus. The listener is called once more as soon as the server knows of it: for what came in between."""
        leave = self._near.subscribe(mailbox_id, listener)
        self._change(mailbox_id)

        def unsubscribe() -> None:
            leave()
            self._change(mailbox_id)

        return unsubscribe

    def wake(self, mailbox_ids: Iterable[MailboxId]) -> None:
        """See Bus."""
        self._tell(_WAKE, mailbox_ids, None)

    def publish(self, mailbox_ids: Iterable[MailboxId], frame: Volatile) -> None:
        """See Bus. A frame of more than FRAME_BYTES reaches listeners of this process alone."""
        self._tell(_PASS, mailbox_ids, frame)

    def _tell(self, kind: str, mailbox_ids: Iterable[MailboxId], frame: Volatile | None) -> None:
        told = list(mailbox_ids)
        payload = b"" if frame is None else encode_frame(frame)
        if frame is None:
            self._near.wake(told)
        else:
            self._near.publish(told, frame)
        if len(payload) <= FRAME_BYTES:
            self._leaving.extend((kind + mailbox_id.hex(), payload) for mailbox_id in told)
            self._work.set()

    def _change(self, mailbox_id: MailboxId) -> None:
        self._changed[mailbox_id] = None
        self._work.set()

    async def _run(self) -> None:
        """Tells the server what changed here, in batches. While it is away, all of it waits."""
        while True:
            await self._work.wait()
            self._work.clear()
            try:
                await self._step()
            except (NatsError, OSError) as problem:
                _log.warning("wake-ups wait for NATS (%s)", type(problem).__name__)
                await asyncio.sleep(RECONNECT_S)
                self._work.set()

    async def _step(self) -> None:
        new: list[MailboxId] = []
        while self._changed:
            mailbox_id = next(iter(self._changed))
            heard, held = self._near.is_heard(mailbox_id), self._held.get(mailbox_id)
            if heard and held is None:
                # Either kind of subject, in one subscription.
                self._held[mailbox_id] = await self._client.subscribe(f"zajil.*.{mailbox_id.hex()}", cb=self._hear)
                new.append(mailbox_id)
            elif not heard and held is not None:
                await held.unsubscribe()
                del self._held[mailbox_id]
            # Looked at again where it changed meanwhile.
            if self._near.is_heard(mailbox_id) == (mailbox_id in self._held):
                self._changed.pop(mailbox_id, None)
        while self._leaving:
            await self._client.publish(*self._leaving.popleft())
        if new:
            await self._client.flush()
            self._near.wake(new)

    async def _hear(self, message: Msg) -> None:
        _, kind, name = message.subject.split(".", 2)
        mailbox_id = MailboxId(bytes.fromhex(name))
        if kind == "w":
            self._near.wake((mailbox_id,))
            return
        try:
            frame = parse_r_server(message.data)
        except Malformed:
            frame = None
        if isinstance(frame, Eph | KeysLow):
            self._near.publish((mailbox_id,), frame)

    async def _come_back(self) -> None:
        """NATS kept nothing of what was told while this process was away from it."""
        self._near.wake(self._near.heard())
        self._work.set()


async def _note(problem: Exception) -> None:
    _log.warning("NATS: %s", type(problem).__name__)
