"""How long a message lives (service.md 7): `expires` of its content as a span, and the clock that runs it out.

Theory of operation. A message says a span, in seconds. The span runs from when its reader's account has read it, and
for whoever wrote it from the time that it carries; so all devices of an account count from the same moment. Until then
nothing ends: what is unread waits, and what did not go out yet stays with its writer.

The clock is the device's, as nothing the server says decides how long a text stays (service.md 5). So it may be wrong:

| Clock | What happens |
|---|---|
| goes forward | what is over by it goes; early, never late |
| goes back | a deadline further away than the whole span is brought back to one span from now, at each look |
| of another device of ours runs ahead | no start counts that lies after our own now |

Times: Unix milliseconds of this device. Spans: seconds, 0 = the message stays.
"""

from __future__ import annotations

from typing import Final

from zajil.protocol.chat.content import Expires

SPAN_MAX_S: Final = 365 * 86_400
"""Longest span, and longest timer of a chat."""


def find_span(expires: Expires | None, *, sent: int) -> int:
    """The span that a content asks for, 0 where it asks for none; never above a year.

    sent: the time it carries. A fixed time, which no client of ours writes, counts as the span from then to it, 1 s at
    least: so a message that was over before anybody read it can still be read, and reported.
    """
    if expires is None:
        return 0
    if expires.relative:
        return min(expires.time, SPAN_MAX_S)
    return min(max(expires.time - sent // 1000, 1), SPAN_MAX_S)


def find_deadline(span_s: int, *, start: int, now: int) -> int:
    """When a message is over whose span began at `start`."""
    return min(start, now) + span_s * 1000


def look(deadline: int, span_s: int, *, now: int) -> int | None:
    """The deadline that holds from now on; None where the message is over."""
    return None if deadline <= now else min(deadline, now + span_s * 1000)
