"""What a member says of a private chat without a proof. People may read it; no code may act on it.

A `Complaint` is no `VerifiedReport`, and nothing turns one into the other. No function of the moderation pipeline takes
it: an import contract and tests/moderation/private hold that.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

from zajil.protocol.report.reasons import Reason
from zajil.protocol.report.verified import B16, ITEMS_MAX, NOTE_CHARACTERS


class ClaimedMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message as the member tells it. account: whom he names as its sender. sent_ms: Unix ms, 0 where unknown."""

    text: str
    account: B16
    sent_ms: int


class Complaint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fields as those of `VerifiedReport`; nothing in `items` was checked, and anybody can have written it."""

    report_id: B16
    reporter_ref: B16
    return_to: bytes
    items: Annotated[tuple[ClaimedMessage, ...], Meta(min_length=1, max_length=ITEMS_MAX)]
    accepted_at: int
    reason: Reason
    note: Annotated[str, Meta(max_length=NOTE_CHARACTERS)]
