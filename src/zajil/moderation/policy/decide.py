"""What happens to a post without a person: the evidence table, pure.

Theory. A verdict's signals are evidence. Each piece stands in a row of the table and has an effect there by category;
rules bring their own. The hardest effect wins, so that more evidence never softens. Then a language model, if one was
asked, may only send to a person what nobody confirmed: it makes `review` of `allow`, `limit` and `hold`, nothing else.

    row        evidence                                                 fraud, spam   violence  hate, har.  sexual, s-h.
    exact      copy, to the letter, of confirmed content                remove        remove    remove      remove
    near_same  near copy, J >= .95 and the same entities                remove        remove    hold        hold
    near       near copy, J >= .80, or a campaign without a decision    hold          hold      review      review
    listed     link, host, domain, wallet or phone on a list            remove        hold      review      review
    auto       score >= auto, and a hard signal                         remove        hold      limit       limit
    limit      score >= limit                                           hold          hold      limit *     label
    review     score >= review, embeddings, users' notices              review        review    review      review

    * label for established authors (trust 2).

A near copy that is short, or whose length differs from the confirmed text's by more than 5 %, is held at most, except
for fraud and spam: it may be a quotation. In `und` no score counts, neither of a head nor of embeddings nor in a rule.
The head `any` never acts. Images (PDQ) have no row yet.
Source: design/moderation.md sections 4, 8.4 and 9.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from zajil.moderation.authors import ESTABLISHED, Author
from zajil.moderation.categories import CATEGORIES, HEADS, Category, find_category, find_language
from zajil.moderation.policy.actions import ALLOW, SEVERITY, Action, Effect, Source, softer
from zajil.moderation.policy.schema import Policy
from zajil.moderation.policy.thresholds import Level
from zajil.moderation.signals import HARD_ENTITIES, JudgeDetail, MatchDetail, RuleDetail, Signal, Verdict

NEAR: Final = 0.80
NEAR_SAME: Final = 0.95
SHORT_CHARACTERS: Final = 200
RESIZED: Final = 0.05
Row: TypeAlias = Literal["exact", "near_same", "near", "listed", "auto", "limit", "review"]
_Group: TypeAlias = Literal["fraud", "violence", "hate", "sexual"]

TABLE: Final[dict[Row, dict[_Group, Effect]]] = {
    "exact": {"fraud": "remove", "violence": "remove", "hate": "remove", "sexual": "remove"},
    "near_same": {"fraud": "remove", "violence": "remove", "hate": "hold", "sexual": "hold"},
    "near": {"fraud": "hold", "violence": "hold", "hate": "review", "sexual": "review"},
    "listed": {"fraud": "remove", "violence": "hold", "hate": "review", "sexual": "review"},
    "auto": {"fraud": "remove", "violence": "hold", "hate": "limit", "sexual": "limit"},
    "limit": {"fraud": "hold", "violence": "hold", "hate": "limit", "sexual": "label"},
    "review": {"fraud": "review", "violence": "review", "hate": "review", "sexual": "review"},
}
_GROUPS: Final[dict[Category, _Group]] = {
    "fraud": "fraud",
    "spam": "fraud",
    "violence_incitement": "violence",
    "hate": "hate",
    "harassment": "hate",
    "sexual": "sexual",
    "self_harm": "sexual",
}
_Telling: TypeAlias = list[tuple[int, Signal]]
"""Signals that may be evidence, each with its index in the verdict: all but low scores."""
_NO_FLOORS: Final[Mapping[str, float]] = {}
LIFE_THREATS: Final = frozenset({"threat", "terrorism"})


class _Evidence(NamedTuple):
    """One piece. at: its index in the verdict. confirmed: rests on what a person decided or listed."""

    effect: Effect
    category: Category
    source: Source
    because: str
    at: int
    sub: str = ""
    confirmed: bool = False


def find_loud(scores: NDArray[np.float64], languages: Sequence[str], policy: Policy) -> list[bool]:
    """For each post whether a score reaches any threshold. A post of which none does, and that has no other evidence,
    is let through: `decide_action` need not be asked.

    scores: [posts, heads] in the order of HEADS.
    """
    lowest: dict[str, list[float]] = {
        language: [floors.get(head, math.inf) for head in HEADS] for language, floors in policy.floors.items()
    }
    never = [math.inf] * len(HEADS)
    reached = scores >= np.array([lowest.get(each, never) for each in languages]).reshape(scores.shape)
    loud: list[bool] = np.any(reached, axis=1).tolist()
    return loud


def decide_action(verdict: Verdict, policy: Policy, author: Author) -> Action:
    """The effect of a policy on a post, and what it rests on. Pure, total, deterministic.

    The verdict's own `policy` is not looked at, so that stored verdicts replay under another one: rules count by id and
    digest, scores against the policy's thresholds.
    """
    language = find_language(verdict.lang)
    # Of a dozen signals eight are scores, nearly all of them low.
    floors = policy.floors.get(language, _NO_FLOORS) if language is not None else _NO_FLOORS
    telling = [
        (at, signal)
        for at, signal in enumerate(verdict.signals)
        if signal.name != "head"
        or (signal.value if isinstance(signal.value, float) else 0.0) >= floors.get(signal.category, math.inf)
    ]
    if not telling:
        return ALLOW
    pieces = list(_find_evidence(telling, verdict, policy, author))
    benign, harmful = _find_judgements(telling, verdict)
    if benign:
        pieces = [_softened(piece) for piece in pieces]
    pieces += harmful
    if not pieces:
        return ALLOW
    hardest = max(SEVERITY[piece.effect] for piece in pieces)
    carrying = [piece for piece in pieces if SEVERITY[piece.effect] == hardest]
    # Of equal effects the confirmed speaks for itself; then the order of categories, then of signals.
    first = min(carrying, key=lambda p: (not p.confirmed, not p.sub, CATEGORIES.index(p.category), p.at))
    return _make_action(first, carrying, policy)


def _make_action(first: _Evidence, carrying: list[_Evidence], policy: Policy) -> Action:
    same = [piece for piece in carrying if piece.category == first.category]
    ends = first.effect == "hold" and not any(piece.confirmed for piece in carrying)
    return Action(
        effect=first.effect,
        category=first.category,
        sub=first.sub,
        source=first.source,
        because=first.because,
        signals=tuple(sorted({piece.at for piece in same})),
        # Removals are seen by people through the blind audit and appeals; all that is softer is a question to them.
        queue=first.effect != "remove",
        hold_s=policy.defaults.hold_max_s if ends else None,
        escalate=first.sub in LIFE_THREATS and SEVERITY[first.effect] >= SEVERITY["hold"],
        care=first.category == "self_harm",
    )


def _find_evidence(telling: _Telling, verdict: Verdict, policy: Policy, author: Author) -> Iterator[_Evidence]:
    language = find_language(verdict.lang)
    for at, signal in telling:
        if signal.name == "head":
            yield from _weigh_head(at, signal, verdict, policy, author)
            continue
        category = find_category(signal.category)
        if signal.name == "rule":
            yield from _weigh_rule(at, signal, policy, author, scored=language is not None)
        elif category is None:
            # A campaign that nothing tells the kind of is still many copies of one text: a question to a person.
            if signal.name == "match.campaign":
                yield _Evidence("review", "spam", "match", "match.campaign", at)
        elif signal.name.startswith("match."):
            yield from _weigh_match(at, signal, category)
        elif signal.name == "embedding":
            if language is not None and policy.embedding_thresholds(category, language).level(_number(signal)):
                yield _Evidence("review", category, "score", f"embedding {category}>=review", at)
        elif signal.name == "notices" and _number(signal) > 0:
            yield _Evidence("review", category, "notice", "notices", at)


def _number(signal: Signal) -> float:
    return signal.value if isinstance(signal.value, float) else 0.0


def _is_hard(signal: Signal) -> bool:
    """Whether a score may remove beside it: a link, phone, wallet or handle, or the same text in two channels."""
    if signal.name == "entity":
        return signal.value in HARD_ENTITIES
    return signal.name == "copies" and _number(signal) >= 2


def _weigh_match(at: int, signal: Signal, category: Category) -> Iterator[_Evidence]:
    group = _GROUPS[category]
    detail = signal.detail if isinstance(signal.detail, MatchDetail) else None
    sub = detail.sub if detail else ""
    if signal.name == "match.exact":
        yield _Evidence(TABLE["exact"][group], category, "match", "match.exact", at, sub, confirmed=True)
    elif signal.name == "match.listed":
        yield _Evidence(TABLE["listed"][group], category, "match", "match.listed", at, confirmed=True)
    elif signal.name == "match.campaign":
        yield _Evidence(TABLE["near"][group], category, "match", "match.campaign", at)
    elif detail is not None and _number(signal) >= NEAR:
        row: Row = "near_same" if _number(signal) >= NEAR_SAME and detail.same_entities else "near"
        effect = TABLE[row][group]
        if group != "fraud" and _may_be_quoted(detail):
            effect = softer(effect, "hold")
        yield _Evidence(effect, category, "match", "match.near", at, sub, confirmed=True)


def _may_be_quoted(detail: MatchDetail) -> bool:
    differs = abs(detail.length - detail.confirmed_length)
    return detail.length < SHORT_CHARACTERS or differs > RESIZED * detail.confirmed_length


def _weigh_head(at: int, signal: Signal, verdict: Verdict, policy: Policy, author: Author) -> Iterator[_Evidence]:
    category, language = find_category(signal.category), find_language(verdict.lang)
    if category is None or language is None:
        return
    level = policy.thresholds(category, language).level(_number(signal))
    if level is not None:
        yield _weigh_score(at, category, level, author, hard=any(map(_is_hard, verdict.signals)))


def _weigh_score(at: int, category: Category, level: Level, author: Author, *, hard: bool) -> _Evidence:
    # Without a hard signal a score as high as `auto` still counts as what it also is, one above `limit`.
    row: Row = "limit" if level == "auto" and not hard else level
    group = _GROUPS[category]
    effect = TABLE[row][group]
    if row == "limit" and group == "hate" and author.trust >= ESTABLISHED:
        effect = "label"
    return _Evidence(effect, category, "score", f"{category}>={row}", at)


def _weigh_rule(at: int, signal: Signal, policy: Policy, author: Author, *, scored: bool) -> Iterator[_Evidence]:
    rule = policy.rules.get(str(signal.value))
    if rule is None or rule.mode != "active" or not isinstance(signal.detail, RuleDetail):
        return
    # A hit is evidence for the very condition it was computed with, not for another that took its name.
    if signal.detail.digest != rule.digest or (rule.uses_score and not scored) or policy.is_exempt(author, rule):
        return
    yield _Evidence(rule.action, rule.category, "rule", rule.id, at, rule.sub)


def _find_judgements(telling: _Telling, verdict: Verdict) -> tuple[bool, list[_Evidence]]:
    """Stage 5: whether any model saw no harm, and what the others saw. In `und` it is a score, and counts for nothing.

    One that sees harm takes nothing back from one that sees none: both end with a person.
    """
    benign, harmful = False, []
    for at, signal in telling:
        if signal.name != "judge" or not isinstance(signal.detail, JudgeDetail) or find_language(verdict.lang) is None:
            continue
        category = find_category(signal.category)
        if signal.detail.quoted or _number(signal) < 1:
            benign = True
        elif category is not None:
            harmful.append(_Evidence("review", category, "judge", "judge", at, signal.detail.sub))
    return benign, harmful


def _softened(piece: _Evidence) -> _Evidence:
    """A guess that a language model does not share becomes a question to a person."""
    if piece.confirmed or piece.effect not in ("limit", "hold"):
        return piece
    return piece._replace(effect="review")
