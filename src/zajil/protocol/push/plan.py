"""When a device is woken, and what comes of an answer: rules without a clock of their own.

A message wakes a device once in 30 seconds, a ring of a call at once. Whoever is connected is left time to take the
message by itself first. What failed is tried again, ever later; what the push service refuses for good is dropped.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NamedTuple


class Wake(IntEnum):
    """Why a device is woken. The numbers are stored."""

    MESSAGE = 1
    RING = 2


class Manner(NamedTuple):
    """How a push of one kind travels (RFC 8030 5.2 to 5.4). ttl_s: how long the push service keeps it.

    topic: a waiting push of the same one is replaced. Two of them, or a ring, which lives a minute, would take away the
    push that says that messages wait. gap_s: between two to one device. grace_s: for who is connected to take it.
    """

    ttl_s: int
    urgency: str
    topic: str
    gap_s: float
    grace_s: float


MANNERS: Final = {
    Wake.MESSAGE: Manner(28 * 86_400, "normal", "zajil-wake", 30.0, 10.0),
    Wake.RING: Manner(60, "high", "zajil-ring", 5.0, 2.0),
}
TRIES_MAX: Final = 30
_FIRST_S: Final = 10.0
_LONGEST_S: Final = 3600.0


class Outcome(IntEnum):
    """What a push service's answer means."""

    TAKEN = 0
    GONE = 1
    LATER = 2
    REFUSED = 3


def judge_status(status: int) -> Outcome:
    """What this HTTP status means for the subscription and the push. A redirect is never followed."""
    if 200 <= status < 300:
        return Outcome.TAKEN
    if status in (404, 410):
        return Outcome.GONE
    return Outcome.LATER if status in (408, 425, 429) or status >= 500 else Outcome.REFUSED


def delay_s(tries: int, *, retry_after_s: float = 0.0, share: float) -> float:
    """Seconds until the next try. tries: so far, at least 1. share: random, 0 to 1. At most two hours."""
    wait = min(_FIRST_S * float(1 << min(tries - 1, 16)), _LONGEST_S) * (0.5 + share)
    return max(wait, min(retry_after_s, 2 * _LONGEST_S))
