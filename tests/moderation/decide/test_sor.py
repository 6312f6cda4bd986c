"""Statements of reasons: names and values of the database, texts for the author, and nothing personal outside."""

from __future__ import annotations

import hashlib
import re
from typing import get_args

import cbor2
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.moderation.sample import POLICY, STRANGER, verdict_of

from zajil.moderation.categories import CATEGORIES, LANGUAGES, SUBS
from zajil.moderation.decide.keys import decision_key
from zajil.moderation.decide.sentences import FACTS, REDRESS, Facts, Sentence
from zajil.moderation.decide.sor import (
    ACCOUNT,
    EU,
    VISIBILITY,
    Decided,
    Restriction,
    StatementOfReasons,
    decided_automatically,
    export_statement,
    facts_of,
    make_statement,
)
from zajil.moderation.policy.actions import ALLOW, Action
from zajil.moderation.policy.decide import decide_action
from zajil.moderation.policy.texts import find_placeholders
from zajil.moderation.signals import MatchDetail, signal
from zajil.protocol.errors import LocalProtocolError

# Attributes of the API documentation, version 2, as of July 2025.
DATABASE_FIELDS = {
    "decision_visibility",
    "decision_visibility_other",
    "decision_monetary",
    "decision_monetary_other",
    "decision_provision",
    "decision_account",
    "account_type",
    "decision_facts",
    "decision_ground",
    "decision_ground_reference_url",
    "illegal_content_legal_ground",
    "illegal_content_explanation",
    "incompatible_content_ground",
    "incompatible_content_explanation",
    "incompatible_content_illegal",
    "content_type",
    "content_type_other",
    "category",
    "category_addition",
    "category_specification",
    "category_specification_other",
    "content_id",
    "territorial_scope",
    "content_language",
    "content_date",
    "application_date",
    "end_date_account_restriction",
    "end_date_monetary_restriction",
    "end_date_service_restriction",
    "end_date_visibility_restriction",
    "source_type",
    "source_identity",
    "automated_detection",
    "automated_decision",
    "puid",
}
REQUIRED = {
    "decision_facts",
    "decision_ground",
    "content_type",
    "category",
    "territorial_scope",
    "content_date",
    "application_date",
    "source_type",
    "automated_detection",
    "automated_decision",
    "puid",
}
CATEGORY_NAMES = {
    "SCAMS_AND_FRAUD",
    "VIOLENCE",
    "RISK_FOR_PUBLIC_SECURITY",
    "ILLEGAL_OR_HARMFUL_SPEECH",
    "CYBER_VIOLENCE",
    "SELF_HARM",
    "OTHER_VIOLATION_TC",
}
NOON = 1_764_072_000  # 2025-11-25 12:00 UTC


def decided(**changes: object) -> Decided:
    base = Decided(
        puid="AbC_-1",
        restriction="remove",
        category="fraud",
        facts="person",
        automated="not",
        detected=False,
        posted_at=NOON - 86_400,
        decided_at=NOON,
        language="ar",
        author_language="ru",
        channel="new-channel",
    )
    return msgspec.structs.replace(base, **changes)


def test_a_statement_in_full() -> None:
    statement = make_statement(decided(origin="notice"), POLICY)
    assert msgspec.json.decode(export_statement(statement)) == {
        "puid": "AbC_-1",
        "decision_visibility": ["DECISION_VISIBILITY_CONTENT_REMOVED"],
        "decision_ground": "DECISION_GROUND_INCOMPATIBLE_CONTENT",
        "incompatible_content_ground": "Rules of this server, fraud",
        "incompatible_content_explanation": POLICY.categories["fraud"].definition["en"],
        "decision_facts": "A reviewer looked at the post.",
        "category": "STATEMENT_CATEGORY_SCAMS_AND_FRAUD",
        "content_type": ["CONTENT_TYPE_TEXT"],
        "content_date": "2025-11-24",
        "content_language": "AR",
        "application_date": "2025-11-25",
        "territorial_scope": list(EU),
        "source_type": "SOURCE_ARTICLE_16",
        "automated_detection": "No",
        "automated_decision": "AUTOMATED_DECISION_NOT_AUTOMATED",
    }
    assert statement.language == "ru"
    assert statement.explanation.startswith("Ваша публикация от 2025-11-24 в \u2068new-channel\u2069 подходит")
    assert "180" in statement.explanation
    assert statement.facts == "Публикацию посмотрел проверяющий."
    assert "2026-05-24" in statement.redress
    arabic = make_statement(decided(author_language="ar"), POLICY)
    assert "بتاريخ \u200e2025-11-24\u200e في" in arabic.explanation, "else it would be drawn day first"
    assert "\u200e2026-05-24\u200e" in arabic.redress


