"""How far the public space trusts an author, from time and accepted posts alone. Pure.

Source: design/moderation.md 3, Gate: 0 under 24 h or nothing accepted; 1 under 7 d or under 5; 2 the rest; one step
lower while a strike is active; nothing else counts.
"""

from __future__ import annotations

from typing import Final

from zajil.protocol.public.posts import Trust

ESTABLISHED: Final[Trust] = 2
_DAY_S: Final = 86_400
_WEEK_S: Final = 7 * _DAY_S
_FEW: Final = 5


def decide_trust(*, created_at: int, accepted: int, strike_until: int, now: float) -> Trust:
    """0, 1 or 2. created_at, strike_until, now: Unix seconds. accepted: posts that moderation let stand."""
    age_s = now - created_at
    if age_s < _DAY_S or accepted < 1:
        trust = 0
    elif age_s < _WEEK_S or accepted < _FEW:
        trust = 1
    else:
        trust = ESTABLISHED
    return max(0, trust - 1) if now < strike_until else trust
