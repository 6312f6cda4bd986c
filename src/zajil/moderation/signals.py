"""Signals, the named values that stages yield, and the verdict that carries them to the policy.

Everything a decision rests on is a signal, so that stored verdicts can be replayed under another policy without
scoring anything again. SIGNALS is the registry: a name that is not in it cannot be made. None of them derives from the
network: the address, bridge, proxy or exit that a client used is never a signal (`tests/moderation/test_signals.py`).

    match.exact     1                       confirmed content, to the letter      detail: MatchDetail
    match.near      true Jaccard, 0..1      near copy of confirmed content        detail: MatchDetail
    match.campaign  copies seen             a campaign nobody has decided yet; category `any` where unknown
    match.listed    kind of the entry       url, host, domain, phone or wallet on a list
    copies          channels                the same text stands in so many channels
    entity          kind of the entity      url, mail, user (a handle), phone, wallet
    rule            rule id                 a rule's condition holds              detail: RuleDetail
    head            probability, 0..1       linear head, calibrated, highest over the views
    embedding       probability, 0..1       head on embeddings (stage 4)
    judge           severity, 0..3          what a language model said (stage 5)  detail: JudgeDetail
    notices         weight, >= 0            users' notices, weighted by precision
    skipped         stage                   an optional stage failed or was off
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Final, Literal, TypeAlias

import msgspec

from zajil.moderation.categories import ANY, CATEGORIES
from zajil.protocol.errors import error

SignalName: TypeAlias = Literal[
    "match.exact",
    "match.near",
    "match.campaign",
    "match.listed",
    "copies",
    "entity",
    "rule",
    "head",
    "embedding",
    "judge",
    "notices",
    "skipped",
]
EntityKind: TypeAlias = Literal["url", "mail", "user", "phone", "wallet"]
ENTITY_KINDS: Final[tuple[EntityKind, ...]] = ("url", "mail", "user", "phone", "wallet")
LIST_KINDS: Final = ("url", "host", "domain", "phone", "wallet")
HARD_ENTITIES: Final[frozenset[str]] = frozenset({"url", "phone", "wallet", "user"})
"""A score may remove only beside one of these, or beside copies in two channels (section 8, row 4)."""
_ID: Final = msgspec.Meta(max_length=128)


class SignalKind(msgspec.Struct, frozen=True):
    """One row of the registry. stage: of the cascade. numeric: a number, else a text. categorised: says what for."""

    stage: int
    numeric: bool
    categorised: bool


SIGNALS: Final = MappingProxyType(
    {
        "match.exact": SignalKind(1, numeric=True, categorised=True),
        "match.near": SignalKind(1, numeric=True, categorised=True),
        "match.campaign": SignalKind(1, numeric=True, categorised=True),
        "match.listed": SignalKind(1, numeric=False, categorised=True),
        "copies": SignalKind(1, numeric=True, categorised=False),
        "entity": SignalKind(0, numeric=False, categorised=False),
        "rule": SignalKind(2, numeric=False, categorised=True),
        "head": SignalKind(3, numeric=True, categorised=True),
        "embedding": SignalKind(4, numeric=True, categorised=True),
        "judge": SignalKind(5, numeric=True, categorised=True),
        "notices": SignalKind(6, numeric=True, categorised=True),
        "skipped": SignalKind(0, numeric=False, categorised=False),
    }
)


# A dozen of these are made a post, and none is ever part of a cycle: garbage collection need not look at them.
class MatchDetail(msgspec.Struct, frozen=True, kw_only=True, tag="match", forbid_unknown_fields=True, gc=False):
    """What was matched. length, confirmed_length: characters of the base views of the post and of the confirmed text.

    same_entities: the copies have the same links, handles, phones, wallets and numbers. cluster: names the text.
    """

    cluster: Annotated[str, _ID]
    length: int
    confirmed_length: int
    same_entities: bool = False
    sub: str = ""


class RuleDetail(msgspec.Struct, frozen=True, kw_only=True, tag="rule", forbid_unknown_fields=True, gc=False):
    """digest: of the condition that held, `Rule.digest`. phrases: up to five that were found, for the reviewer."""

    digest: str
    phrases: tuple[str, ...] = ()


class JudgeDetail(msgspec.Struct, frozen=True, kw_only=True, tag="judge", forbid_unknown_fields=True, gc=False):
    """A language model's answer beside its severity. quoted: quotation, condemnation or counter-speech."""

    quoted: bool
    confidence: float
    sub: str = ""


Detail: TypeAlias = MatchDetail | RuleDetail | JudgeDetail


class Signal(msgspec.Struct, frozen=True, forbid_unknown_fields=True, gc=False):
    """One named value. category: of CATEGORIES or `any`, "" where the kind has none. Made by `signal`."""

    name: SignalName
    value: float | str
    category: str = ""
    detail: Detail | None = None


# Every post has a dozen signals, so what they are checked by is at hand.
_SHAPES: Final = {name: (kind.numeric, kind.categorised) for name, kind in SIGNALS.items()}
_CATEGORISED: Final = frozenset({*CATEGORIES, ANY})


def signal(name: SignalName, value: float | str, category: str = "", detail: Detail | None = None) -> Signal:
    """A signal that fits its row of the registry. Raises LocalProtocolError where it does not."""
    shape = _SHAPES.get(name)
    if shape is None or isinstance(value, str) == shape[0]:
        raise error("wrong-call", "signal of an unknown name or another kind of value")
    if (category in _CATEGORISED) != shape[1]:
        raise error("wrong-call", "signal with a category it does not have, or without the one it needs")
    # Integers become floats, so that a stored verdict reads back equal.
    return Signal(name, value if isinstance(value, str) else float(value), category, detail)


class Verdict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, gc=False):
    """What the pipeline found about one version of one post.

    target: 16 bytes, the post. policy: `Policy.ref`; model: hash of the model's manifest; normaliser: its version.
    lang: of LANGUAGES or `und`. stage: the last one that ran. Stored as MessagePack.
    """

    target: bytes
    version: int
    policy: str
    model: str
    normaliser: int
    lang: str
    signals: tuple[Signal, ...]
    stage: int


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Verdict)


def encode_verdict(verdict: Verdict) -> bytes:
    """The stored form of a verdict."""
    return _encoder.encode(verdict)


def parse_verdict(data: bytes) -> Verdict:
    """A stored verdict. Raises Malformed for anything else."""
    try:
        return _decoder.decode(data)
    except msgspec.MsgspecError:
        raise error("malformed", "verdict") from None
