"""The evidence table of section 9, row by row, and what must hold for every verdict there can be."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.moderation.sample import ESTABLISHED, MODEL, POLICY, STRANGER, sample_policy, verdict_of, with_rules

from zajil.moderation.authors import Author
from zajil.moderation.categories import CATEGORIES, HEADS, LANGUAGES, SUBS, find_category, find_language
from zajil.moderation.policy.actions import ALLOW, SEVERITY, Action
from zajil.moderation.policy.decide import decide_action, find_loud
from zajil.moderation.policy.schema import Policy
from zajil.moderation.policy.thresholds import ModelThresholds, Thresholds
from zajil.moderation.signals import (
    LIST_KINDS,
    JudgeDetail,
    MatchDetail,
    RuleDetail,
    Signal,
    encode_verdict,
    parse_verdict,
    signal,
)

LONG = MatchDetail(cluster="c", length=400, confirmed_length=400, same_entities=True)
URL = signal("entity", "url")


def act(*signals: Signal, lang: str = "en", author: Author = STRANGER, policy: Policy = POLICY) -> Action:
    return decide_action(verdict_of(*signals, lang=lang, policy=policy), policy, author)


def hit(rule_id: str, policy: Policy = POLICY) -> Signal:
    rule = policy.rules[rule_id]
    return signal("rule", rule_id, rule.category, RuleDetail(digest=rule.digest))


def near(category: str, j: float, **changes: int | bool) -> Signal:
    return signal("match.near", j, category, msgspec.structs.replace(LONG, **changes))


# The page's columns: fraud and spam; violence_incitement; hate and harassment; sexual and self_harm.
COLUMNS = [("fraud", "spam"), ("violence_incitement",), ("hate", "harassment"), ("sexual", "self_harm")]
ROWS = [
    ("exact copy", lambda c: [signal("match.exact", 1, c, LONG)], "remove remove remove remove"),
    ("near copy .95, same entities", lambda c: [near(c, 0.95)], "remove remove hold hold"),
    ("near copy .95, other entities", lambda c: [near(c, 0.99, same_entities=False)], "hold hold review review"),
    ("near copy .80", lambda c: [near(c, 0.80)], "hold hold review review"),
    ("near copy below .80", lambda c: [near(c, 0.79)], "allow allow allow allow"),
    ("campaign", lambda c: [signal("match.campaign", 5, c)], "hold hold review review"),
    ("listed", lambda c: [signal("match.listed", "domain", c)], "remove hold review review"),
    ("auto with a link", lambda c: [signal("head", 0.96, c), URL], "remove hold limit limit"),
    ("auto alone", lambda c: [signal("head", 0.96, c)], "hold hold limit label"),
    ("limit", lambda c: [signal("head", 0.7, c), URL], "hold hold limit label"),
    ("review", lambda c: [signal("head", 0.3, c), URL], "review review review review"),
    ("below review", lambda c: [signal("head", 0.29, c), URL], "allow allow allow allow"),
    ("embeddings", lambda c: [signal("embedding", 1, c), URL], "review review review review"),
    ("notices", lambda c: [signal("notices", 100, c)], "review review review review"),
    ("notices of no weight", lambda c: [signal("notices", 0, c)], "allow allow allow allow"),
]


@pytest.mark.parametrize(("evidence", "effects"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS])
@pytest.mark.parametrize("lang", LANGUAGES)
def test_the_table(evidence, effects: str, lang: str) -> None:  # type: ignore[no-untyped-def]  # a lambda of the table
    for categories, effect in zip(COLUMNS, effects.split(), strict=True):
        for category in categories:
            action = act(*evidence(category), lang=lang)
            assert action.effect == effect, category
            assert action.category == ("" if effect == "allow" else category)
            assert (action == ALLOW) == (effect == "allow")


@pytest.mark.parametrize(
    "hard", [*(signal("entity", kind) for kind in ("url", "phone", "wallet", "user")), signal("copies", 2)]
)
def test_each_hard_signal_lets_a_score_remove_fraud(hard: Signal) -> None:
    assert act(signal("head", 0.96, "fraud"), hard).effect == "remove"


@pytest.mark.parametrize("soft", [signal("entity", "mail"), signal("copies", 1), signal("skipped", "embedding")])
def test_nothing_else_does(soft: Signal) -> None:
    assert act(signal("head", 1, "fraud"), soft).effect == "hold"


def test_where_no_threshold_was_shown_there_is_no_such_action() -> None:
    shown = ModelThresholds(heads={"fraud": {"ar": Thresholds(review=0.3, limit=0.7), "ru": Thresholds(review=0.3)}})
    policy = sample_policy(shown)
    evidence = (signal("head", 1, "fraud"), URL)
    assert act(*evidence, lang="ar", policy=policy).effect == "hold"
    assert act(*evidence, lang="ru", policy=policy).effect == "review"
    assert act(*evidence, lang="en", policy=policy) == ALLOW


@pytest.mark.parametrize(
    ("changes", "effect"),
    [
        ({}, "remove"),
        ({"length": 199, "confirmed_length": 199}, "hold"),
        ({"length": 200, "confirmed_length": 200}, "remove"),
        ({"length": 421}, "hold"),
        ({"length": 420}, "remove"),
        ({"length": 379}, "hold"),
    ],
)
def test_quotation_is_held_at_most_except_for_fraud_and_spam(changes: dict[str, int], effect: str) -> None:
    assert act(near("violence_incitement", 0.97, **changes)).effect == effect
    for category in ("fraud", "spam"):
        assert act(near(category, 0.97, **changes)).effect == "remove"


def test_established_authors_are_labelled_where_strangers_are_limited() -> None:
    for category in ("hate", "harassment"):
        assert act(signal("head", 0.8, category), author=ESTABLISHED).effect == "label"
        assert act(signal("head", 0.96, category), URL, author=ESTABLISHED).effect == "limit"


def test_holds_by_score_or_rule_end_and_those_of_matches_last() -> None:
    assert act(signal("head", 0.8, "fraud")).hold_s == 1800
    assert act(hit("fraud-offer-with-contact")).hold_s == 1800
    assert act(signal("match.campaign", 9, "fraud")).hold_s == 1800
    assert act(near("fraud", 0.85)).hold_s is None
    assert act(near("fraud", 0.85), signal("head", 0.8, "fraud")).hold_s is None
    assert act(signal("head", 0.8, "hate")).hold_s is None


def test_rules_act_in_their_mode_for_their_condition_and_not_on_the_exempt() -> None:
    assert act(hit("fraud-offer-with-contact")).because == "fraud-offer-with-contact"
    assert act(hit("fraud-seed-phrase")) == ALLOW
    active = with_rules(mode="active")
    assert act(hit("fraud-seed-phrase"), policy=active).effect == "hold"
    other = signal("rule", "fraud-offer", "fraud", RuleDetail(digest="0" * 16))
    assert act(other) == ALLOW
    assert act(signal("rule", "no-such-rule", "fraud", RuleDetail(digest="0" * 16))) == ALLOW
    moderator = Author(key=bytes(16), role="moderator")
    owner = Author(key=bytes(16), role="owner")
    bot = Author(key=bytes(16), kind="bot", owner_role="admin")
    members_bot = Author(key=bytes(16), kind="bot", owner_role="member")
    assert act(hit("spam-same-text")).effect == "hold"
    for author in (moderator, owner, bot):
        assert act(hit("spam-same-text"), author=author) == ALLOW
    assert act(hit("spam-many-links"), author=bot) == ALLOW
    assert act(hit("spam-many-links"), author=moderator).effect == "review"
    assert act(hit("spam-same-text"), author=members_bot).effect == "hold"


def test_what_is_recorded_beside_the_effect() -> None:
    threat = msgspec.structs.replace(LONG, sub="threat")
    action = act(signal("head", 0.5, "hate"), signal("match.exact", 1, "violence_incitement", threat))
    assert action == Action(
        effect="remove",
        category="violence_incitement",
        sub="threat",
        source="match",
        because="match.exact",
        signals=(1,),
        escalate=True,
    )
    assert act(signal("head", 0.8, "fraud")).because == "fraud>=limit"
    assert act(signal("head", 0.8, "fraud")).queue
    assert act(signal("head", 0.4, "self_harm")).care
    assert not act(hit("incitement-call")).escalate


def test_a_language_model_sends_to_people_and_no_further() -> None:
    harm = signal("judge", 3, "hate", JudgeDetail(quoted=False, confidence=1))
    fine = signal("judge", 0, "hate", JudgeDetail(quoted=False, confidence=1))
    quoted = signal("judge", 3, "hate", JudgeDetail(quoted=True, confidence=1))
    assert act(harm).effect == "review"
    assert act(fine) == ALLOW
    for benign in (fine, quoted):
        assert act(signal("head", 0.8, "fraud"), benign).effect == "review"
        assert act(signal("head", 0.8, "hate"), benign).effect == "review"
        assert act(hit("fraud-offer-with-contact"), benign).effect == "review"
        assert act(signal("head", 0.96, "fraud"), URL, benign).effect == "remove"
        assert act(signal("head", 0.8, "sexual"), benign).effect == "label"
        assert act(near("fraud", 0.85), benign).effect == "hold"
        assert act(signal("match.exact", 1, "hate", LONG), benign).effect == "remove"
        assert act(signal("match.listed", "url", "violence_incitement"), benign).effect == "hold"
        # A second model that sees harm takes nothing back: it may not harden past review.
        assert act(signal("head", 0.8, "fraud"), benign, harm).effect == "review"


def test_in_no_language_of_ours_only_matches_rules_and_people_count() -> None:
    assert act(signal("head", 1, "fraud"), URL, lang="und") == ALLOW
    assert act(signal("embedding", 1, "fraud"), lang="und") == ALLOW
    assert act(signal("judge", 3, "hate", JudgeDetail(quoted=False, confidence=1)), lang="und") == ALLOW
    scored = with_rules(mode="active")
    assert act(hit("incitement-call-likely"), lang="en", policy=scored).effect == "hold"
    assert act(hit("incitement-call-likely"), lang="und", policy=scored) == ALLOW
    assert act(hit("spam-same-text"), lang="und").effect == "hold"
    assert act(signal("match.exact", 1, "hate", LONG), lang="und").effect == "remove"
    assert act(signal("notices", 1, "hate"), lang="und").effect == "review"


def test_a_campaign_of_unknown_kind_is_a_question_to_a_person() -> None:
    action = act(signal("match.campaign", 9, "any"), lang="und")
    assert (action.effect, action.category, action.queue) == ("review", "spam", True)


def test_the_head_any_never_acts() -> None:
    for name in ("head", "embedding"):
        assert act(signal(name, 1, "any"), URL) == ALLOW


# Every kind of signal, for properties.
SCORES = st.floats(0, 1)
CATEGORY = st.sampled_from(CATEGORIES)
SUBS_ALL = st.sampled_from(["", *SUBS["violence_incitement"]])
DETAILS = st.builds(
    MatchDetail,
    cluster=st.just("c"),
    length=st.integers(1, 500),
    confirmed_length=st.integers(1, 500),
    same_entities=st.booleans(),
    sub=SUBS_ALL,
)
RULES = st.sampled_from([hit(name) for name in POLICY.rules])
MATCHES = st.one_of(
    st.builds(lambda c, d: signal("match.exact", 1, c, d), CATEGORY, DETAILS),
    st.builds(lambda j, c, d: signal("match.near", j, c, d), SCORES, CATEGORY, DETAILS),
    st.builds(lambda n, c: signal("match.campaign", n, c), st.integers(1, 99), st.sampled_from(HEADS)),
    st.builds(lambda k, c: signal("match.listed", k, c), st.sampled_from(LIST_KINDS), CATEGORY),
)
SCORED = st.builds(
    lambda name, v, c: signal(name, v, c), st.sampled_from(["head", "embedding"]), SCORES, st.sampled_from(HEADS)
)
FACTS = st.one_of(
    st.builds(lambda n: signal("copies", n), st.integers(0, 5)),
    st.sampled_from([signal("entity", kind) for kind in ("url", "mail", "user", "phone", "wallet")]),
    st.just(signal("skipped", "judge")),
)
NOTICES = st.builds(lambda v, c: signal("notices", v, c), st.floats(0, 1000), CATEGORY)
JUDGES = st.builds(
    lambda v, c, q, s: signal("judge", v, c, JudgeDetail(quoted=q, confidence=0.9, sub=s)),
    st.integers(0, 3),
    st.sampled_from(HEADS),
    st.booleans(),
    SUBS_ALL,
)
EVIDENCE = st.one_of(MATCHES, SCORED, FACTS, NOTICES, RULES)
ANYTHING = st.one_of(EVIDENCE, JUDGES)
LANGS = st.sampled_from([*LANGUAGES, "und"])
AUTHORS = st.builds(
    Author,
    key=st.just(bytes(16)),
    trust=st.integers(0, 2),
    kind=st.sampled_from(["person", "bot"]),
    role=st.sampled_from(["owner", "admin", "moderator", "member", "subscriber"]),
    owner_role=st.sampled_from([None, "admin", "member"]),
)
POLICIES = st.sampled_from([POLICY, with_rules(mode="active"), sample_policy(ModelThresholds()), sample_policy(MODEL)])


@pytest.mark.slow
@given(st.lists(ANYTHING, max_size=6), EVIDENCE, LANGS, AUTHORS, POLICIES, st.integers(0, 6))
def test_more_evidence_never_softens(
    signals: list[Signal], more: Signal, lang: str, author: Author, policy: Policy, at: int
) -> None:
    before = act(*signals, lang=lang, author=author, policy=policy)
    after = act(*signals[:at], more, *signals[at:], lang=lang, author=author, policy=policy)
    assert SEVERITY[after.effect] >= SEVERITY[before.effect]


@pytest.mark.slow
@given(st.lists(ANYTHING, max_size=6), SCORES, st.integers(0, 6), LANGS, AUTHORS)
def test_a_higher_score_never_softens(signals: list[Signal], up: float, at: int, lang: str, author: Author) -> None:
    raised = [
        msgspec.structs.replace(s, value=max(float(s.value), up)) if i == at and s.name in ("head", "match.near") else s
        for i, s in enumerate(signals)
    ]
    before, after = act(*signals, lang=lang, author=author), act(*raised, lang=lang, author=author)
    assert SEVERITY[after.effect] >= SEVERITY[before.effect]


@pytest.mark.slow
@given(st.lists(ANYTHING, max_size=6), JUDGES, LANGS, AUTHORS, POLICIES)
def test_a_language_model_never_hardens_past_review_and_never_removes(
    signals: list[Signal], judge: Signal, lang: str, author: Author, policy: Policy
) -> None:
    before = act(*signals, lang=lang, author=author, policy=policy)
    after = act(*signals, judge, lang=lang, author=author, policy=policy)
    assert SEVERITY[after.effect] <= max(SEVERITY[before.effect], SEVERITY["review"])
    assert (after.effect == "remove") == (before.effect == "remove")
    if before.effect != "allow":
        assert after.effect != "allow", "a language model closes nothing"


@pytest.mark.slow
@given(st.lists(st.one_of(SCORED, FACTS, JUDGES), max_size=8), AUTHORS, POLICIES)
def test_no_score_ever_acts_in_und(signals: list[Signal], author: Author, policy: Policy) -> None:
    assert act(*signals, lang="und", author=author, policy=policy) == ALLOW


@pytest.mark.slow
@given(st.lists(ANYTHING, max_size=8), AUTHORS, POLICIES)
def test_scores_change_nothing_in_und(signals: list[Signal], author: Author, policy: Policy) -> None:
    rest = [s for s in signals if s.name not in ("head", "embedding", "judge")]
    with_scores = act(*signals, lang="und", author=author, policy=policy)
    without = act(*rest, lang="und", author=author, policy=policy)
    assert (with_scores.effect, with_scores.category) == (without.effect, without.category)


@pytest.mark.slow
@given(st.lists(ANYTHING, max_size=8), LANGS, AUTHORS, POLICIES)
def test_what_removes_by_itself(signals: list[Signal], lang: str, author: Author, policy: Policy) -> None:
    """Section 8, row 4, from outside: a score removes fraud and spam alone, beside a hard signal, in our languages."""
    action = act(*signals, lang=lang, author=author, policy=policy)
    if action.effect != "remove":
        return
    assert action.source in ("match", "score")
    if action.source == "score":
        assert action.category in ("fraud", "spam")
        assert lang in LANGUAGES
        category, language = find_category(action.category), find_language(lang)
        assert category is not None
        assert language is not None
        auto = policy.thresholds(category, language).auto
        assert auto is not None
        carrying = [signals[at] for at in action.signals if signals[at].name == "head"]
        assert any(isinstance(s.value, float) and s.value >= auto for s in carrying)
        assert any(
            (s.name == "entity" and s.value in ("url", "phone", "wallet", "user"))
            or (s.name == "copies" and isinstance(s.value, float) and s.value >= 2)
            for s in signals
        )


@pytest.mark.slow
@given(st.lists(ANYTHING, max_size=8), st.randoms(use_true_random=False), LANGS, AUTHORS, POLICIES)
def test_the_order_of_signals_does_not_matter(signals, random, lang, author, policy) -> None:  # type: ignore[no-untyped-def]
    mixed = list(signals)
    random.shuffle(mixed)
    one, other = (
        act(*signals, lang=lang, author=author, policy=policy),
        act(*mixed, lang=lang, author=author, policy=policy),
    )
    assert (one.effect, one.category, one.hold_s, one.queue) == (
        other.effect,
        other.category,
        other.hold_s,
        other.queue,
    )


@pytest.mark.slow
@given(st.lists(st.floats(0, 1, width=32), min_size=len(HEADS), max_size=len(HEADS)), LANGS, AUTHORS, POLICIES)
def test_scores_that_are_not_loud_do_nothing(scores: list[float], lang: str, author: Author, policy: Policy) -> None:
    heads = [signal("head", score, head) for score, head in zip(scores, HEADS, strict=True)]
    (loud,) = find_loud(np.array([scores]), [lang], policy)
    assert (act(*heads, lang=lang, author=author, policy=policy) == ALLOW) == (not loud)


@pytest.mark.slow
@given(st.lists(ANYTHING, max_size=8), LANGS, AUTHORS)
def test_a_stored_verdict_decides_the_same(signals: list[Signal], lang: str, author: Author) -> None:
    verdict = verdict_of(*signals, lang=lang)
    assert decide_action(parse_verdict(encode_verdict(verdict)), POLICY, author) == decide_action(
        verdict, POLICY, author
    )


@pytest.mark.slow
@given(st.lists(ANYTHING, max_size=8), LANGS, AUTHORS, POLICIES)
def test_an_action_is_whole(signals: list[Signal], lang: str, author: Author, policy: Policy) -> None:
    action = act(*signals, lang=lang, author=author, policy=policy)
    if action.effect == "allow":
        assert action == ALLOW
        return
    assert action.category in CATEGORIES
    assert action.because
    assert action.signals
    assert all(at < len(signals) for at in action.signals)
    assert action.queue == (action.effect != "remove")
    assert action.hold_s is None or action.effect == "hold"