@pytest.mark.parametrize("restriction", get_args(Restriction))
@pytest.mark.parametrize("category", CATEGORIES)
def test_every_statement_fits_the_databases_rules(restriction: Restriction, category: str) -> None:
    for sub in ("", *SUBS.get(category, ())):  # type: ignore[call-overload]  # a category
        made = make_statement(
            decided(restriction=restriction, category=category, sub=sub, ends_at=NOON + 1_800), POLICY
        )
        record = msgspec.json.decode(export_statement(made))
        assert record.keys() <= DATABASE_FIELDS
        assert record.keys() >= REQUIRED
        assert ("decision_visibility" in record) != ("decision_account" in record)
        assert record["category"].removeprefix("STATEMENT_CATEGORY_") in CATEGORY_NAMES
        assert ("category_specification_other" in record) == (
            "KEYWORD_OTHER" in record.get("category_specification", [])
        )
        assert re.fullmatch(r"[A-Za-z0-9_-]{1,500}", record["puid"])
        assert len(record["decision_facts"]) <= 5_000
        assert len(record["incompatible_content_explanation"]) <= 2_000
        assert len(record["incompatible_content_ground"]) <= 500
        ends = "end_date_account_restriction" if restriction in ACCOUNT else "end_date_visibility_restriction"
        assert record[ends] >= record["application_date"]
    assert set(VISIBILITY) | set(ACCOUNT) == set(get_args(Restriction))


def test_terrorism_and_sabotage_are_a_risk_for_public_security() -> None:
    found = {
        sub: make_statement(decided(category="violence_incitement", sub=sub), POLICY).category.removeprefix(
            "STATEMENT_CATEGORY_"
        )
        for sub in ("", "threat", "terrorism", "sabotage")
    }
    assert found == {
        "": "VIOLENCE",
        "threat": "VIOLENCE",
        "terrorism": "RISK_FOR_PUBLIC_SECURITY",
        "sabotage": "RISK_FOR_PUBLIC_SECURITY",
    }


def test_a_legal_ground_names_the_law() -> None:
    law = msgspec.structs.replace(POLICY.categories["hate"], ground="law", legal_reference="StGB 130")
    policy = msgspec.structs.replace(POLICY, categories={**POLICY.categories, "hate": law})
    record = msgspec.json.decode(export_statement(make_statement(decided(category="hate"), policy)))
    assert record["decision_ground"] == "DECISION_GROUND_ILLEGAL_CONTENT"
    assert record["illegal_content_legal_ground"] == "StGB 130"
    assert record["illegal_content_explanation"]
    assert not any(name.startswith("incompatible") for name in record)


def test_the_author_reads_their_own_language_or_english() -> None:
    for language in (*LANGUAGES, "fa", "und", ""):
        made = make_statement(decided(author_language=language), POLICY)
        expected = language if language in LANGUAGES else "en"
        assert made.language == expected
        assert made.facts == FACTS["person"][made.language]
        assert not find_placeholders(made.explanation + made.redress)
    assert make_statement(decided(language="und"), POLICY).content_language is None


def test_every_sentence_is_in_every_language() -> None:
    assert set(FACTS) == set(get_args(Facts))
    sentences: list[Sentence] = [*FACTS.values(), REDRESS]
    for sentence in sentences:
        assert set(sentence) == set(LANGUAGES)
        assert re.search(r"[\u0600-\u06ff]", sentence["ar"])
        assert re.search(r"[\u0400-\u04ff]", sentence["ru"])
    assert all(find_placeholders(text) == {"until"} for text in REDRESS.values())


