"""Who waits for events, in this process: a topic is a channel's or a persona's id. Lost wake-ups cost one poll.

What is woken here wakes who waits at other gateways too, over the bus.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

from zajil.engine.bus import Bus, MemoryBus, Topic


class Wakeups:
    """Called on the event loop's thread. waiting: how many listen now. `stop` wakes everybody for good."""

    def __init__(self, bus: Bus | None = None) -> None:
        """bus: that of the server; None where nobody else is to hear."""
        self._bus = bus or MemoryBus()
        self._leave: dict[bytes, Callable[[], None]] = {}
        self._waiting: defaultdict[bytes, set[asyncio.Event]] = defaultdict(set)
        self.stopped = False
        self.waiting = 0

    @contextmanager
    def listening(self, topics: Iterable[bytes]) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of these topics is woken; the caller clears it before it reads."""
        own, topics = asyncio.Event(), tuple(topics)
        for topic in topics:
            self.add(topic, own)
        if self.stopped:
            own.set()
        try:
            with self.counted():
                yield own
        finally:
            for topic in topics:
                self.remove(topic, own)

    @contextmanager
    def counted(self) -> Iterator[None]:
        """One more waits."""
        self.waiting += 1
        try:
            yield
        finally:
            self.waiting -= 1

    def add(self, topic: bytes, own: asyncio.Event) -> None:
        """Set this event whenever the topic is woken."""
        if topic not in self._leave:
            self._leave[topic] = self._bus.listen(Topic.PUBLIC, topic, lambda _news: self._set(topic))
        self._waiting[topic].add(own)

    def remove(self, topic: bytes, own: asyncio.Event) -> None:
        """No more; harmless where it was not added."""
        self._waiting[topic].discard(own)
        if not self._waiting[topic]:
            del self._waiting[topic]
            if (leave := self._leave.pop(topic, None)) is not None:
                leave()

    def _set(self, topic: bytes) -> None:
        for each in self._waiting.get(topic, ()):
            each.set()

    def wake(self, topics: Iterable[bytes]) -> None:
        """Call only after COMMIT."""
        for topic in set(topics):
            self._bus.tell(Topic.PUBLIC, topic, b"")

    def stop(self) -> None:
        """Every listener returns now, and later ones at once."""
        self.stopped = True
        for topic in list(self._waiting):
            self._set(topic)
