"""A loaded policy: everything a decision needs, resolved, immutable, and named by version and hash."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Final, Literal, TypeAlias

import msgspec

from zajil.moderation.authors import Author, Kind, Role
from zajil.moderation.categories import LANGUAGES, Category, Language
from zajil.moderation.policy.conditions import Condition, Flood, HeadScore, leaf_name, walk
from zajil.moderation.policy.thresholds import NO_THRESHOLDS, Thresholds

RuleAction: TypeAlias = Literal["review", "limit", "hold"]
RULE_ACTIONS: Final[tuple[RuleAction, ...]] = ("review", "limit", "hold")
Mode: TypeAlias = Literal["shadow", "active"]
MODES: Final[tuple[Mode, ...]] = ("shadow", "active")
Ground: TypeAlias = Literal["terms", "law"]
GROUNDS: Final[tuple[Ground, ...]] = ("terms", "law")
KINDS: Final[tuple[Kind, ...]] = ("person", "bot")
ROLES: Final[tuple[Role, ...]] = ("subscriber", "member", "moderator", "admin", "owner")
"""From the least to the most; an exemption for one holds for those above it."""
PLACEHOLDERS: Final = ("appeal_days", "channel", "date")
"""What a reason may name in braces."""


class Defaults(msgspec.Struct, frozen=True, kw_only=True):
    """audit_sample: share of allowed posts judged blind. hold_max_s: how long a hold by score or rule lasts."""

    audit_sample: float
    hold_max_s: int
    appeal_days: int


class Exemption(msgspec.Struct, frozen=True, kw_only=True):
    """Whose posts do not meet which rules. rules: ids of rules, or leaves such as `flood`: every rule with one.

    role: in the channel, or above. author_kind, owner_role: of bots, likewise. None: does not matter.
    """

    rules: tuple[str, ...]
    role: Role | None = None
    author_kind: Kind | None = None
    owner_role: Role | None = None

    def covers(self, author: Author) -> bool:
        """Whether it holds for this author."""
        return (
            _reaches(author.role, self.role)
            and _reaches(author.owner_role, self.owner_role)
            and self.author_kind in (None, author.kind)
        )


def _reaches(role: Role | None, least: Role | None) -> bool:
    return least is None or (role is not None and ROLES.index(role) >= ROLES.index(least))


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A condition and what follows. digest: of the condition and its phrases; a stored hit counts for it alone."""

    id: str
    category: Category
    action: RuleAction
    when: Condition
    digest: str
    mode: Mode = "shadow"
    sub: str = ""

    @property
    def uses_score(self) -> bool:
        """Whether a score is part of the condition: such a rule never holds in `und`."""
        return any(isinstance(part, HeadScore) for part in walk(self.when))

    @property
    def floods(self) -> tuple[Flood, ...]:
        """The counters the rule turns."""
        return tuple(dict.fromkeys(part for part in walk(self.when) if isinstance(part, Flood)))

    @property
    def leaves(self) -> frozenset[str]:
        """The words of the grammar in the condition."""
        return frozenset(leaf_name(part) for part in walk(self.when))


class CategoryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """One category's part of the policy. dsa_category: of the DSA Transparency Database. prior: expected prevalence.

    strike: weight of a strike a person may give, 0 for none. thresholds, embeddings: by language, resolved against what
    the model has been shown to be safe at. definition: for reviewers and stage 5. reason: for the author, with
    PLACEHOLDERS.
    """

    ground: Ground
    legal_reference: str | None
    dsa_category: str
    prior: float
    strike: int
    thresholds: dict[Language, Thresholds]
    embeddings: dict[Language, Thresholds]
    definition: dict[Language, str]
    reason: dict[Language, str]


class Policy(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """A policy as loaded. sha256: 64 hex digits over the file and every phrase list, so it names what decided.

    lists: phrases by list, normalised as base views are. rules: by id, in the order of the file.
    """

    version: int
    sha256: str
    languages: tuple[Language, ...]
    defaults: Defaults
    exempt: tuple[Exemption, ...]
    lists: dict[str, tuple[str, ...]]
    rules: dict[str, Rule]
    categories: dict[Category, CategoryPolicy]

    @cached_property
    def ref(self) -> str:
        """`version-sha256`: what verdicts, decisions and the audit log call this policy."""
        return f"{self.version}-{self.sha256}"

    def thresholds(self, category: Category, language: Language) -> Thresholds:
        """The linear head's thresholds."""
        return self.categories[category].thresholds.get(language, NO_THRESHOLDS)

    @cached_property
    def floors(self) -> Mapping[Language, Mapping[str, float]]:
        """By language and category the linear head's lowest threshold; those without any are missing."""
        return {
            language: {
                name: thresholds.review
                for name, each in self.categories.items()
                if (thresholds := each.thresholds.get(language, NO_THRESHOLDS)).review is not None
            }
            for language in LANGUAGES
        }

    def embedding_thresholds(self, category: Category, language: Language) -> Thresholds:
        """The thresholds of the head on embeddings."""
        return self.categories[category].embeddings.get(language, NO_THRESHOLDS)

    def exemptions(self, rule: Rule) -> tuple[Exemption, ...]:
        """The exemptions from a rule, by its id or by a leaf in its condition."""
        names = rule.leaves | {rule.id}
        return tuple(exemption for exemption in self.exempt if not names.isdisjoint(exemption.rules))

    def is_exempt(self, author: Author, rule: Rule) -> bool:
        """Whether this author's posts do not meet this rule."""
        return any(exemption.covers(author) for exemption in self.exemptions(rule))
