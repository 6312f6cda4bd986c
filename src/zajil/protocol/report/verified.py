"""What moderation may see of a private chat: messages that a member of it proved and sent in himself.

`VerifiedReport` is one of the two types that the moderation pipeline accepts (the other is `PublicPost`). Only
`zajil.delivery.reports` makes it, from what `proofs` has checked. It names neither the group nor any other member:
contents, group ids and certificates stay behind in the check.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from zajil.protocol.report.reasons import Reason

Form: TypeAlias = Literal["text", "edit", "other"]
ITEMS_MAX: Final = 6
"""Most messages of one report."""
NOTE_CHARACTERS: Final = 1000
B16: TypeAlias = Annotated[bytes, Meta(min_length=16, max_length=16)]
B32: TypeAlias = Annotated[bytes, Meta(min_length=32, max_length=32)]


class ReportedMessage(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One proven message.

    text: as its receivers saw it, mentions as the names written in them; "" where form is `other`, a kind that this
    version does not show. sent_ms: by the sender's own clock, signed. accepted_ms: when the server took it; a member
    can have it taken again later, so a message is never newer than this and may be older. Both Unix ms.
    """

    text: str
    form: Form
    sent_ms: int
    accepted_ms: int


class VerifiedReport(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A report whose every message was proven to come from `sender_account`.

    reporter_ref: the same for all reports of one account, and nobody but this server can tell whose. return_to: opaque;
    brings the outcome back to the reporter. accepted_at: Unix seconds. proof_hash: SHA-256 over the proofs, which are
    not kept: who holds them still can show that they are the ones that were checked.
    """

    report_id: B16
    reporter_ref: B16
    return_to: bytes
    sender_account: B16
    items: Annotated[tuple[ReportedMessage, ...], Meta(min_length=1, max_length=ITEMS_MAX)]
    accepted_at: int
    reason: Reason
    note: Annotated[str, Meta(max_length=NOTE_CHARACTERS)]
    proof_hash: B32
