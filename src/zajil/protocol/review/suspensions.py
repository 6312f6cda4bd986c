"""What /mod/v1 says of rules and list entries that count no more since people reversed what followed from them."""

from __future__ import annotations

from typing import Annotated, Final, Literal, TypeAlias

import msgspec
from msgspec import Meta

from zajil.protocol.frames import U64
from zajil.protocol.ids import B16

SuspendedKind: TypeAlias = Literal["rule", "url", "host", "domain", "phone", "wallet"]
REASON_MAX: Final = 500
Reason: TypeAlias = Annotated[str, Meta(min_length=1, max_length=REASON_MAX, pattern=r"\S")]


class Reversed(msgspec.Struct, frozen=True, omit_defaults=True):
    """A program's decision that people reversed. text: an excerpt of the post, missing where that is gone."""

    decision_id: B16
    action: str
    category: str
    at: U64
    text: str = ""


class Suspension(msgspec.Struct, frozen=True, omit_defaults=True):
    """A rule by its id, or an entry of a list. since: Unix seconds. reversals: why, the newest ten, newest first.

    stands: whether the policy in force has the rule, or the list the entry.
    """

    kind: SuspendedKind
    ref: str
    since: U64
    reversals: tuple[Reversed, ...] = ()
    stands: bool = True


class Suspensions(msgspec.Struct, frozen=True):
    """GET /suspensions, the oldest first."""

    suspensions: tuple[Suspension, ...]


class LiftSuspension(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """POST /suspensions/lift. reason: for the record beside the log."""

    kind: SuspendedKind
    ref: Annotated[str, Meta(min_length=1, max_length=512)]
    reason: Reason
