"""Which item of a chat may be sealed now.

Theory of operation. In one chat at most one item is sealed and unanswered, so that none is overtaken until receivers
have dropped its key. Within a lane it is first in, first out; a text may pass media that wait for their upload. An
urgent item (a profile that newcomers need, lists before an Add) overtakes waiting texts, but no commit: it must not
miss an own Add. A message waits for every commit submitted before it, so a new chat sends nothing in epoch 0, and for
the item it is about. Nothing is sealed before a drain of this process ended, nor in a home that is an old copy.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from zajil.protocol.outbox.items import Kind, State

IN_FLIGHT: Final[tuple[State, ...]] = ("sealed", "accepted", "waiting")

Lane = Literal["text", "media"]
Status = Literal["creating", "active", "gone"]


class Queued(msgspec.Struct, frozen=True):
    """An item as the order sees it. n: its number in the outbox. ready: it has what sealing needs (claims, a pass).

    about: number of the item it edits, deletes or reacts to, 0 for none.
    """

    n: int
    kind: Kind
    state: State
    wait: int = 0
    urgent: bool = False
    ready: bool = True
    lane: Lane = "text"
    about: int = 0


class Queue(msgspec.Struct, frozen=True):
    """The items of one chat by number. status: gone is everything where nothing can be sent.

    refused: we wait to be re-added since the server refuses what we seal here.
    """

    status: Status
    items: tuple[Queued, ...]
    refused: bool = False


class Look(msgspec.Struct, frozen=True, tag="look"):
    """Something may have changed. drained: number of the last drain that ended; may_seal: see `may_seal`."""

    drained: int
    may_seal: bool = True


Event: TypeAlias = Look


class Seal(msgspec.Struct, frozen=True, tag="seal"):
    """Seal this item now; then look again, if it turned out to be done or made room for another."""

    n: int


Action: TypeAlias = Seal


def step(queue: Queue, event: Event, now: int) -> tuple[Queue, tuple[Action, ...], None]:
    """What may be sealed now: at most one item. The queue is the core's and stays as it is."""
    del now
    n = find_next(queue, drained=event.drained) if event.may_seal else None
    return queue, () if n is None else (Seal(n),), None


def may_seal(*, drained: int, opened_at: int, locked: bool) -> bool:
    """Only after a DRAINED that answers a HELLO of after this process's start, and never from an old copy.

    drained: number of the last drain that ended. opened_at: HELLOs sent before this process began. locked: an old
    copy, or a revoked device.
    """
    return drained > opened_at and not locked


def find_next(queue: Queue, *, drained: int) -> int | None:
    """The number of the item to be sealed, None while there is none."""
    if any(item.state in IN_FLIGHT for item in queue.items):
        return None
    numbers = {item.n for item in queue.items if item.state not in ("failed", "done")}
    blocked: set[Lane] = set()
    for item in in_order([item for item in queue.items if item.state in ("queued", "held")]):
        if item.lane in blocked and item.kind == "message":
            continue
        if item.state == "queued" and item.wait <= drained and item.about not in numbers and _is_ready(queue, item):
            return item.n
        if item.kind != "message":
            return None
        blocked.add(item.lane)
    return None


def _is_ready(queue: Queue, item: Queued) -> bool:
    if item.kind == "create":
        return item.ready
    return queue.status == "active" and not queue.refused and item.ready


def in_order(queued: Sequence[Queued]) -> list[Queued]:
    """First in, first out, but for urgent items."""
    ordered: list[Queued] = []
    for item in queued:
        at = len(ordered)
        while item.urgent and at and ordered[at - 1].kind == "message" and not ordered[at - 1].urgent:
            at -= 1
        ordered.insert(at, item)
    return ordered
