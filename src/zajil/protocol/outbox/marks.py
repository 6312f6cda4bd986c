"""What a person sees of an own message: a clock, one tick, two ticks, two coloured ones, or a red mark.

Theory of operation. A mark never goes backwards. A receipt proves that the server had the message, so it counts from
any mark, and an echo or receipt that comes after a red mark takes it away. `retry` is the person's: the message is
queued again.

    queued -> sending -> sent -> delivered -> read;  queued, sending -> failed -> queued (retry)
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Final, Literal

MarkState = Literal["queued", "sending", "sent", "delivered", "read", "failed"]
MarkEvent = Literal["seal", "accept", "fail", "delivered", "read", "retry"]
MARKS: Final[tuple[MarkState, ...]] = ("queued", "sending", "sent", "delivered", "read", "failed")

TABLE: Final = MappingProxyType[MarkEvent, tuple[MarkState, ...]](
    {
        #           queued       sending      sent         delivered    read    failed
        "seal":      ("sending",   "sending",   "sent",      "delivered", "read", "failed"),
        "accept":    ("sent",      "sent",      "sent",      "delivered", "read", "sent"),
        "fail":      ("failed",    "failed",    "sent",      "delivered", "read", "failed"),
        "delivered": ("delivered", "delivered", "delivered", "delivered", "read", "delivered"),
        "read":      ("read",      "read",      "read",      "read",      "read", "read"),
        "retry":     ("queued",    "sending",   "sent",      "delivered", "read", "queued"),
    }
)  # fmt: skip


def next_mark(mark: MarkState, event: MarkEvent) -> MarkState:
    """The mark of an own message after an event; the same one where it says nothing new."""
    return TABLE[event][MARKS.index(mark)]
