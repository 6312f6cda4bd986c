"""Stages 1 and 2 put together with the readings: one verdict and one action for each post. No I/O, no clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final, NamedTuple

import msgspec
import numpy as np

from zajil.moderation.authors import Author
from zajil.moderation.categories import ANY, CATEGORIES, HEADS, find_language
from zajil.moderation.classify.cascade import score_signals
from zajil.moderation.match.urls import parse_url
from zajil.moderation.pipeline.matcher import Joined, Matched, Matcher
from zajil.moderation.pipeline.reading import Levels, Reading, find_levels
from zajil.moderation.policy.actions import ALLOW, Action
from zajil.moderation.policy.decide import decide_action, find_loud
from zajil.moderation.policy.schema import Policy
from zajil.moderation.rules.compile import RuleSet, compile_rules
from zajil.moderation.rules.facts import Facts, find_entities
from zajil.moderation.rules.flood import FloodCounters
from zajil.moderation.signals import Signal, Verdict, signal
from zajil.protocol.public.posts import PublicPost

STAGE: Final = 3
WIDE_CHANNEL: Final = 10_000
WIDE_ANY: Final = 0.2
_LATER: Final = {"embedding": 4, "judge": 5}
_NONE: Final[Mapping[int, tuple[Signal, ...]]] = {}


class Judged(NamedTuple):
    """One post after stages 0 to 3. matched: what stage 1 found, which tells the judgement it rests on."""

    post: PublicPost
    reading: Reading
    matched: Matched
    author: Author
    verdict: Verdict
    action: Action

    @property
    def basis(self) -> bytes | None:
        """The person's judgement that the action follows from, if it follows from one."""
        return self.matched.basis.get(self.action.because)

    @property
    def because(self) -> str:
        """What the action rests on, a list's entry by its name."""
        return self.matched.listed if self.action.because == "match.listed" else self.action.because


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What posts are judged with. policy: the active one, rules that people suspended in `shadow`. model: its hash."""

    policy: Policy
    model: str
    rules: RuleSet
    levels: Levels
    counters: FloodCounters = field(default_factory=FloodCounters)


def set_bench(policy: Policy, model: str, *, suspended: frozenset[str], counters: FloodCounters) -> Bench:
    """The bench of a policy. suspended: ids of rules whose hits count no more until somebody looked."""
    off = {name for name in policy.rules if name in suspended}
    if off:
        rules = {
            name: msgspec.structs.replace(rule, mode="shadow") if name in off else rule
            for name, rule in policy.rules.items()
        }
        policy = msgspec.structs.replace(policy, rules=rules)
    return Bench(policy=policy, model=model, rules=compile_rules(policy), levels=find_levels(policy), counters=counters)


def author_of(post: PublicPost) -> Author:
    """What the policy may know of a post's author."""
    return Author(key=post.author, trust=post.trust, role=post.role)


def judge_batch(
    bench: Bench,
    matcher: Matcher,
    posts: Sequence[PublicPost],
    readings: Sequence[Reading],
    *,
    joined: Sequence[Joined | None],
    copies: Mapping[bytes, set[bytes]],
    now: float,
    later: Mapping[int, tuple[Signal, ...]] = _NONE,
) -> list[Judged]:
    """One answer a post, in order. joined: of `Matcher.add_batch`. copies: channels by digest, of earlier posts.

    later: signals of stages 4 and 5, by place in the batch. now: Unix seconds.
    """
    keys = matcher.find_keys(readings)
    texts = [reading.text for reading in readings]
    hinted, loud = bench.rules.hint_phrases(texts), _find_loud(bench.policy, readings)
    found = []
    for number, (post, reading) in enumerate(zip(posts, readings, strict=True)):
        author, text = author_of(post), reading.text
        matched = matcher.match(reading, joined[number], keys[number], now=now)
        domains = _domains(reading) if text.entities else ()
        facts = Facts(post.post_id, text, author, reading.named_scores, domains, post.version)
        hits = bench.rules.find_hits(facts, bench.counters, now=now, hinted=hinted[number])
        evidence = (*_gather(bench.policy, post, reading, matched, copies), *hits)
        verdict = _sum_up(bench, post, reading, evidence, later.get(number, ()))
        open_ = loud[number] or evidence or number in later
        action = decide_action(verdict, bench.policy, author) if open_ else ALLOW
        found.append(Judged(post, reading, matched, author, verdict, action))
    return found


