"""Requests and answers of /pub/v1 about moderation: reports, notices, appeals and how a persona stands.

Nobody learns from these who reported, who reviewed, or what else either did. Times are Unix seconds; ids travel as
base64url. Source: design/moderation.md 3, 11 and 13; Regulation (EU) 2022/2065 Art. 16, 17 and 20.
"""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from zajil.protocol.control import B16, B32, Blob
from zajil.protocol.frames import U32, U64

Category: TypeAlias = Literal["fraud", "violence_incitement", "hate", "harassment", "sexual", "self_harm", "spam"]
ReportKind: TypeAlias = Literal["post", "persona", "channel"]
ReportState: TypeAlias = Literal["received", "in_review", "acted", "declined", "reversed"]
AppealState: TypeAlias = Literal["open", "assigned", "upheld", "reversed", "partly"]
NOTE_CHARACTERS: Final = 1000
APPEAL_CHARACTERS: Final = 2000


class NewReport(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """POST /reports. target: a post or comment, a persona or a channel, as kind says."""

    target: B16
    category: Category
    note: Annotated[str, Meta(max_length=NOTE_CHARACTERS)] = ""
    kind: ReportKind = "post"


class Report(msgspec.Struct, frozen=True, omit_defaults=True):
    """A report as its reporter sees it. closed_at: when it had its outcome. appeal: an outcome is under appeal.

    `acted`: something was done; `declined`: nothing was against the rules; `reversed`: what was done was taken back.
    """

    report_id: B16
    kind: ReportKind
    target: B16
    category: Category
    state: ReportState
    at: U64
    note: str = ""
    closed_at: U64 | None = None


class Reports(msgspec.Struct, frozen=True, omit_defaults=True):
    """GET /me/reports, newest first. next: `before` of the page behind it. muted_until: reports count nothing till."""

    reports: tuple[Report, ...]
    next: str | None = None
    muted_until: U64 | None = None


class Statement(msgspec.Struct, frozen=True, omit_defaults=True):
    """A statement of reasons. Names and values of the DSA Transparency Database, API 2; dates YYYY-MM-DD.

    language: of the last three texts, which are for the author alone.
    """

    puid: str
    decision_ground: str
    decision_facts: str
    category: str
    content_type: tuple[str, ...]
    content_date: str
    application_date: str
    territorial_scope: tuple[str, ...]
    source_type: str
    automated_detection: str
    automated_decision: str
    language: str
    explanation: str
    facts: str
    redress: str
    decision_visibility: tuple[str, ...] = ()
    decision_account: str | None = None
    illegal_content_legal_ground: str | None = None
    illegal_content_explanation: str | None = None
    incompatible_content_ground: str | None = None
    incompatible_content_explanation: str | None = None
    category_specification: tuple[str, ...] = ()
    category_specification_other: str | None = None
    content_language: str | None = None
    end_date_visibility_restriction: str | None = None
    end_date_account_restriction: str | None = None


class Proof(msgspec.Struct, frozen=True):
    """That the decision stands in the public log: `check_receipt` of the audit log takes these.

    entry: the entry's bytes. path: RFC 6962 inclusion proof, 32 bytes each. checkpoint: the signed note. record, salt:
    what the entry's hash is over.
    """

    entry: Blob
    path: tuple[B32, ...]
    checkpoint: str
    record: Blob
    salt: B16


class AppealBrief(msgspec.Struct, frozen=True, omit_defaults=True):
    """An appeal beside its decision."""

    appeal_id: B16
    state: AppealState
    at: U64
    due_at: U64
    closed_at: U64 | None = None


class Notice(msgspec.Struct, frozen=True, omit_defaults=True):
    """A decision as the persona it meets is told of it.

    target: the post, persona or channel, as kind says. in_force: no later decision took its place. reason: of a
    channel's own moderator. statement: missing where nothing was restricted. appeal_until: until when an appeal is
    taken; missing where none is. until: end of a hold, mute or suspension. proof: missing until the log's next signed
    head, which takes at most ten minutes. care: help is offered beside it.
    """

    decision_id: B16
    kind: ReportKind
    target: B16
    version: U32
    action: str
    category: str
    at: U64
    in_force: bool
    automated: bool
    sub: str = ""
    channel_id: B16 | None = None
    until: U64 | None = None
    reason: str = ""
    statement: Statement | None = None
    appeal_until: U64 | None = None
    appeal: AppealBrief | None = None
    supersedes: B16 | None = None
    proof: Proof | None = None
    care: bool = False


class Notices(msgspec.Struct, frozen=True, omit_defaults=True):
    """GET /me/notices, newest first. next: `before` of the page behind it."""

    notices: tuple[Notice, ...]
    next: str | None = None


class NewAppeal(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /decisions/{decision}/appeals."""

    text: Annotated[str, Meta(min_length=1, max_length=APPEAL_CHARACTERS)]


class Appeal(msgspec.Struct, frozen=True, omit_defaults=True):
    """An appeal as its author sees it. due_at: when an answer is due. answer: the reviewer's; result: the decision."""

    appeal_id: B16
    decision_id: B16
    state: AppealState
    text: str
    at: U64
    due_at: U64
    closed_at: U64 | None = None
    answer: str = ""
    result: B16 | None = None


class OwnStrike(msgspec.Struct, frozen=True):
    """One strike that counts now."""

    decision_id: B16
    category: str
    weight: U32
    at: U64
    expires_at: U64


class OwnStanding(msgspec.Struct, frozen=True, omit_defaults=True):
    """GET /me/standing. strikes: those that count; points: their weights together. Times missing: not so.

    limited_until: at most 5 posts a day. suspended_until: no login. reports_muted_until: own reports count nothing.
    """

    trust: U32
    points: U32
    strikes: tuple[OwnStrike, ...]
    limited_until: U64 | None = None
    suspended_until: U64 | None = None
    reports_muted_until: U64 | None = None
