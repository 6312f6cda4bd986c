"""What a notice counts for. Pure.

A reporter's weight is the share of their notices that led to something, smoothed so that a newcomer counts half. Bots
count nothing until they are measured, and neither does who was nearly always wrong. Notices of people who act together
count once: those on one target within the same hour, by reporters who reported something in common before.
No number of notices does anything by itself: they open an item, and raise it in its queue.
Source: design/moderation.md 13.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from zajil.moderation.store.notices import Record

MUTED_S: Final = 30 * 86_400
MUTED_AFTER: Final = 20
LEAST_PRECISION: Final = 0.1
RECORD: Final = 200
"""How many of a reporter's newest closed notices are looked at."""
TOGETHER_S: Final = 3600
WHOLE: Final = 1000


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


def count_together(given: Sequence[Given], earlier: Mapping[bytes, set[bytes]]) -> int:
    """What notices on one target count for together, thousandths: each group of reporters as its heaviest.

    earlier: what each reporter had reported before. Two are of one group if their notices are less than an hour apart
    and they have an earlier target in common; groups that share a member are one.
    """
    groups = list(range(len(given)))

    def find(number: int) -> int:
        while groups[number] != number:
            groups[number] = groups[groups[number]]
            number = groups[number]
        return number

    for one, first in enumerate(given):
        for other in range(one):
            second = given[other]
            near = abs(first.at - second.at) < TOGETHER_S
            if near and not earlier.get(first.reporter, set()).isdisjoint(earlier.get(second.reporter, set())):
                groups[find(one)] = find(other)
    heaviest: dict[int, int] = {}
    for number, each in enumerate(given):
        group = find(number)
        heaviest[group] = max(heaviest.get(group, 0), each.weight)
    return sum(heaviest.values())
