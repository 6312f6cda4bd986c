"""The statement of reasons that goes with a decision, where it restricts something."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from zajil.moderation.categories import find_category
from zajil.moderation.decide.orders import ID_BYTES, About, Order
from zajil.moderation.decide.sentences import Facts
from zajil.moderation.decide.sor import Decided, Restriction, StatementOfReasons, make_statement
from zajil.moderation.policy.schema import Policy
from zajil.moderation.store.decisions import Act, Source

RESTRICTIONS: Final[Mapping[Act, Restriction]] = MappingProxyType(
    {
        "label": "label",
        "limit": "limit",
        "hold": "hold",
        "remove": "remove",
        "slow_mode": "slow_mode",
        "mute": "mute",
        "suspend_persona": "suspend",
        "restrict_channel": "limit",
        "block_channel": "remove",
    }
)
_FACTS: Final[Mapping[Source, Facts]] = MappingProxyType(
    {"rule": "rule", "notice": "notice", "person": "person", "appeal": "appeal", "channel": "person", "edit": "edited"}
)
_BY_PEOPLE: Final = frozenset({"person", "notice", "appeal", "channel"})
_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(StatementOfReasons)


def state_reasons(order: Order, about: About, policy: Policy, *, at: int) -> bytes | None:
    """The statement as stored; None where nothing is restricted, or for a channel's own rules, which are its own.

    at: of the decision, Unix seconds.
    """
    restriction, category = RESTRICTIONS.get(order.action), find_category(order.category)
    if restriction is None or category is None:
        return None
    decided = Decided(
        puid=puid_of(order.key[:ID_BYTES]),
        restriction=restriction,
        category=category,
        sub=order.sub,
        facts=find_facts(order.source, order.because),
        origin="notice" if order.source == "notice" else "own",
        automated=order.automated,
        detected=order.source not in _BY_PEOPLE,
        posted_at=about.posted_at,
        decided_at=at,
        ends_at=order.hold_until,
        language=order.lang,
        author_language=about.language or order.lang,
        channel=about.channel,
    )
    return _encoder.encode(make_statement(decided, policy))


def parse_statement(data: bytes) -> StatementOfReasons:
    """A stored statement."""
    return _decoder.decode(data)


def puid_of(decision_id: bytes) -> str:
    """How the public and the author call a decision: base64url of its id."""
    return base64.urlsafe_b64encode(decision_id).rstrip(b"=").decode()


def find_facts(source: Source, because: str) -> Facts:
    """Which sentence tells what a decision rests on."""
    if source != "match":
        return _FACTS.get(source, "score")
    if because == "match.campaign":
        return "campaign"
    return "listed" if because.startswith("match.listed") else "confirmed"
