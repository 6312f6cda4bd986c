"""What was counted for a month, to the unit: inside the server only. What is published of it is `report`.

Counted are decisions by their entries of the log, notices and appeals by their times, and judgements of drawn posts.
Everything in the log that is about no decision is read entry by entry.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from sqlalchemy import Connection

from zajil.moderation.audit.entries import KINDS, parse_entry
from zajil.moderation.statistics.months import Month
from zajil.moderation.store.transparency import counts
from zajil.moderation.store.transparency.counts import Counted, Judged, Outcome, Span
from zajil.moderation.store.transparency.private import PrivateCounts, find_month

RESTRICTING: Final = (
    "label",
    "limit",
    "hold",
    "remove",
    "slow_mode",
    "mute",
    "strike",
    "restrict_channel",
    "block_channel",
    "suspend_persona",
)
"""Actions that take something from somebody. A judgement of copies counts by the decisions about each copy."""
RESTORING: Final = frozenset({"allow", "restore"})
HARMLESS: Final = "none"
"""What a blind judge says of a post that breaks no rule; else it is the name of a category."""


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of one month. kinds: entries of the log by kind. decisions: all of them, also those that restrict nothing.

    acted, allowed: blind judgements. posts: versions judged for the first time, by language. private: of reports from
    private chats, as they were logged after the month; None before.
    """

    month: Month
    span: Span
    kinds: Mapping[str, int]
    decisions: Sequence[Counted]
    notices: Sequence[Outcome]
    appeals: Sequence[Outcome]
    acted: Sequence[Judged]
    allowed: Sequence[Judged]
    posts: Mapping[str, int]
    private: PrivateCounts | None = None

    @property
    def restrictions(self) -> list[Counted]:
        """Decisions that restrict."""
        return [each for each in self.decisions if each.action in RESTRICTING]


def count_month(db: Connection, month: Month) -> Figures:
    """The figures of a month so far, in one snapshot."""
    span = counts.find_span(db, month.start, month.end)
    decisions = counts.count_decisions(db, span)
    return Figures(
        month=month,
        span=span,
        kinds=_count_kinds(db, span, decisions),
        decisions=decisions,
        notices=counts.read_notices(db, span),
        appeals=counts.read_appeals(db, span),
        acted=counts.count_judged(db, "acted", span),
        allowed=counts.count_judged(db, "allowed", span),
        posts=counts.count_posts(db, span),
        private=find_month(db, month.name),
    )


def _count_kinds(db: Connection, span: Span, decisions: Sequence[Counted]) -> dict[str, int]:
    """Entries by kind: those of stored decisions by their rows, which are many, and all others one by one."""
    known = counts.decided_entries(db, span)
    found: Counter[str] = Counter()
    for each in decisions:
        found["appeal" if each.source == "appeal" else "decision"] += each.n
    others = [n for n in range(span.first, span.end) if n not in known]
    found.update(parse_entry(data).kind for data in counts.entries_at(db, others))
    return {kind: found[kind] for kind in KINDS}