@given(st.text(min_size=4, max_size=40).filter(lambda t: t.strip() and "\\" not in t), st.sampled_from(CATEGORIES))
def test_nothing_of_the_author_or_channel_leaves_the_server(channel: str, category: str) -> None:
    made = make_statement(decided(channel=channel, category=category), POLICY)
    assert channel in made.explanation
    other = make_statement(decided(channel="other", category=category), POLICY)
    assert export_statement(made) == export_statement(other)


def test_a_channel_cannot_speak_through_the_text() -> None:
    made = make_statement(decided(channel="{appeal_days} \u202e"), POLICY)
    assert "\u2068{appeal_days} \u202e\u2069" in made.explanation


@pytest.mark.parametrize(
    ("evidence", "facts", "restriction"),
    [
        (
            signal("match.exact", 1, "hate", MatchDetail(cluster="c", length=300, confirmed_length=300)),
            "confirmed",
            "remove",
        ),
        (
            signal("match.near", 0.9, "fraud", MatchDetail(cluster="c", length=300, confirmed_length=300)),
            "confirmed",
            "hold",
        ),
        (signal("match.campaign", 6, "fraud"), "campaign", "hold"),
        (signal("match.listed", "url", "fraud"), "listed", "remove"),
        (signal("head", 0.8, "hate"), "score", "limit"),
    ],
)
def test_automatic_actions_state_their_facts(evidence, facts: str, restriction: str) -> None:  # type: ignore[no-untyped-def]
    action = decide_action(verdict_of(evidence), POLICY, STRANGER)
    made = decided_automatically(
        action, puid="p", posted_at=NOON, decided_at=NOON, language="en", author_language="ar", channel="c"
    )
    assert (made.facts, made.restriction, made.category) == (facts, restriction, evidence.category)
    record = msgspec.json.decode(export_statement(make_statement(made, POLICY)))
    assert record["automated_decision"] == "AUTOMATED_DECISION_FULLY"
    assert record["automated_detection"] == "Yes"
    assert record["source_type"] == "SOURCE_VOLUNTARY"


def test_a_rule_says_so() -> None:
    assert facts_of(Action(effect="hold", category="spam", source="rule", because="spam-same-text")) == "rule"


def test_what_restricts_nothing_has_no_statement() -> None:
    for action in (ALLOW, Action(effect="review", category="hate", source="score")):
        with pytest.raises(LocalProtocolError):
            decided_automatically(
                action, puid="p", posted_at=NOON, decided_at=NOON, language="en", author_language="ar", channel="c"
            )


@pytest.mark.parametrize("puid", ["", "a b", "a+b=", "п", "x" * 501])
def test_a_puid_the_database_would_refuse_is_our_own_mistake(puid: str) -> None:
    with pytest.raises(LocalProtocolError):
        make_statement(decided(puid=puid), POLICY)


def test_a_stored_statement_reads_back() -> None:
    made = make_statement(decided(), POLICY)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=StatementOfReasons) == made


def test_the_key_of_a_decision_changes_with_each_of_its_parts_and_nothing_else() -> None:
    verdict = verdict_of(signal("head", 0.8, "hate"))
    hold, limit = Action(effect="hold", category="hate"), Action(effect="limit", category="hate")
    key = decision_key(verdict, hold)
    assert len(key) == 32
    others = [
        decision_key(verdict, limit),
        *(
            decision_key(msgspec.structs.replace(verdict, **change), hold)
            for change in ({"target": b"x" * 16}, {"version": 2}, {"policy": "2-x"}, {"model": "other"})
        ),
    ]
    assert len({key, *others}) == 6
    same = msgspec.structs.replace(verdict, signals=(), stage=5, lang="ru", normaliser=9)
    assert decision_key(same, msgspec.structs.replace(hold, because="again", signals=(3,))) == key


def test_the_key_is_fixed() -> None:
    """Stored keys must be met again by later versions, so the bytes under the hash are fixed, by another encoder."""
    policy = msgspec.structs.replace(POLICY, version=1, sha256="00")
    data = cbor2.dumps(["zajil automatic decision v1", bytes(16), 1, "1-00", "test", "allow"])
    key = decision_key(verdict_of(policy=policy), ALLOW)
    assert key == hashlib.sha256(data).digest()
    assert key.hex() == "e339f591660545d209208547795ab29acda10c30c22c378d83538b8f3c37ad48"
