"""Who waits for events, in this process: a topic is a channel's or a persona's id. Lost wake-ups cost one poll."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager


class Wakeups:
    """Called on the event loop's thread. waiting: how many listen now. `stop` wakes everybody for good."""

    def __init__(self) -> None:
        self._waiting: defaultdict[bytes, set[asyncio.Event]] = defaultdict(set)
        self.stopped = False
        self.waiting = 0

    @contextmanager
    def listening(self, topics: Iterable[bytes]) -> Iterator[asyncio.Event]:
        """An event that is set whenever one of these topics is woken; the caller clears it before it reads."""
        own, topics = asyncio.Event(), tuple(topics)
        for topic in topics:
            self._waiting[topic].add(own)
        if self.stopped:
            own.set()
        self.waiting += 1
        try:
            yield own
        finally:
            self.waiting -= 1
            for topic in topics:
                self._waiting[topic].discard(own)
                if not self._waiting[topic]:
                    del self._waiting[topic]

    def wake(self, topics: Iterable[bytes]) -> None:
        """Call only after COMMIT."""
        for topic in set(topics):
            for each in self._waiting.get(topic, ()):
                each.set()

    def stop(self) -> None:
        """Every listener returns now, and later ones at once."""
        self.stopped = True
        self.wake(list(self._waiting))
