"""The bus between gateways, over NATS core: no stream, no memory, nothing acknowledged (service.md 11).

Subjects are `<prefix>.<kind>.<key in hex>`: kind `w`, without payload, means "read this mailbox again", `e` carries a
frame that is stored nowhere, and the letters of `Topic` carry news. Who listens here hears of what was told here at
once and without NATS, so that a gateway whose NATS is away still serves its own people; others learn of it by their
next look.

A connection that is lost is never mended: a new client takes its place, subscribes to everything that is heard, and
tells every listener that something may have been missed. There is one way back, whatever ended the old one.
"""

from __future__ import annotations

import asyncio
import logging
import os
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Final

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error as NatsError
from nats.errors import SlowConsumerError

from zajil.engine.bus import Hear, Listener, MemoryBus, Topic, Volatile
from zajil.protocol.errors import Malformed
from zajil.protocol.frames import Eph, KeysLow, encode_frame, parse_r_server
from zajil.protocol.ids import MailboxId
from zajil.protocol.limits import EPHEMERAL_BYTES, ROSTER_ENTRIES

PREFIX: Final = "zajil"
FRAME_BYTES: Final = EPHEMERAL_BYTES + 64
"""The largest frame that is passed on between gateways: the largest body, and its head."""
NEWS_BYTES: Final = 65_536
"""The largest news that are."""
CONNECT_S: Final = 5.0
CLOSE_S: Final = 1.0
AGAIN_S: Final = 1.0
"""How long to wait, half to one and a half times, before another try to reach NATS."""
STEP_S: Final = 30.0
"""A server that takes nothing for so long is given up; see `_STEP`."""
PING_S: Final = 5
"""Two PINGs without an answer end a connection whose other end died without a word."""
WAITING_MAX: Final = 65_536
WAITING_BYTES: Final = 16 << 20
"""What waits for the connection. Beyond either the oldest is dropped, and its readers look by themselves."""
FLEETING_BYTES: Final = ROSTER_ENTRIES * FRAME_BYTES
"""The same for what is worth nothing later: one frame of the largest size for each mailbox of the largest group."""
_STEP: Final = 1000
_UNREAD_MAX, _UNREAD_BYTES = 256, 1 << 20
_WAKE, _PASS = "w", "e"
_FLEETING: Final = frozenset({_PASS, Topic.ROOM.value})
"""Worth nothing when it comes late: not kept while NATS is away."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Access:
    """How to reach a NATS server. secret: `user:password`, or a token; empty for none.

    url: `nats://host:port`, or `tls://`, where TLS comes before the first word (`handshake_first` of nats-server), so
    that nobody on the way can talk the client out of it. Several with commas between are one cluster.
    ca: file of the authority that signed its certificate; None for the system's. prefix: of all subjects.
    """

    url: str
    secret: str = field(default="", repr=False)
    ca: Path | None = None
    prefix: str = PREFIX


class _Unfit(NatsError):
    """The server takes us and lets us do too little; the text says what. Its own words hold subjects."""


class BusRefused(OSError):
    """The first connection did not come about; the text says why, without URL or secret."""


class _Waiting:
    """Subjects and payloads in the order they came, bounded: the oldest make room for the newest."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._items: deque[tuple[str, bytes]] = deque()
        self.total_bytes = 0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, subject: str, payload: bytes) -> None:
        self._items.append((subject, payload))
        self.total_bytes += len(payload)
        while len(self._items) > self._most or self.total_bytes > self._most_bytes:
            self._drop()

    def clear(self) -> None:
        self._items.clear()
        self.total_bytes = 0

    def first(self) -> tuple[str, bytes]:
        """The oldest; there must be one."""
        return self._items[0]

    def forget(self, item: tuple[str, bytes]) -> None:
        """This one is told, which was the first; it may have been dropped meanwhile."""
        if self._items and self._items[0] is item:
            self._drop()

    def _drop(self) -> None:
        self.total_bytes -= len(self._items.popleft()[1])


