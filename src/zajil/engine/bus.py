"""What one process tells its sisters at once: wake-ups of mailboxes, and news on a topic. Nothing durable passes here.

A lost wake-up costs time, never a message: readers look again every 60 s and on HELLO. So with news: who listens hears
`None` where something may have been missed, and looks for himself; what must not be lost stands in the database.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from enum import StrEnum
from typing import Protocol, TypeVar

from zajil.protocol.frames import Eph, KeysLow
from zajil.protocol.ids import MailboxId

Volatile = Eph | KeysLow
"""Frames that are pushed to a live reader or dropped: they have no place in a mailbox."""

Listener = Callable[[Volatile | None], None]
"""Called with None for "read your mailbox again", or with a frame to pass on now. Must not block or raise."""

Hear = Callable[[bytes | None], None]
"""Called with news, or with None for "something may have been missed". Must not block or raise."""


_Who = TypeVar("_Who")


class Topic(StrEnum):
    """What news are about. Each stands for itself in NATS, so no value is used twice or again."""

    RECEIVER = "r"
    """Key: a mailbox. Its device has a newer R somewhere, or none any more: `server/gateway/receivers`."""
    LINK = "l"
    """Key: address of a linking, whose answer is there. No news beside that."""
    PUBLIC = "p"
    """Key: a channel, a persona, or the queue of moderation; there is something new. No news beside that."""
    ROOM = "m"
    """Key: a media room. Who is in it elsewhere, and their frames: `calls/farnews`. Worth nothing when late."""


class Bus(Protocol):
    """Best-effort, unordered between keys, no memory. Called on the event loop's thread."""

    async def close(self) -> None:
        """Let go of whatever it holds."""

    @property
    def is_shared(self) -> bool:
        """Whether there may be other processes."""

    def subscribe(self, mailbox_id: MailboxId, listener: Listener) -> Callable[[], None]:
        """Start listening; the result ends it (more than once is harmless)."""

    def wake(self, mailbox_ids: Iterable[MailboxId]) -> None:
        """Tell the listeners of these mailboxes to read again. Call only after COMMIT."""

    def publish(self, mailbox_ids: Iterable[MailboxId], frame: Volatile) -> None:
        """Pass a frame to whoever listens right now."""

    def listen(self, topic: Topic, key: bytes, hear: Hear) -> Callable[[], None]:
        """Start hearing news of this topic about this key, 1 to 32 bytes; the result ends it, as above."""

    def tell(self, topic: Topic, key: bytes, news: bytes) -> None:
        """Tell everybody who hears it now, in this process too. news: at most 64 KiB. Call only after COMMIT."""


class MemoryBus:
    """The bus of a single process."""

    def __init__(self) -> None:
        self._listeners: defaultdict[bytes, dict[object, Listener]] = defaultdict(dict)
        self._hearers: defaultdict[bytes, dict[object, tuple[Topic, Hear]]] = defaultdict(dict)

    is_shared = False
    """There are no others."""

    async def close(self) -> None:
        """Nothing is held."""

    def subscribe(self, mailbox_id: MailboxId, listener: Listener) -> Callable[[], None]:
        return _enter(self._listeners, mailbox_id, listener)

    def listen(self, topic: Topic, key: bytes, hear: Hear) -> Callable[[], None]:
        return _enter(self._hearers, key, (topic, hear))

    def is_heard(self, key: bytes) -> bool:
        """Whether anybody listens to this mailbox, or to news about this key."""
        return key in self._listeners or key in self._hearers

    def heard(self) -> list[bytes]:
        """The keys that somebody listens to."""
        return list(self._listeners.keys() | self._hearers.keys())

    def wake(self, mailbox_ids: Iterable[MailboxId]) -> None:
        self._call(mailbox_ids, None)

    def publish(self, mailbox_ids: Iterable[MailboxId], frame: Volatile) -> None:
        self._call(mailbox_ids, frame)

    def _call(self, mailbox_ids: Iterable[bytes], frame: Volatile | None) -> None:
        for mailbox_id in mailbox_ids:
            if here := self._listeners.get(mailbox_id):
                for listener in list(here.values()):
                    listener(frame)

    def tell(self, topic: Topic, key: bytes, news: bytes) -> None:
        for about, hear in list(self._hearers.get(key, {}).values()):
            if about is topic:
                hear(news)

    def miss(self, keys: Iterable[bytes]) -> None:
        """Tell everybody who listens to these keys that something may have been missed."""
        for key in keys:
            self._call((key,), None)
            for _, hear in list(self._hearers.get(key, {}).values()):
                hear(None)


def _enter(places: defaultdict[bytes, dict[object, _Who]], key: bytes, who: _Who) -> Callable[[], None]:
    place = object()
    places[key][place] = who

    def leave() -> None:
        here = places.get(key, {})
        here.pop(place, None)
        if not here:
            places.pop(key, None)

    return leave
