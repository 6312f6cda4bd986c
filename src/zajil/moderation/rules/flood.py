"""Flood counters: how many posts one author, one text or one domain has seen of late, in bounded memory.

A sliding log: for each key the newest n posts with their times. An edit is not flooding, so it never counts; a job that
is delivered again gets the answer it got before, as long as its post is among those. When the counters are full, the
keys that were quiet for longest are forgotten. One process holds them for a deployment; after a restart they begin
anew.
"""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from zajil.moderation.policy.conditions import Flood

ENTRIES_MAX: Final = 500_000
"""Posts remembered over all keys: about 100 MB at most."""


class FloodCounters:
    """The counters of all rules, by counter and key. entries_max: posts remembered over all keys."""

    def __init__(self, entries_max: int = ENTRIES_MAX) -> None:
        self._entries_max = entries_max
        # A key has FLOOD_MAX posts at most, most have one: a dictionary in the order of arrival is enough.
        self._logs: OrderedDict[tuple[Flood, bytes], dict[bytes, tuple[float, bool]]] = OrderedDict()
        self._entries = 0

    @property
    def entries(self) -> int:
        """How many posts are remembered now."""
        return self._entries

    def count(self, flood: Flood, key: bytes, *, target: bytes, now: float) -> bool:
        """Count a post; whether it is the n-th of its key within per_s seconds, or a later one.

        key: names the author, text or domain, at most 32 bytes. target: the post. now: Unix seconds, of any clock that
        does not jump back by more than per_s.
        """
        name = flood, key
        log = self._logs.get(name)
        if log is None:
            # Most texts, and of late most authors, come once.
            full = flood.n <= 1
            self._logs[name] = {target: (now, full)}
        else:
            self._logs.move_to_end(name)
            known = log.get(target)
            if known is not None:
                return known[1]
            while log and next(iter(log.values()))[0] <= now - flood.per_s:
                self._drop_oldest(log)
            full = len(log) + 1 >= flood.n
            if len(log) >= flood.n:
                self._drop_oldest(log)
            log[target] = (now, full)
        self._entries += 1
        while self._entries > self._entries_max:
            _, quiet = self._logs.popitem(last=False)
            self._entries -= len(quiet)
        return full

    def recall(self, flood: Flood, key: bytes, *, target: bytes) -> bool:
        """What counting this post has answered, if it is remembered, else False. Counts nothing."""
        log = self._logs.get((flood, key))
        known = None if log is None else log.get(target)
        return known is not None and known[1]

    def _drop_oldest(self, log: dict[bytes, tuple[float, bool]]) -> None:
        del log[next(iter(log))]
        self._entries -= 1