class NatsBus:
    """A Bus over a NATS server, and over this process's memory. Made by `connect`, ended by `close`."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._near = MemoryBus()
        self._client = Client()
        self._held: dict[bytes, Subscription] = {}
        self._changed: dict[bytes, None] = {}
        self._leaving = _Waiting(WAITING_MAX, WAITING_BYTES)
        # Apart, and only read while nothing else waits: large frames to a large group drop and delay no wake-up.
        self._fleeting = _Waiting(WAITING_MAX, FLEETING_BYTES)
        self._work = asyncio.Event()
        self._worker: asyncio.Task[None] | None = None
        self._is_closing = False
        self._is_unfit = False

    @classmethod
    async def connect(cls, access: Access) -> NatsBus:
        """Connect to this server. Raises BusRefused where none answers, or not to us."""
        bus = cls(access)
        try:
            await bus._connect()
        except (NatsError, OSError, TimeoutError, ValueError) as problem:
            # Without its text, which may hold the URL.
            raise BusRefused(f"the NATS server {_judge(problem)}") from None
        bus._worker = asyncio.create_task(bus._run())
        return bus

    is_shared = True

    @property
    def is_whole(self) -> bool:
        """Whether what other processes tell reaches this one now."""
        return self._client.is_connected and not self._is_unfit

    async def close(self) -> None:
        """Leave the server. What still waits to be told is told for as long as it takes it."""
        self._is_closing = True
        while self._worker is not None and not self._worker.done():
            # The client takes a cancellation for its own now and then, and goes on: then the next round ends it.
            self._work.set()
            self._worker.cancel()
            await asyncio.wait([self._worker], timeout=CLOSE_S)
        if self.is_whole:
            with suppress(NatsError, OSError, TimeoutError):
                async with asyncio.timeout(CONNECT_S):
                    while self._leaving or self._fleeting:
                        await self._publish(_STEP)
                    await _settle(self._client)
        await _end(self._client)

    # Bus

    def subscribe(self, mailbox_id: MailboxId, listener: Listener) -> Callable[[], None]:
        """See Bus. The listener is called once more as soon as the server knows of it: for what came in between."""
        return self._enter(mailbox_id, self._near.subscribe(mailbox_id, listener))

    def listen(self, topic: Topic, key: bytes, hear: Hear) -> Callable[[], None]:
        """See Bus. Called with None as soon as the server knows of it: for what came in between."""
        return self._enter(key, self._near.listen(topic, key, hear))

    def _enter(self, key: bytes, leave: Callable[[], None]) -> Callable[[], None]:
        self._change(key)

        def unsubscribe() -> None:
            leave()
            self._change(key)

        return unsubscribe

    def _change(self, key: bytes) -> None:
        # Who comes to a key that is held already has missed nothing, and one of several who leaves changes nothing.
        if self._near.is_heard(key) != (key in self._held) or key in self._changed:
            self._changed[key] = None
            self._work.set()

    def wake(self, mailbox_ids: Iterable[MailboxId]) -> None:
        """See Bus."""
        told = list(mailbox_ids)
        self._near.wake(told)
        for mailbox_id in told:
            self._send(_WAKE, mailbox_id, b"")

    def publish(self, mailbox_ids: Iterable[MailboxId], frame: Volatile) -> None:
        """See Bus. A frame of more than FRAME_BYTES reaches listeners of this process alone."""
        told = list(mailbox_ids)
        self._near.publish(told, frame)
        payload = encode_frame(frame)
        if len(payload) <= FRAME_BYTES:
            for mailbox_id in told:
                self._send(_PASS, mailbox_id, payload)

    def tell(self, topic: Topic, key: bytes, news: bytes) -> None:
        """See Bus."""
        if len(news) > NEWS_BYTES:
            raise ValueError("news too large")
        self._near.tell(topic, key, news)
        self._send(topic, key, news)

    def _send(self, kind: str, key: bytes, payload: bytes) -> None:
        is_fleeting = kind in _FLEETING
        if is_fleeting and not self.is_whole:
            return
        waiting = self._fleeting if is_fleeting else self._leaving
        waiting.add(f"{self._access.prefix}.{kind}.{key.hex()}", payload)
        self._work.set()

    # The connection

    async def _connect(self) -> None:
        """Make a client, which knows of no subscription yet. Raises NatsError, OSError or TimeoutError."""
        access = self._access
        is_tls = access.url.startswith("tls:")
        user, is_named, password = access.secret.partition(":")
        client, forbidden = Client(), list[str]()

        async def note(problem: Exception) -> None:
            if isinstance(problem, SlowConsumerError):
                # More came than was read: what was dropped is looked for, as after an outage.
                self._near.miss((_key_of(problem.subject),))
            elif "permissions violation" in str(problem):
                forbidden.append("subscribe" if "subscription" in str(problem) else "publish")
                if client is self._client:  # by what its operator changed since
                    self._is_unfit = True
                    self._work.set()

        try:
            async with asyncio.timeout(CONNECT_S):
                await client.connect(
                    access.url.split(","),
                    name="zajil",
                    user=user if is_named else None,
                    password=password if is_named else None,
                    token=None if is_named else user or None,
                    tls=ssl.create_default_context(cafile=access.ca) if is_tls else None,
                    tls_handshake_first=is_tls,
                    no_echo=True,
                    skip_subject_validation=True,
                    allow_reconnect=False,
                    max_reconnect_attempts=2,
                    reconnect_time_wait=1,
                    connect_timeout=2,
                    ping_interval=PING_S,
                    error_cb=note,
                    closed_cb=self._lose,
                )
                await self._prove(client, forbidden)
        except BaseException:
            await _end(client)
            raise
        self._client, self._is_unfit = client, False
        self._fleeting.clear()
        self._held.clear()
        self._changed.update(dict.fromkeys(self._near.heard()))
        self._work.set()

    async def _lose(self) -> None:
        self._work.set()

    async def _prove(self, client: Client, forbidden: list[str]) -> None:
        """Do once whatever will be done, about nobody: NATS says no to it, and goes on as if nothing was.

        forbidden: fills with what it says no to. Raises _Unfit.
        """
        nobody = os.urandom(16).hex()
        heard = await client.subscribe(f"{self._access.prefix}.*.{nobody}", cb=self._hear)
        for kind in (_WAKE, _PASS, *_TOPICS):
            await client.publish(f"{self._access.prefix}.{kind}.{nobody}", b"")
        await _settle(client)
        await heard.unsubscribe()
        if forbidden:
            raise _Unfit(f"does not let this user {forbidden[0]} below {self._access.prefix}")
        if client.max_payload < NEWS_BYTES:
            raise _Unfit(f"takes messages of {client.max_payload} bytes at most, and {NEWS_BYTES} are needed")

    async def _run(self) -> None:
        """Tells the server what changed here, in batches. While it is away, all of it waits."""
        told = ""
        while not self._is_closing:
            await self._work.wait()
            self._work.clear()
            try:
                if not self.is_whole:
                    await _end(self._client)
                    await self._connect()
                async with asyncio.timeout(STEP_S):
                    await self._step()
                if told:
                    told = ""
                    _log.warning("NATS is back")
            except (NatsError, OSError, TimeoutError) as problem:
                if told != (why := _judge(problem)):
                    told = why
                    _log.warning("NATS %s: others learn later of what is written here", why)
                await _end(self._client)
                await asyncio.sleep(AGAIN_S * (0.5 + os.urandom(1)[0] / 256))
                self._work.set()
            except Exception as bug:  # noqa: BLE001  # the boundary of a background task, which nothing starts again
                _log.error("the bus failed", exc_info=bug)
                await asyncio.sleep(AGAIN_S)
                self._work.set()

    async def _step(self) -> None:
        new = await self._subscribe(_STEP)
        await self._publish(_STEP)
        if new:
            await _settle(self._client)
            self._near.miss(new)
        if self._changed or self._leaving or self._fleeting:
            self._work.set()

    async def _subscribe(self, most: int) -> list[bytes]:
        """Carry out so many changes; the keys that are held since."""
        new: list[bytes] = []
        for key in list(islice(self._changed, most)):
            heard, held = self._near.is_heard(key), self._held.get(key)
            if heard and held is None:
                # Every kind of subject, in one subscription.
                self._held[key] = await self._client.subscribe(
                    f"{self._access.prefix}.*.{key.hex()}",
                    cb=self._hear,
                    pending_msgs_limit=_UNREAD_MAX,
                    pending_bytes_limit=_UNREAD_BYTES,
                )
                new.append(key)
            elif not heard and held is not None:
                del self._held[key]
                await held.unsubscribe()
            # Looked at again where it changed meanwhile.
            if self._near.is_heard(key) == (key in self._held):
                self._changed.pop(key, None)
        return new

    async def _publish(self, most: int) -> None:
        """Tell so much at most. What comes meanwhile and may not be dropped goes ahead of fleeting frames."""
        for _ in range(most):
            waiting = self._leaving or self._fleeting
            if not waiting:
                return
            item = waiting.first()
            await self._client.publish(*item)
            _check_cancelled()
            # Only now: what fails is told again by the next client.
            waiting.forget(item)

    async def _hear(self, message: Msg) -> None:
        """Whoever reaches the NATS server may send anything."""
        kind = message.subject.rsplit(".", 2)[1]
        key = _key_of(message.subject)
        if kind == _WAKE:
            self._near.wake((MailboxId(key),))
        elif kind == _PASS:
            if isinstance(frame := _find_frame(message.data), Eph | KeysLow):
                self._near.publish((MailboxId(key),), frame)
        elif kind in _TOPICS and len(message.data) <= NEWS_BYTES:
            self._near.tell(_TOPICS[kind], key, message.data)


async def _settle(client: Client) -> None:
    """The server has taken all that was asked of it before. Raises what `flush` does.

    `flush` alone sends its PING ahead of what still waits for the client's own task, so that its answer proves nothing
    of a subscription made just before.
    """
    await client._flush_pending(force_flush=True)  # noqa: SLF001
    _check_cancelled()
    await client.flush()


def _check_cancelled() -> None:
    """Raises CancelledError where this task was cancelled: the client swallows that while it waits for room to write.

    It would wait again for the next, and for ever once it is closed.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def _end(client: Client) -> None:
    """Close it, and cut off what it leaves.

    Its own `close`, also where it calls that itself, waits for a peer that takes nothing more and for a TLS that
    failed; given up there it keeps its socket, with all that was not sent, and a task for each subscription.
    """
    with suppress(NatsError, OSError, TimeoutError):
        async with asyncio.timeout(CLOSE_S):
            await client.close()
    # It has no public way to do this.
    for held in client._subs.values():  # noqa: SLF001
        held._stop_processing()  # noqa: SLF001
    client._subs.clear()  # noqa: SLF001
    writer = getattr(client._transport, "_io_writer", None)  # noqa: SLF001
    if isinstance(writer, asyncio.StreamWriter):
        writer.transport.abort()


def _judge(problem: Exception) -> str:
    """What is wrong with the server; nothing of the problem's own text, which may hold its URL."""
    if isinstance(problem, _Unfit):
        return str(problem)
    refused = "authorization" in str(problem).lower()
    return "refuses this user" if refused else f"does not answer ({type(problem).__name__})"


_TOPICS: Final[dict[str, Topic]] = {topic.value: topic for topic in Topic}


def _key_of(subject: str) -> bytes:
    """Of a subject that was subscribed to here, so it is hex."""
    return bytes.fromhex(subject.rsplit(".", 1)[1])


def _find_frame(data: bytes) -> object:
    try:
        return parse_r_server(data)
    except Malformed:
        return None
