"""Two policies compared: on paper, and on what was stored."""

from __future__ import annotations

import random

import msgspec
import pytest
from tests.moderation.sample import MODEL, POLICY, STRANGER, TEXT, check, sample_policy, verdict_of, with_rules

from zajil.moderation.policy.diff import Change, diff_policies
from zajil.moderation.policy.replay import EXAMPLES, Stored, check_activation, replay
from zajil.moderation.policy.schema import Policy
from zajil.moderation.policy.thresholds import ModelThresholds, Thresholds
from zajil.moderation.signals import RuleDetail, Signal, signal
from zajil.protocol.errors import Refused


def edited(*changes: tuple[str, str]) -> Policy:
    text = TEXT
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    policy = check(text).policy
    assert policy is not None
    return policy


def stored(number: int, *signals: Signal, lang: str = "en") -> Stored:
    return Stored(msgspec.structs.replace(verdict_of(*signals, lang=lang), target=number.to_bytes(16, "big")), STRANGER)


def test_a_policy_does_not_differ_from_itself() -> None:
    assert diff_policies(POLICY, POLICY) == ()
    assert diff_policies(POLICY, edited(("# The first policy.", "# A remark is no difference."))) == ()


def test_differences_have_paths_and_both_values() -> None:
    new = edited(
        ("hold_max_s: 1800", "hold_max_s: 900"),
        ("    mode: shadow", "    mode: active"),
        ("{links: {ge: 8}}", "{links: {ge: 9}}"),
        ("thresholds: model", "thresholds: {ar: {review: 0.5, limit: 0.7, auto: null}}"),
    )
    changes = diff_policies(POLICY, new)
    assert Change("defaults.hold_max_s", "1800", "900") in changes
    assert Change("rules.fraud-seed-phrase.mode", '"shadow"', '"active"') in changes
    assert Change("categories.fraud.thresholds.ar.auto", "0.95", "null") in changes
    assert [change.path for change in changes if "spam-many-links" in change.path] == ["rules.spam-many-links.when"]
    assert len(changes) == 5


def test_phrases_come_and_go_one_by_one() -> None:
    lists = {**POLICY.lists, "fraud_ru": (*POLICY.lists["fraud_ru"][1:], "новая фраза")}
    changes = diff_policies(POLICY, msgspec.structs.replace(POLICY, lists=lists))
    assert changes == (
        Change(f"lists.fraud_ru[{POLICY.lists['fraud_ru'][0]}]", '"listed"', None),
        Change("lists.fraud_ru[новая фраза]", None, '"listed"'),
    )


def test_replay_counts_what_changes_by_category_and_language() -> None:
    lower = sample_policy(
        ModelThresholds(
            heads={"fraud": {"en": Thresholds(review=0.3, limit=0.5, auto=0.9), "ru": Thresholds(review=0.3)}},
            embeddings=MODEL.embeddings,
        )
    )
    rows = [
        *(stored(n, signal("head", 0.6, "fraud")) for n in range(120)),
        *(stored(1_000 + n, signal("head", 0.8, "fraud"), lang="ru") for n in range(7)),
        *(stored(2_000 + n, signal("head", 0.92, "fraud"), signal("entity", "url")) for n in range(3)),
        *(stored(3_000 + n, signal("head", 0.1, "fraud")) for n in range(10)),
    ]
    report = replay(rows, current=POLICY, candidate=lower, seed=b"s", precision={("fraud", "en"): 0.9})
    assert report.posts == 140
    assert (report.removed_before, report.removed_after) == (0, 3)
    english, russian = report.groups
    assert (english.category, english.lang) == ("fraud", "en")
    assert (english.acted_before, english.acted_after, english.newly_acted, english.no_longer_acted) == (3, 123, 120, 0)
    assert (english.queued_before, english.queued_after) == (123, 120)
    assert english.predicted_false == pytest.approx(12)
    assert len(english.newly) == EXAMPLES
    assert len({e.target for e in english.newly}) == EXAMPLES
    assert {(e.before, e.after) for e in english.newly} == {("review", "hold")}
    assert (russian.lang, russian.no_longer_acted, russian.newly_acted) == ("ru", 7, 0)
    assert russian.predicted_false is None
    assert len(russian.no_longer) == 7


def test_examples_are_drawn_evenly_by_the_seed_and_not_by_the_order() -> None:
    rows = [stored(n, signal("head", 0.8, "fraud")) for n in range(200)]
    none = sample_policy(ModelThresholds())

    def draw(seed: bytes) -> tuple[bytes, ...]:
        return tuple(e.target for e in replay(rows, current=POLICY, candidate=none, seed=seed).groups[0].no_longer)

    first = draw(b"one")
    random.Random(0).shuffle(rows)
    assert draw(b"one") == first
    assert draw(b"two") != first


def test_rules_replay_by_stored_hits_of_the_same_condition() -> None:
    rule = POLICY.rules["fraud-seed-phrase"]
    hit = signal("rule", rule.id, rule.category, RuleDetail(digest=rule.digest))
    rows = [stored(n, hit) for n in range(4)]
    same = replay(rows, current=POLICY, candidate=POLICY, seed=b"")
    assert same.shadow_hits[rule.id] == 4
    assert same.groups == ()
    assert same.unseen_rules == ()
    active = replay(rows, current=POLICY, candidate=with_rules(mode="active"), seed=b"")
    assert active.groups[0].newly_acted == 4
    assert active.shadow_hits == {}
    changed = edited(("(enter|share|send|import)", "(enter|share)"), ("    mode: shadow", "    mode: active"))
    other = replay(rows, current=POLICY, candidate=changed, seed=b"")
    assert other.unseen_rules == ("fraud-seed-phrase",)
    assert other.groups == ()
    still = replay(rows, current=POLICY, candidate=edited(("(enter|share|send|import)", "(enter|share)")), seed=b"")
    assert still.shadow_hits["fraud-seed-phrase"] == 0


def test_activation_needs_a_fresh_replay_and_a_second_admin_where_removals_grow() -> None:
    lower = sample_policy(ModelThresholds(heads={"fraud": {"en": Thresholds(review=0.1, limit=0.2, auto=0.3)}}))
    rows = [stored(n, signal("head", 0.8, "fraud"), signal("entity", "url")) for n in range(3)]
    grown = replay(rows, current=POLICY, candidate=lower, seed=b"")
    same = replay(rows, current=POLICY, candidate=POLICY, seed=b"")
    assert grown.needs_second_admin
    assert not same.needs_second_admin
    check_activation(grown, lower, replayed_at=0, now=86_400, admins=2)
    check_activation(same, POLICY, replayed_at=0, now=10, admins=1)
    with pytest.raises(Refused):
        check_activation(grown, lower, replayed_at=0, now=10, admins=1)
    with pytest.raises(Refused):
        check_activation(same, POLICY, replayed_at=0, now=86_401, admins=2)
    with pytest.raises(Refused):
        check_activation(same, edited(("hold_max_s: 1800", "hold_max_s: 900")), replayed_at=0, now=10, admins=2)


def test_a_tenth_more_removals_is_not_yet_much() -> None:
    report = replay([], current=POLICY, candidate=POLICY, seed=b"")
    for before, after, needs in ((0, 0, False), (10, 11, False), (10, 12, True), (0, 1, True)):
        grown = msgspec.structs.replace(report, removed_before=before, removed_after=after)
        assert grown.needs_second_admin is needs
