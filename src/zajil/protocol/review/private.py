"""Requests and answers of /mod/v1/private: reports from private chats, for members with that permission alone.

Who reported, in which chat, and who else is there, is in none of them.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from zajil.protocol.control import B16
from zajil.protocol.frames import U64
from zajil.protocol.report.measures import DAYS_MAX, Measure
from zajil.protocol.report.reasons import Outcome, Reason
from zajil.protocol.report.verified import ITEMS_MAX, Form

PASSPHRASE_MAX: Final = 1024
"""Characters of a passphrase."""
PrivateKind: TypeAlias = Literal["report", "complaint"]
"""With proof; without one, a member's word."""


class PrivateBrief(msgspec.Struct, frozen=True, omit_defaults=True):
    """A report in the list, before anybody opened it. day: Unix seconds of midnight, UTC. claim: as of items.

    proposed: who proposed a measure against the account, which a second person has to confirm.
    """

    report_id: B16
    kind: PrivateKind
    day: U64
    claim: Literal["", "mine", "other"] = ""
    proposed: Literal["", "mine", "other"] = ""


class Proposal(msgspec.Struct, frozen=True, omit_defaults=True):
    """A measure that waits for a second person. days: of a suspension, None for good. own: the caller proposed it."""

    action: Measure
    own: bool
    days: int | None = None


KeyState: TypeAlias = Literal["none", "clear", "locked", "open", "elsewhere"]
"""Of the key that opens reports: none and clear: a passphrase has to be chosen first (clear: old keys lie unsealed);
locked and open: sealed, and whether somebody unlocked it; elsewhere: not on this server."""


class PrivateQueue(msgspec.Struct, frozen=True):
    """GET /private: open ones, oldest first. opens: whether they can be read now."""

    opens: bool
    key: KeyState
    reports: tuple[PrivateBrief, ...]


class PrivateMessage(msgspec.Struct, frozen=True):
    """One message. sender: whose it is proven to be, or said to be in a complaint. sent_ms: Unix ms, 0 unknown."""

    text: str
    form: Form
    sender: B16
    sent_ms: U64


class PrivateReport(msgspec.Struct, frozen=True, omit_defaults=True):
    """GET /private/{report}, for whoever claimed it. accepted_at: Unix seconds."""

    report_id: B16
    kind: PrivateKind
    reason: Reason
    accepted_at: U64
    messages: Annotated[tuple[PrivateMessage, ...], Meta(max_length=ITEMS_MAX)]
    note: str = ""
    proposed: Proposal | None = None


class ClosePrivate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /private/{report}/close. outcome: what the reporter hears."""

    outcome: Outcome


class Unlock(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /private/unlock."""

    passphrase: Annotated[str, Meta(max_length=PASSPHRASE_MAX)]


class NewPassphrase(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /private/passphrase. current: of the key as it is; empty for the first."""

    passphrase: Annotated[str, Meta(max_length=PASSPHRASE_MAX)]
    current: Annotated[str, Meta(max_length=PASSPHRASE_MAX)] = ""


class ProposeMeasure(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /private/{report}/propose. days: of a suspension, None for good; a warning has none."""

    action: Measure
    days: Annotated[int, Meta(ge=1, le=DAYS_MAX)] | None = None


class MeasureView(msgspec.Struct, frozen=True, omit_defaults=True):
    """A measure in force, or undone. day: Unix seconds of midnight. until: Unix seconds, 0 for none."""

    measure_id: B16
    account: B16
    action: Measure
    reason: Reason
    day: U64
    until: U64 = 0
    undone: bool = False


class Measures(msgspec.Struct, frozen=True, omit_defaults=True):
    """GET /private/measures: newest first. unread: how many of the newest are damaged, or sealed to a lost key."""

    measures: tuple[MeasureView, ...]
    unread: U64 = 0
