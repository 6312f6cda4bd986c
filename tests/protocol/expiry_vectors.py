"""Builds vectors/service/expiry.json, of `tests.protocol.service_vectors`."""

from __future__ import annotations

from typing import TypeAlias

from zajil.protocol.chat import expiry
from zajil.protocol.chat.content import Expires
from zajil.protocol.chat.expiry import SPAN_MAX_S

Json: TypeAlias = "dict[str, Json] | list[Json] | str | int | bool | None"
NOW = 1_795_000_000_000
DAY_S = 86_400


def build() -> Json:
    """Spans of contents, deadlines from their starts, and what a look says of a deadline."""
    asked: list[tuple[bool, int] | None] = [None, (True, 0), (True, 1), (True, DAY_S), (True, SPAN_MAX_S)]
    asked += [(True, SPAN_MAX_S + 1), (True, (1 << 32) - 1)]
    asked += [(False, 0), (False, NOW // 1000), (False, NOW // 1000 + 1), (False, NOW // 1000 + DAY_S)]
    asked += [(False, NOW // 1000 - DAY_S), (False, (1 << 32) - 1)]
    spans: list[Json] = [
        {
            "expires": None if one is None else [*one],
            "sent": NOW,
            "span_s": expiry.find_span(None if one is None else Expires(*one), sent=NOW),
        }
        for one in asked
    ]
    starts = [NOW, NOW - 1, NOW - 10 * DAY_S * 1000, 0, NOW + 1, NOW + 400 * DAY_S * 1000]
    deadlines: list[Json] = [
        {"span_s": span_s, "start": start, "now": NOW, "at": expiry.find_deadline(span_s, start=start, now=NOW)}
        for start in starts
        for span_s in (1, DAY_S, SPAN_MAX_S)
    ]
    looks: list[Json] = [
        {"at": at, "span_s": span_s, "now": NOW, "left": expiry.look(at, span_s, now=NOW)}
        for span_s in (1, 60, DAY_S)
        for at in (0, NOW - 1, NOW, NOW + 1, NOW + span_s * 1000 - 1, NOW + span_s * 1000, NOW + span_s * 1000 + 1)
    ]
    looks.append({"at": NOW + 400 * DAY_S * 1000, "span_s": 60, "now": NOW, "left": NOW + 60_000})
    return {
        "source": "zajil, tests/protocol/expiry_vectors.py",
        "span_max_s": SPAN_MAX_S,
        "spans": spans,
        "deadlines": deadlines,
        "looks": looks,
    }
