"""What a decision is asked for with, and the record of it that the log's hash is over. Pure."""

from __future__ import annotations

import hashlib
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from zajil.moderation.store.decisions import Act, Automated, DecisionRow, Source, TargetKind
from zajil.protocol import cbor
from zajil.protocol.public.posts import Effect, PostDecision

KEY_BYTES: Final = 32
ID_BYTES: Final = 16
EFFECTS: Final[dict[Act, Effect]] = {
    "allow": "allow",
    "review": "review",
    "label": "label",
    "limit": "limit",
    "hold": "hold",
    "remove": "remove",
    "restore": "restore",
}
"""What the public space does about a post; other actions change no post."""


class About(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement says of the post. posted_at: Unix seconds. channel: handle. language: the author's."""

    posted_at: int
    channel: str
    language: str = ""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """A decision to be made. key: 32 bytes, `order_key` or `keys.decision_key`; the same key decides once.

    Fields as in `DecisionRow`; it supersedes whatever is in force about the target. actor: who decides; empty for a
    program. about: for the statement; None looks the post up. note: for colleagues, at most 1,000 characters.
    """

    key: Annotated[bytes, Meta(min_length=KEY_BYTES, max_length=KEY_BYTES)]
    target_kind: TargetKind = "post"
    target: bytes
    version: int = 0
    channel_id: bytes = b""
    author: bytes = b""
    action: Act
    category: str = ""
    sub: str = ""
    lang: str = "und"
    source: Source
    because: str = ""
    actor: bytes = b""
    policy: str = ""
    model: str = ""
    scores: dict[str, float] = {}
    basis: bytes | None = None
    automated: Automated = "not"
    hold_until: int | None = None
    note: Annotated[str, Meta(max_length=1000)] = ""
    about: About | None = None


class Decided(msgspec.Struct, frozen=True):
    """A decision that stands. fresh: made by this very order; else the stored one of its key, or the person's decision
    that outranks it."""

    row: DecisionRow
    fresh: bool


def order_key(what: str, *parts: bytes | str | int) -> bytes:
    """32 bytes for a decision that is not the pipeline's: the same parts decide once."""
    return hashlib.sha256(cbor.encode([f"zajil decision {what} v1", *parts])).digest()


def make_row(order: Order, *, supersedes: bytes | None, sor: bytes | None, salt: bytes, at: int) -> DecisionRow:
    """The row of an order, its seq and log entry not known yet."""
    return DecisionRow(
        seq=0,
        id=order.key[:ID_BYTES],
        key=order.key,
        target_kind=order.target_kind,
        target=order.target,
        version=order.version,
        channel_id=order.channel_id,
        author=order.author,
        action=order.action,
        category=order.category,
        sub=order.sub,
        lang=order.lang,
        source=order.source,
        because=order.because,
        actor=order.actor,
        policy=order.policy,
        model=order.model,
        scores=msgspec.msgpack.encode(order.scores),
        supersedes=supersedes,
        basis=order.basis,
        automated=order.automated,
        hold_until=order.hold_until,
        note=order.note,
        sor=sor,
        salt=salt,
        entry=0,
        at=at,
    )


def encode_record(row: DecisionRow) -> bytes:
    """What the log's hash is over: the decision and its statement, without who made it and what they noted."""
    fields: dict[cbor.Key, cbor.Value] = {
        "id": row.id,
        "target_kind": row.target_kind,
        "target": row.target,
        "version": row.version,
        "action": row.action,
        "category": row.category,
        "sub": row.sub,
        "lang": row.lang,
        "source": row.source,
        "because": row.because,
        "policy": row.policy,
        "model": row.model,
        "supersedes": row.supersedes or b"",
        "basis": row.basis or b"",
        "automated": row.automated,
        "hold_until": row.hold_until or 0,
        "sor": hashlib.sha256(row.sor or b"").digest(),
        "at": row.at,
    }
    return cbor.encode(fields)


def post_decision(row: DecisionRow) -> PostDecision | None:
    """What the public space is told; None where it has nothing to do."""
    effect = EFFECTS.get(row.action)
    if row.target_kind != "post" or effect is None:
        return None
    return PostDecision(
        decision_id=row.id,
        post_id=row.target,
        version=row.version,
        effect=effect,
        category=row.category,
        sub=row.sub,
        human=row.is_human,
        at=row.at,
        hold_until=row.hold_until,
    )
