"""The policy's rules as closures: compiled once, then one call per post.

Order within a post: exempt rules are left out first; then every flood counter of the others is turned once, whatever
else their conditions say, so that a count never depends on how a condition is written; then the conditions are asked.
Hits of rules in `shadow` are signals as well: whether one acts is the policy's to say, in `decide_action`.
"""

from __future__ import annotations

import functools
import hashlib
import operator
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias

from zajil.moderation.categories import find_language
from zajil.moderation.policy.conditions import (
    All,
    AnyOf,
    Condition,
    Entity,
    Flood,
    HeadScore,
    Lang,
    Not,
    Number,
    Phrases,
    Regex,
    compile_regex,
    walk,
)
from zajil.moderation.policy.schema import Policy, Rule
from zajil.moderation.rules.facts import Facts, Normalised
from zajil.moderation.rules.flood import FloodCounters
from zajil.moderation.rules.phrases import PHRASES_SHOWN, PhraseIndex
from zajil.moderation.signals import RuleDetail, Signal, signal

FLOOD_TEXT_CHARACTERS: Final = 40
"""Shorter texts are what many people say at once ("thank you all"), so floods of one text do not count them."""


class _Post:
    """One post under evaluation: what several leaves ask for is found once.

    phrases: lists of which a phrase was found. kinds: of its entities, one each.
    """

    __slots__ = ("_encoded", "facts", "flooded", "kinds", "phrases", "views")

    def __init__(self, facts: Facts, phrases: dict[str, list[str]], flooded: frozenset[Flood]) -> None:
        self.facts = facts
        self.flooded = flooded
        self.kinds = [entity.kind for entity in facts.text.entities]
        self.views = views_of(facts.text)
        self.phrases = phrases
        self._encoded: list[bytes] | None = None

    @property
    def encoded(self) -> list[bytes]:
        """The views as UTF-8, as RE2 reads them; made only where a pattern asks."""
        if self._encoded is None:
            self._encoded = [view.encode("utf-8", "replace") for view in self.views]
        return self._encoded


def views_of(text: Normalised) -> list[str]:
    """The readings in which phrases and patterns are looked for, the base first."""
    return [text.base, *[view.text for view in text.views]] if text.views else [text.base]


_Test: TypeAlias = Callable[[_Post], bool]


# What a post may have of which some condition asks. Most posts have nothing, and then few rules can hold.
_PHRASES, _ENTITIES, _FLOODED = 1, 2, 4


class _Plan(NamedTuple):
    """What authors of one standing meet: the counters of their rules, and by what a post has the rules it may meet."""

    asked: tuple[tuple[tuple[Rule, _Test], ...], ...]
    floods: tuple[Flood, ...]


class RuleSet:
    """The rules of one policy, ready to run. Made by `compile_rules`; safe to share between threads."""

    def __init__(self, policy: Policy, index: PhraseIndex, tests: tuple[tuple[Rule, _Test], ...]) -> None:
        self._policy = policy
        self._index = index
        self._tests = tests
        self._lists = {rule.id: _lists_of(rule) for rule, _ in tests}
        # Standings are few: role, kind and owner's role, and whether scores count.
        self._plans: dict[tuple[object, ...], _Plan] = {}

    def hint_phrases(self, texts: Sequence[Normalised]) -> list[bool]:
        """For each text whether a phrase may stand in it; where it says no, none does. For `find_hits`."""
        views = [text.base for text in texts]
        owners = list(range(len(texts)))
        for number, text in enumerate(texts):
            if text.views:
                views += [view.text for view in text.views]
                owners += [number] * len(text.views)
        hinted = [bool(text.joined) for text in texts]
        for place in self._index.hint(views):
            hinted[owners[place]] = True
        return hinted

    def find_hits(
        self, facts: Facts, counters: FloodCounters, *, now: float, hinted: bool = True
    ) -> tuple[Signal, ...]:
        """One `rule` signal per rule that holds, in the order of the policy, shadow rules among them.

        counters: turned by every counter of the rules this author is not exempt from. now: Unix seconds.
        hinted: of `hint_phrases`, where it was asked for the batch.
        """
        plan, text = self._find_plan(facts), facts.text
        flooded = [flood for flood in plan.floods if _turn(flood, facts, counters, now)]
        phrases = self._index.find(views_of(text), joined=text.joined) if hinted else {}
        has = _PHRASES * bool(phrases) | _ENTITIES * bool(text.entities) | _FLOODED * bool(flooded)
        asked = plan.asked[has]
        if not asked:
            return ()
        post = _Post(facts, phrases, frozenset(flooded))
        return tuple([self._hit(rule, post) for rule, test in asked if test(post)])

    def _find_plan(self, facts: Facts) -> _Plan:
        author, scored = facts.author, find_language(facts.text.lang) is not None
        standing = (author.role, author.kind, author.owner_role, scored)
        plan = self._plans.get(standing)
        if plan is None:
            asked = tuple(
                (rule, test)
                for rule, test in self._tests
                if (scored or not rule.uses_score) and not self._policy.is_exempt(author, rule)
            )
            floods = tuple(dict.fromkeys(flood for rule, _ in asked for flood in rule.floods))
            needs = [_find_needs(rule.when) for rule, _ in asked]
            by_need = tuple(
                tuple(each for each, need in zip(asked, needs, strict=True) if need & has == need)
                for has in range(2 * _FLOODED)
            )
            plan = self._plans[standing] = _Plan(by_need, floods)
        return plan

    def _hit(self, rule: Rule, post: _Post) -> Signal:
        shown: list[str] = []
        for name in self._lists[rule.id]:
            shown += post.phrases.get(name, ())
        detail = RuleDetail(digest=rule.digest, phrases=tuple(shown[:PHRASES_SHOWN]))
        return signal("rule", rule.id, rule.category, detail)


