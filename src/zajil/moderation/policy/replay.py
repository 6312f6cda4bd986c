"""A candidate policy on stored verdicts: what it would have done otherwise, without scoring anything again.

Rules are replayed by the hits that were stored, so a rule that is new, or whose condition changed, shows nothing yet:
the report names it, and it first has to run in `shadow`.
"""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

import msgspec

from zajil.moderation.authors import Author
from zajil.moderation.policy.actions import SEVERITY, Action
from zajil.moderation.policy.decide import decide_action
from zajil.moderation.policy.schema import Policy
from zajil.moderation.signals import RuleDetail, Verdict
from zajil.protocol.errors import error

EXAMPLES: Final = 50
REPLAY_MAX_AGE_S: Final = 86_400
REMOVALS_GROWTH: Final = 1.10
_ACTED: Final = SEVERITY["label"]
_NO_PRECISION: Final[Mapping[tuple[str, str], float]] = MappingProxyType({})


class Stored(NamedTuple):
    """A stored verdict, and its author as of then."""

    verdict: Verdict
    author: Author


class Example(NamedTuple):
    """A post that would fare otherwise. target: 16 bytes."""

    target: bytes
    version: int
    before: str
    after: str


class Group(msgspec.Struct, frozen=True, kw_only=True):
    """One category in one language. acted: label or harder; queued: a person is to look.

    newly, no_longer: up to 50 examples each, drawn evenly. predicted_false: expected wrong among the newly acted, from
    the audit's precision; None where none was measured.
    """

    category: str
    lang: str
    acted_before: int = 0
    acted_after: int = 0
    newly_acted: int = 0
    no_longer_acted: int = 0
    queued_before: int = 0
    queued_after: int = 0
    predicted_false: float | None = None
    newly: tuple[Example, ...] = ()
    no_longer: tuple[Example, ...] = ()


class ReplayReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a candidate would have done. groups: by category, then language, where anything was or would be done.

    shadow_hits: by rule in `shadow`. unseen_rules: new or with another condition, so without stored hits.
    """

    current: str
    candidate: str
    posts: int
    removed_before: int
    removed_after: int
    groups: tuple[Group, ...]
    shadow_hits: dict[str, int]
    unseen_rules: tuple[str, ...]

    @property
    def needs_second_admin(self) -> bool:
        """Automatic removals grow by more than a tenth."""
        return self.removed_after > self.removed_before * REMOVALS_GROWTH


def replay(
    stored: Iterable[Stored],
    *,
    current: Policy,
    candidate: Policy,
    seed: bytes,
    precision: Mapping[tuple[str, str], float] = _NO_PRECISION,
) -> ReplayReport:
    """Compare two policies on stored verdicts, such as those of the last 24 h.

    seed: draws the examples; the same seed draws the same. precision: measured share of right actions by category and
    language, 0..1. Reads `stored` once; memory grows with the groups alone.
    """
    tally = _Tally(seed)
    posts = removed_before = removed_after = 0
    shadows = {name: 0 for name, rule in candidate.rules.items() if rule.mode == "shadow"}
    for verdict, author in stored:
        before = decide_action(verdict, current, author)
        after = decide_action(verdict, candidate, author)
        posts += 1
        removed_before += before.effect == "remove"
        removed_after += after.effect == "remove"
        tally.count(verdict, before, after)
        for name in _rule_hits(verdict, candidate) & shadows.keys():
            shadows[name] += 1
    return ReplayReport(
        current=current.ref,
        candidate=candidate.ref,
        posts=posts,
        removed_before=removed_before,
        removed_after=removed_after,
        groups=tally.groups(precision),
        shadow_hits=shadows,
        unseen_rules=_unseen_rules(current, candidate),
    )


def check_activation(report: ReplayReport, candidate: Policy, *, replayed_at: float, now: float, admins: int) -> None:
    """Raises Refused unless this candidate may take over: replayed within 24 h, and by two admins where it must be.

    replayed_at, now: Unix seconds. admins: how many different ones agreed.
    """
    if report.candidate != candidate.ref or not 0 <= now - replayed_at <= REPLAY_MAX_AGE_S:
        raise error("not-allowed", "no replay of this policy within 24 h")
    if admins < (2 if report.needs_second_admin else 1):
        raise error("not-allowed", "automatic removals grow by more than a tenth: a second admin is needed")


def _unseen_rules(current: Policy, candidate: Policy) -> tuple[str, ...]:
    known = {name: rule.digest for name, rule in current.rules.items()}
    return tuple(name for name, rule in candidate.rules.items() if known.get(name) != rule.digest)


def _rule_hits(verdict: Verdict, policy: Policy) -> set[str]:
    """The rules whose very condition this verdict has a stored hit of."""
    return {
        rule.id
        for signal in verdict.signals
        if signal.name == "rule" and isinstance(signal.detail, RuleDetail)
        if (rule := policy.rules.get(str(signal.value))) is not None and rule.digest == signal.detail.digest
    }


class _Sample:
    """The examples with the smallest hashes: an even draw that does not depend on the order of what comes."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._held: list[tuple[int, Example]] = []

    def offer(self, example: Example) -> None:
        digest = hashlib.sha256(self._seed + example.target + example.version.to_bytes(8, "big")).digest()
        entry = (-int.from_bytes(digest, "big"), example)
        if len(self._held) < EXAMPLES:
            heapq.heappush(self._held, entry)
        else:
            heapq.heappushpop(self._held, entry)

    def drawn(self) -> tuple[Example, ...]:
        return tuple(example for _, example in sorted(self._held, reverse=True))


class _Count:
    """The counters of one group."""

    def __init__(self, seed: bytes) -> None:
        self.acted_before = self.acted_after = self.newly = self.no_longer = self.queued_before = self.queued_after = 0
        self.came, self.went = _Sample(seed), _Sample(seed)


class _Tally:
    """Counters by category and language."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._counts: dict[tuple[str, str], _Count] = {}

    def count(self, verdict: Verdict, before: Action, after: Action) -> None:
        was, will = SEVERITY[before.effect] >= _ACTED, SEVERITY[after.effect] >= _ACTED
        example = Example(verdict.target, verdict.version, before.effect, after.effect)
        if before.category:
            old = self._group(before.category, verdict.lang)
            old.acted_before += was
            old.queued_before += before.queue
            if was and not will:
                old.no_longer += 1
                old.went.offer(example)
        if after.category:
            new = self._group(after.category, verdict.lang)
            new.acted_after += will
            new.queued_after += after.queue
            if will and not was:
                new.newly += 1
                new.came.offer(example)

    def _group(self, category: str, lang: str) -> _Count:
        return self._counts.setdefault((category, lang), _Count(self._seed))

    def groups(self, precision: Mapping[tuple[str, str], float]) -> tuple[Group, ...]:
        return tuple(
            Group(
                category=key[0],
                lang=key[1],
                acted_before=count.acted_before,
                acted_after=count.acted_after,
                newly_acted=count.newly,
                no_longer_acted=count.no_longer,
                queued_before=count.queued_before,
                queued_after=count.queued_after,
                predicted_false=count.newly * (1 - precision[key]) if key in precision else None,
                newly=count.came.drawn(),
                no_longer=count.went.drawn(),
            )
            for key, count in sorted(self._counts.items())
        )
