"""How a persona stands by its strikes. Pure but for two reads; the same strikes always give the same standing.

Strikes come from what people decided alone, weigh what the policy says, and end after 90 days. At 3 points posting is
limited to 5 a day for a week, counted from the newest strike; at 6 and at 9 the persona goes before a senior reviewer.
So taking a strike back takes back all that followed from it, by computing once more. Source: design/moderation.md 11.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import Connection

from zajil.moderation.store import decisions, strikes
from zajil.moderation.store.decisions import DecisionRow
from zajil.moderation.store.strikes import StrikeRow
from zajil.protocol.public.posts import Standing
from zajil.protocol.review.api import SUSPENDED_FOR_GOOD

STANDING: Final = 1
"""`version` of decisions about how a persona stands: suspension and single strikes."""
REPORTING: Final = 2
"""`version` of decisions about whether a persona's reports count."""
STRIKE_LIFE_S: Final = 90 * 86_400
LIMIT_POINTS: Final = 3
LIMIT_S: Final = 7 * 86_400
SENIOR_POINTS: Final = (6, 9)


def counting(found: Sequence[StrikeRow], now: int) -> list[StrikeRow]:
    """The strikes that count now."""
    return [each for each in found if each.revoked_at is None and each.expires_at > now]


def count_points(found: Sequence[StrikeRow], now: int) -> int:
    """Their weights together."""
    return sum(each.weight for each in counting(found, now))


def decide_standing(
    persona: bytes, found: Sequence[StrikeRow], suspension: DecisionRow | None, *, now: int
) -> Standing:
    """How the persona stands. suspension: the newest decision about it, whatever it is."""
    alive = counting(found, now)
    limited = 0
    if sum(each.weight for each in alive) >= LIMIT_POINTS:
        limited = max(each.at for each in alive) + LIMIT_S
    suspended = 0
    if suspension is not None and suspension.action == "suspend_persona":
        suspended = suspension.hold_until or SUSPENDED_FOR_GOOD
    return Standing(
        persona_id=persona,
        strike_until=max((each.expires_at for each in alive), default=0),
        limited_until=limited if limited > now else 0,
        suspended_until=suspended if suspended > now else 0,
    )


def read_standing(db: Connection, persona: bytes, *, now: int) -> Standing:
    """How the persona stands by what is stored."""
    suspension = decisions.find_newest(db, "persona", persona, STANDING)
    return decide_standing(persona, strikes.strikes_of(db, persona), suspension, now=now)


def crossed(before: int, after: int) -> int | None:
    """The highest number of points that asks for a senior reviewer and was reached just now."""
    return max((points for points in SENIOR_POINTS if before < points <= after), default=None)


def reports_muted_until(db: Connection, persona: bytes, *, now: int) -> int:
    """Until when the persona's reports count nothing; 0 where they count."""
    newest = decisions.find_newest(db, "persona", persona, REPORTING)
    if newest is None or newest.action != "mute" or newest.hold_until is None or newest.hold_until <= now:
        return 0
    return newest.hold_until