def compile_rules(policy: Policy) -> RuleSet:
    """The rules of a loaded policy as closures. Takes milliseconds; done once per policy."""
    tests = tuple((rule, _compile(rule.when)) for rule in policy.rules.values())
    used = {name for rule in policy.rules.values() for name in _lists_of(rule)}
    return RuleSet(policy, PhraseIndex({name: policy.lists[name] for name in sorted(used)}), tests)


def _lists_of(rule: Rule) -> tuple[str, ...]:
    return tuple(dict.fromkeys(part.list for part in walk(rule.when) if isinstance(part, Phrases)))


def _turn(flood: Flood, facts: Facts, counters: FloodCounters, now: float) -> bool:
    """Count the post under each of its keys, edits not; whether one of them is flooded."""
    if flood.key == "author":
        keys: tuple[bytes, ...] = (facts.author.key,)
    elif flood.key == "text":
        base = facts.text.base
        if len(base) < FLOOD_TEXT_CHARACTERS:
            return False
        keys = (_short_hash(base),)
    else:
        keys = tuple([_short_hash(domain) for domain in dict.fromkeys(facts.domains)]) if facts.domains else ()
    flooded = False
    # Every key is counted, also after one is found flooded.
    for key in keys:
        if facts.version > 1:
            flooded |= counters.recall(flood, key, target=facts.target)
        else:
            flooded |= counters.count(flood, key, target=facts.target, now=now)
    return flooded


def _short_hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "replace")).digest()[:16]


def _compile(condition: Condition) -> _Test:
    if isinstance(condition, Not):
        inner = _compile(condition.of)
        return lambda post: not inner(post)
    if isinstance(condition, AnyOf):
        return _compile_any(condition.of)
    if isinstance(condition, All):
        return _compile_all(condition.of)
    return _compile_leaf(condition)


def _compile_all(of: tuple[Condition, ...]) -> _Test:
    # The parts are pure, so those that cost least come first.
    *before, last = [_compile(part) for part in sorted(of, key=_reads_text)]
    for part in reversed(before):
        last = _both(part, last)
    return last


def _both(first: _Test, second: _Test) -> _Test:
    return lambda post: first(post) and second(post)


def _either(first: _Test, second: _Test) -> _Test:
    return lambda post: first(post) or second(post)


def _compile_any(of: tuple[Condition, ...]) -> _Test:
    phrases = frozenset(part.list for part in of if isinstance(part, Phrases))
    kinds = frozenset(part.kind for part in of if isinstance(part, Entity))
    if len(phrases) == len(of):
        return lambda post: not phrases.isdisjoint(post.phrases)
    if len(kinds) == len(of):
        return lambda post: not kinds.isdisjoint(post.kinds)
    *before, last = [_compile(part) for part in sorted(of, key=_reads_text)]
    for part in reversed(before):
        last = _either(part, last)
    return last


def _find_needs(condition: Condition) -> int:
    """What a post must have for the condition to hold, as bits; 0 where it may hold without any."""
    match condition:
        case All(of=parts):
            return functools.reduce(operator.or_, map(_find_needs, parts), 0)
        case AnyOf(of=parts):
            return functools.reduce(operator.and_, map(_find_needs, parts), _PHRASES | _ENTITIES | _FLOODED)
        case Phrases():
            return _PHRASES
        case Entity():
            return _ENTITIES
        case Flood():
            return _FLOODED
        case Number(of="mentions" | "links", compare=compare) if not compare.holds(0):
            return _ENTITIES
    return 0


def _reads_text(condition: Condition) -> bool:
    return any(isinstance(part, Phrases | Regex) for part in walk(condition))


def _compile_leaf(leaf: Phrases | Regex | Entity | Number | HeadScore | Flood | Lang) -> _Test:
    match leaf:
        case Phrases(list=name):
            return lambda post: name in post.phrases
        case Regex(pattern=pattern):
            compiled = compile_regex(pattern)
            return lambda post: any(compiled.search(view) is not None for view in post.encoded)
        case Entity(kind=kind):
            return lambda post: kind in post.kinds
        case Number(of="trust", compare=compare):
            return lambda post: compare.holds(post.facts.author.trust)
        case Number(of="mentions", compare=compare):
            return lambda post: compare.holds(post.kinds.count("user"))
        case Number(compare=compare):
            return lambda post: compare.holds(post.kinds.count("url"))
        case HeadScore(head=head, compare=compare):
            return lambda post: head in post.facts.scores and compare.holds(post.facts.scores[head])
        case Flood():
            return lambda post: leaf in post.flooded
        case Lang(among=among):
            return lambda post: post.facts.text.lang in among
