"""Statements of reasons (DSA Art. 17): what the author is told at once, and what may leave the server about it.

Field names and values are those of the DSA Transparency Database's API, version 2. Two faces of one record: the author
reads `explanation`, `facts` and `redress` in their own language; `export_statement` holds none of these, no name, no
id of a person, channel or post, and no word anybody wrote: fixed values and the policy's own definition alone.
Source: Regulation (EU) 2022/2065 Art. 17 and 24(5); digital-services-act/transparency-database, API documentation.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

import msgspec

from zajil.moderation.categories import Category, Language, find_category, find_language
from zajil.moderation.decide.sentences import FACTS, REDRESS, Facts
from zajil.moderation.policy.actions import Action
from zajil.moderation.policy.schema import Policy
from zajil.moderation.policy.texts import fill_placeholders
from zajil.protocol.errors import error

Restriction: TypeAlias = Literal["label", "limit", "hold", "remove", "slow_mode", "mute", "suspend", "terminate"]
"""What a statement can be about. `allow` and `review` restrict nothing, so there is nothing to state."""
Origin: TypeAlias = Literal["own", "notice", "trusted_flagger", "other"]
Automation: TypeAlias = Literal["fully", "partially", "not"]

VISIBILITY: Final[Mapping[Restriction, str]] = MappingProxyType(
    {
        "remove": "DECISION_VISIBILITY_CONTENT_REMOVED",
        "hold": "DECISION_VISIBILITY_CONTENT_DISABLED",
        "limit": "DECISION_VISIBILITY_CONTENT_DEMOTED",
        "label": "DECISION_VISIBILITY_CONTENT_LABELLED",
        "slow_mode": "DECISION_VISIBILITY_CONTENT_INTERACTION_RESTRICTED",
        "mute": "DECISION_VISIBILITY_CONTENT_INTERACTION_RESTRICTED",
    }
)
ACCOUNT: Final[Mapping[Restriction, str]] = MappingProxyType(
    {"suspend": "DECISION_ACCOUNT_SUSPENDED", "terminate": "DECISION_ACCOUNT_TERMINATED"}
)
GROUND: Final = MappingProxyType(
    {"law": "DECISION_GROUND_ILLEGAL_CONTENT", "terms": "DECISION_GROUND_INCOMPATIBLE_CONTENT"}
)
SOURCE: Final[Mapping[Origin, str]] = MappingProxyType(
    {
        "own": "SOURCE_VOLUNTARY",
        "notice": "SOURCE_ARTICLE_16",
        "trusted_flagger": "SOURCE_TRUSTED_FLAGGER",
        "other": "SOURCE_TYPE_OTHER_NOTIFICATION",
    }
)
AUTOMATION: Final[Mapping[Automation, str]] = MappingProxyType(
    {
        "fully": "AUTOMATED_DECISION_FULLY",
        "partially": "AUTOMATED_DECISION_PARTIALLY",
        "not": "AUTOMATED_DECISION_NOT_AUTOMATED",
    }
)
# Where a sub-category belongs elsewhere than its category, which the policy names.
SUB_CATEGORY: Final[Mapping[str, str]] = MappingProxyType(
    {
        "terrorism": "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY",
        "sabotage": "STATEMENT_CATEGORY_RISK_FOR_PUBLIC_SECURITY",
    }
)
# Keywords by sub-category, else by category; where none fits, the free field says what is meant.
KEYWORDS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "threat": ("KEYWORD_INCITEMENT_VIOLENCE_HATRED", ""),
        "terrorism": ("KEYWORD_TERRORIST_CONTENT", ""),
        "sabotage": ("KEYWORD_OTHER", "Sabotage of infrastructure"),
        "violence_incitement": ("KEYWORD_INCITEMENT_VIOLENCE_HATRED", ""),
        "hate": ("KEYWORD_HATE_SPEECH", ""),
        "harassment": ("KEYWORD_CYBER_HARASSMENT", ""),
        "sexual": ("KEYWORD_ADULT_SEXUAL_MATERIAL", ""),
        "spam": ("KEYWORD_OTHER", "Spam"),
    }
)
EU: Final = (
    "AT", "BE", "BG", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HR", "HU", "IE", "IT", "LT", "LU", "LV",
    "MT", "NL", "PL", "PT", "RO", "SE", "SI", "SK",
)  # fmt: skip
_FALLBACK: Final[Language] = "en"
_DAY_S: Final = 86_400
_PUID: Final = re.compile(r"[A-Za-z0-9_-]{1,500}", re.ASCII)
_ISOLATE: Final = ("\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}")
_LRM: Final = "\N{LEFT-TO-RIGHT MARK}"


class Decided(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement is made of. puid: names the decision, base64url of its id; unique, and says nothing.

    facts: which sentence of FACTS. automated: whether a program decided; `partially` where a person confirmed it.
    detected: whether a program found it. posted_at, decided_at, ends_at: Unix seconds; None ends with no date.
    language: of the post; author_language: of the author's client. channel: its handle. territory: EU/EEA codes.
    """

    puid: str
    restriction: Restriction
    category: Category
    sub: str = ""
    facts: Facts
    origin: Origin = "own"
    automated: Automation
    detected: bool
    posted_at: int
    decided_at: int
    ends_at: int | None = None
    language: str
    author_language: str
    channel: str
    territory: tuple[str, ...] = EU