def _find_loud(policy: Policy, readings: Sequence[Reading]) -> list[bool]:
    """`find_loud` of the scores of a batch."""
    flat = chain.from_iterable([reading.scores for reading in readings])
    scores = np.fromiter(flat, dtype=np.float64, count=len(readings) * len(HEADS)).reshape(-1, len(HEADS))
    return find_loud(scores, [reading.text.lang for reading in readings], policy)


def _gather(
    policy: Policy, post: PublicPost, reading: Reading, matched: Matched, copies: Mapping[bytes, set[bytes]]
) -> tuple[Signal, ...]:
    """What stage 1 found, and the kinds of addresses in the text. Most posts have nothing of it."""
    signals, joined = matched.signals, matched.joined
    if joined is not None:
        signals += _campaign(policy, reading, joined)
    if joined is not None or copies:
        signals += _copies(post, reading, joined, copies)
    return signals + find_entities(reading.text) if reading.text.entities else signals


def _sum_up(
    bench: Bench, post: PublicPost, reading: Reading, evidence: tuple[Signal, ...], later: tuple[Signal, ...]
) -> Verdict:
    """evidence: of stages 0 to 2."""
    text = reading.text
    return Verdict(
        target=post.post_id,
        version=post.version,
        policy=bench.policy.ref,
        model=bench.model,
        normaliser=text.version,
        lang=text.lang,
        signals=(*evidence, *score_signals(reading.scores), *later),
        stage=max(STAGE, *[_LATER.get(each.name, STAGE) for each in later]) if later else STAGE,
    )


def _domains(reading: Reading) -> tuple[str, ...]:
    found = (parse_url(entity.value) for entity in reading.text.entities if entity.kind == "url")
    return tuple(address.host for address in found if address is not None)


def _campaign(policy: Policy, reading: Reading, joined: Joined) -> tuple[Signal, ...]:
    """A campaign that nobody has judged: of the kind that the scores see, or of none."""
    if not joined.is_campaign or joined.judged is not None:
        return ()
    language = find_language(reading.text.lang)
    scores = reading.named_scores
    reached = [
        (scores[name], name)
        for name in CATEGORIES
        if language is not None and policy.thresholds(name, language).level(scores[name])
    ]
    return (signal("match.campaign", float(joined.copies), max(reached)[1] if reached else ANY),)


def _copies(
    post: PublicPost, reading: Reading, joined: Joined | None, copies: Mapping[bytes, set[bytes]]
) -> tuple[Signal, ...]:
    """In how many channels the same text stands, where it is more than this one."""
    digest = reading.digest
    others = copies.get(digest) if digest is not None else None
    exact = len({post.channel_id, *others}) if others else 1
    count = max(exact, joined.channels if joined is not None else 1)
    return (signal("copies", float(count)),) if count > 1 else ()


def wants_second_look(judged: Judged, policy: Policy, *, sampled: bool) -> bool:
    """Whether stage 4 looks: a score between a third of `review` and `auto`, a stranger, a wide channel, a sample."""
    language = find_language(judged.verdict.lang)
    if language is None:
        return False
    scores = judged.reading.named_scores
    if sampled or judged.post.trust == 0:
        return True
    if judged.post.subscribers > WIDE_CHANNEL and scores[ANY] > WIDE_ANY:
        return True
    for name in CATEGORIES:
        levels = policy.thresholds(name, language)
        near = levels.review is not None and scores[name] >= levels.review / 3
        if near and (levels.auto is None or scores[name] < levels.auto):
            return True
    return False
