"""What moderators may do about an account after a report with proof, and the statement of reasons its owner gets.

Neither the reporter, nor the chat, nor the messages are in it: they would name whoever reported.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from zajil.protocol.report.reasons import Reason

Measure: TypeAlias = Literal["warn", "suspend"]
DAYS_MAX: Final = 3650
NOTICE: Final = "account-measure"
"""Name of the notice in the mailboxes of the account."""
OUTCOME_NOTICE: Final = "report-outcome"
"""Of the one in the mailboxes of a reporter."""
NOTICE_ID_BYTES: Final = 16
_B16: TypeAlias = Annotated[bytes, Meta(min_length=16, max_length=16)]


class AccountMeasure(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One measure. until: Unix seconds at which a suspension ends, 0 for never, and of a warning. at: Unix seconds."""

    measure_id: _B16
    account: _B16
    action: Measure
    reason: Reason
    until: int
    at: int


class Statement(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is kept for a suspended account, to tell it when it logs in. Fields as in `AccountMeasure`."""

    measure_id: _B16
    reason: Reason
    until: int
    at: int


def notice_id(name: str, word: str, decision: bytes, account: bytes) -> bytes:
    """16 bytes, the same however often a server tells it: by these a device knows a notice that it holds.

    word: what the notice says of it. decision: the measure or report, 16 bytes. account: whom it is told.
    """
    told = f"zajil notice v1\0{name}\0{word}\0".encode() + decision + account
    return hashlib.sha256(told).digest()[:NOTICE_ID_BYTES]
