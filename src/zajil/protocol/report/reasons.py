"""Why a member reports, in the categories of moderation and one for all else, and what he hears of it in the end."""

from __future__ import annotations

from typing import Literal, TypeAlias

Reason: TypeAlias = Literal[
    "fraud", "violence_incitement", "hate", "harassment", "sexual", "self_harm", "spam", "other"
]
Outcome: TypeAlias = Literal["acted", "not-acted"]
"""Whether the moderators did something. What it was, the reporter is not told."""
