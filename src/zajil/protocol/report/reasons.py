"""Why a member reports: the categories of moderation, and one for all else."""

from __future__ import annotations

from typing import Literal, TypeAlias

Reason: TypeAlias = Literal[
    "fraud", "violence_incitement", "hate", "harassment", "sexual", "self_harm", "spam", "other"
]
