"""What a notice counts for. Pure.

A reporter's weight is the share of their notices that led to something, smoothed so that a newcomer counts half. Bots
count nothing until they are measured, and neither does who was nearly always wrong. Notices of people who act together
count once: those on one target within the same hour, by reporters who reported something in common before.
No number of notices does anything by itself: they open an item, and raise it in its queue.
Source: design/moderation.md 13.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from zajil.moderation.store.notices import Record

MUTED_S: Final = 30 * 86_400
MUTED_AFTER: Final = 20
LEAST_PRECISION: Final = 0.1
RECORD: Final = 200
"""How many of a reporter's newest closed notices are looked at."""
TOGETHER_S: Final = 3600
WHOLE: Final = 1000
TRUSTED_S: Final = 60
"""How long a tally in memory goes without the notices that another server took."""
EARLIER: Final = 64
"""How many of a reporter's earlier targets are looked at, the newest."""
_Place = tuple[bytes, int]


class Given(NamedTuple):
    """One notice on a target. weight: thousandths. at: Unix seconds."""

    reporter: bytes
    weight: int
    at: int


def precision(record: Record) -> float:
    """Share of notices that led to something, with one of each kind added."""
    return (record.acted + 1) / (record.closed + 2)


def weigh(record: Record, *, kind: str, muted: bool) -> int:
    """What a reporter's notice counts for, thousandths."""
    return 0 if muted or kind != "person" else round(WHOLE * precision(record))


def is_abusive(record: Record) -> bool:
    """Whether the reports of this reporter stop counting."""
    return record.closed >= MUTED_AFTER and precision(record) < LEAST_PRECISION


class Tally:
    """What notices on one target count for together, kept as they come: each costs its own reporter's past, not theirs.

    Two notices are of one group if they are less than an hour apart and their reporters had an earlier target in
    common; groups that share a member are one, and count as their heaviest. Of each earlier target only the newest
    notice is remembered: one before it that is near enough was put together with it already.
    """

    def __init__(self) -> None:
        self._parents: list[int] = []
        self._heaviest: list[int] = []
        self._newest: dict[bytes, tuple[int, int]] = {}
        self.weight = 0

    def add(self, given: Given, earlier: Iterable[bytes]) -> None:
        """One more, no older than those before. earlier: what its reporter had reported before."""
        own = len(self._parents)
        self._parents.append(own)
        self._heaviest.append(given.weight)
        self.weight += given.weight
        for target in earlier:
            other, at = self._newest.get(target, (own, given.at))
            if abs(given.at - at) < TOGETHER_S:
                self._join(own, other)
            self._newest[target] = own, given.at

    def _join(self, one: int, other: int) -> None:
        first, second = self._find(one), self._find(other)
        if first == second:
            return
        self.weight -= min(self._heaviest[first], self._heaviest[second])
        self._heaviest[second] = max(self._heaviest[first], self._heaviest[second])
        self._parents[first] = second

    def _find(self, number: int) -> int:
        while self._parents[number] != number:
            self._parents[number] = self._parents[self._parents[number]]
            number = self._parents[number]
        return number


def count_together(given: Sequence[Given], earlier: Mapping[bytes, Iterable[bytes]]) -> int:
    """What these notices on one target count for together, thousandths. earlier: by reporter, as of `Tally.add`."""
    return tally_of(given, earlier).weight


def tally_of(given: Sequence[Given], earlier: Mapping[bytes, Iterable[bytes]]) -> Tally:
    """The tally of these notices."""
    tally = Tally()
    for each in sorted(given, key=lambda one: one.at):
        tally.add(each, earlier.get(each.reporter, ()))
    return tally


class _Kept(NamedTuple):
    """A tally of the notices after `since`, as counted from the store at `counted_at`. Unix seconds."""

    since: int
    counted_at: int
    tally: Tally


class Tallies:
    """Tallies of the targets that were reported last, in the memory of a process that takes notices.

    A target that is not here is counted once from its stored notices. Others may take notices of it too: so it is
    counted anew every `TRUSTED_S`. Asked and moved inside the transaction that stores the notice; forgotten where that
    fails.
    """

    def __init__(self, most: int = 512) -> None:
        self._most = most
        self._known: dict[_Place, _Kept] = {}

    def find(self, place: _Place, since: int, *, now: int) -> Tally | None:
        """The tally of this target's notices after that second, unless it was counted too long ago."""
        found = self._known.get(place)
        if found is None or found.since != since or not 0 <= now - found.counted_at < TRUSTED_S:
            return None
        return found.tally

    def put(self, place: _Place, since: int, tally: Tally, *, now: int) -> None:
        """This is the target's tally: that of `find` with one more, or one that was counted now."""
        known = self._known.pop(place, None)
        counted_at = known.counted_at if known is not None and known.tally is tally else now
        while len(self._known) >= self._most:
            self._known.pop(next(iter(self._known)))
        self._known[place] = _Kept(since, counted_at, tally)

    def drop_target(self, target: bytes) -> None:
        """Nobody knows this target's, of any version."""
        for place in [each for each in list(self._known) if each[0] == target]:
            self._known.pop(place, None)
