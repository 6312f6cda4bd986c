"""Times for people, in the machine's time zone."""

from __future__ import annotations

from datetime import datetime
from typing import Final

_END: Final = 253_402_128_000
"""The last day that has a date in every time zone: what others send may lie beyond it."""


def day(at: int) -> str:
    """`2026-11-25`. at: Unix seconds."""
    return datetime.fromtimestamp(min(at, _END)).astimezone().strftime("%Y-%m-%d")


def clock(at: int) -> str:
    """`14:02`. at: Unix seconds."""
    return datetime.fromtimestamp(min(at, _END)).astimezone().strftime("%H:%M")


def span(seconds: int) -> str:
    """`3:12`, `1:02:45`: a length of time."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