class StatementOfReasons(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A statement as stored with its decision. Names as in the database, the last four for the author alone.

    Dates are YYYY-MM-DD in UTC; languages upper-case ISO 639-1. language: of the last three texts.
    """

    puid: str
    decision_visibility: tuple[str, ...] = ()
    decision_account: str | None = None
    decision_ground: str
    illegal_content_legal_ground: str | None = None
    illegal_content_explanation: str | None = None
    incompatible_content_ground: str | None = None
    incompatible_content_explanation: str | None = None
    decision_facts: str
    category: str
    category_specification: tuple[str, ...] = ()
    category_specification_other: str | None = None
    content_type: tuple[str, ...]
    content_date: str
    content_language: str | None = None
    application_date: str
    end_date_visibility_restriction: str | None = None
    end_date_account_restriction: str | None = None
    territorial_scope: tuple[str, ...]
    source_type: str
    automated_detection: Literal["Yes", "No"]
    automated_decision: str
    language: Language
    explanation: str
    facts: str
    redress: str


_FOR_THE_AUTHOR: Final = ("language", "explanation", "facts", "redress")


def make_statement(decided: Decided, policy: Policy) -> StatementOfReasons:
    """The statement of a decision under a policy, in the author's language, English where that is none of ours.

    Raises LocalProtocolError for a puid that the database would refuse.
    """
    if _PUID.fullmatch(decided.puid) is None:
        raise error("wrong-call", "puid of letters, digits, hyphens and underscores")
    category = policy.categories[decided.category]
    language = find_language(decided.author_language) or _FALLBACK
    keyword, other = KEYWORDS.get(decided.sub) or KEYWORDS.get(decided.category, ("", ""))
    definition = category.definition[_FALLBACK]
    terms = category.ground == "terms"
    ends = _date(decided.ends_at) if decided.ends_at is not None else None
    account = ACCOUNT.get(decided.restriction)
    return StatementOfReasons(
        puid=decided.puid,
        decision_visibility=(VISIBILITY[decided.restriction],) if account is None else (),
        decision_account=account,
        decision_ground=GROUND[category.ground],
        illegal_content_legal_ground=None if terms else category.legal_reference,
        illegal_content_explanation=None if terms else definition,
        incompatible_content_ground=f"Rules of this server, {decided.category}" if terms else None,
        incompatible_content_explanation=definition if terms else None,
        decision_facts=FACTS[decided.facts][_FALLBACK],
        category=SUB_CATEGORY.get(decided.sub, category.dsa_category),
        category_specification=(keyword,) if keyword else (),
        category_specification_other=other or None,
        content_type=("CONTENT_TYPE_TEXT",),
        content_date=_date(decided.posted_at),
        content_language=decided.language.upper() if find_language(decided.language) else None,
        application_date=_date(decided.decided_at),
        end_date_visibility_restriction=ends if account is None else None,
        end_date_account_restriction=ends if account is not None else None,
        territorial_scope=tuple(sorted(decided.territory)),
        source_type=SOURCE[decided.origin],
        automated_detection="Yes" if decided.detected else "No",
        automated_decision=AUTOMATION[decided.automated],
        language=language,
        explanation=render_reason(
            policy, decided.category, language, channel=decided.channel, posted_at=decided.posted_at
        ),
        facts=FACTS[decided.facts][language],
        redress=fill_placeholders(
            REDRESS[language],
            {"until": _written_date(decided.decided_at + policy.defaults.appeal_days * _DAY_S, language)},
        ),
    )


def render_reason(policy: Policy, category: Category, language: Language, *, channel: str, posted_at: int) -> str:
    """The policy's reason for the author. channel: its handle; it may be of another direction than the text."""
    values = {
        "appeal_days": str(policy.defaults.appeal_days),
        "channel": channel.join(_ISOLATE),
        "date": _written_date(posted_at, language),
    }
    return fill_placeholders(policy.categories[category].reason[language], values)


def export_statement(statement: StatementOfReasons) -> bytes:
    """JSON for the DSA Transparency Database: what is not set, and what is for the author alone, is left out."""
    plain: dict[str, str | list[str]] = msgspec.to_builtins(statement)
    return msgspec.json.encode({name: value for name, value in plain.items() if name not in _FOR_THE_AUTHOR})


def facts_of(action: Action) -> Facts:
    """Which sentence tells the facts of an automatic action."""
    if action.source == "match":
        found: Mapping[str, Facts] = {"match.campaign": "campaign", "match.listed": "listed"}
        return found.get(action.because, "confirmed")
    return "rule" if action.source == "rule" else "score"


def decided_automatically(
    action: Action,
    *,
    puid: str,
    posted_at: int,
    decided_at: int,
    language: str,
    author_language: str,
    channel: str,
) -> Decided:
    """What a statement of an automatic action is made of. Fields as in `Decided`.

    Raises LocalProtocolError for an action that restricts nothing.
    """
    category = find_category(action.category)
    if category is None or action.effect == "allow" or action.effect == "review":  # one by one, for the type
        raise error("wrong-call", "a statement of nothing")
    return Decided(
        puid=puid,
        restriction=action.effect,
        category=category,
        sub=action.sub,
        facts=facts_of(action),
        automated="fully",
        detected=True,
        posted_at=posted_at,
        decided_at=decided_at,
        language=language,
        author_language=author_language,
        channel=channel,
    )


def _written_date(at: int, language: Language) -> str:
    """A date inside a sentence. After Arabic letters its hyphens would be drawn as of an Arabic number: day first.

    Marks, as terminals are spared isolates; both ends, whatever stands around. Source: UAX 9, W2 and W4.
    """
    return _date(at).join((_LRM, _LRM)) if language == "ar" else _date(at)


def _date(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).date().isoformat()
