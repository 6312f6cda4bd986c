"""How long to wait before the same thing is tried again: 1 2 4 .. 60 s with full jitter, unless the server says."""

from __future__ import annotations

FIRST_MS, MOST_MS = 1_000, 60_000


def delay_ms(tries: int, *, jitter: float, retry_ms: int = 0) -> int:
    """Milliseconds until the next try.

    tries: failures before this one, from 0. jitter: 0 to 1, random. retry_ms: what the server asked for, 0 if nothing;
    it wins.
    """
    if retry_ms > 0:
        return retry_ms
    return int(min(MOST_MS, FIRST_MS << min(tries, 6)) * jitter)
