"""What can be done to a post without a person, from nothing to removal, and the record of why.

People have more actions (mute, strike, restrict, block, suspend, escalate, restore); they are made by `decide`.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

import msgspec

Effect: TypeAlias = Literal["allow", "review", "label", "limit", "hold", "remove"]
EFFECTS: Final[tuple[Effect, ...]] = ("allow", "review", "label", "limit", "hold", "remove")
"""From the softest to the hardest, by who can still see the post. `review` leaves it visible and asks a person."""
SEVERITY: Final[dict[Effect, int]] = {effect: rank for rank, effect in enumerate(EFFECTS)}
Source: TypeAlias = Literal["none", "match", "rule", "score", "notice", "judge"]


class Action(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """The effect on one post version, and what it rests on.

    category, sub: what for, "" for `allow`. because: a row of the table such as `match.near`, a rule's id,
    `head>=threshold` as in `fraud>=auto`, `notices` or `judge`; "" for `allow`. signals: indices into the verdict's
    signals that carry it. queue: a person is to look. hold_s: a hold by score or rule ends after so many seconds as
    `limit` if nobody judged it; None holds until somebody does. escalate: threat to life, page an admin within 5 min.
    care: show help resources to the author, self-harm; such an action never brings a strike.
    """

    effect: Effect = "allow"
    category: str = ""
    sub: str = ""
    source: Source = "none"
    because: str = ""
    signals: tuple[int, ...] = ()
    queue: bool = False
    hold_s: int | None = None
    escalate: bool = False
    care: bool = False


ALLOW: Final = Action()


def softer(one: Effect, other: Effect) -> Effect:
    """The softer of two effects."""
    return one if SEVERITY[one] <= SEVERITY[other] else other
