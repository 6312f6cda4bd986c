"""Policies load whole or not at all, and say where what is wrong."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.moderation.sample import MODEL, POLICY, TEXT, check, fold, read_list

from zajil.moderation.categories import CATEGORIES, LANGUAGES
from zajil.moderation.policy.faults import FAULTS
from zajil.moderation.policy.load import check_policy, load_policy
from zajil.moderation.policy.packaged import check_file, load_packaged
from zajil.moderation.policy.schema import PLACEHOLDERS
from zajil.moderation.policy.texts import fill_placeholders, find_placeholders
from zajil.protocol.errors import Malformed


def line_of(text: str, part: str) -> int:
    """The line, from 1, on which a part begins."""
    return text[: text.index(part)].count("\n") + 1


def test_the_packaged_policy_is_whole() -> None:
    policy = load_packaged(fold, model=MODEL)
    assert policy == POLICY
    assert policy.version == 1
    assert re.fullmatch(r"1-[0-9a-f]{64}", policy.ref)
    assert set(policy.categories) == set(CATEGORIES)
    for category in policy.categories.values():
        for texts in (category.definition, category.reason):
            assert set(texts) == set(LANGUAGES)
            assert len(set(texts.values())) == len(LANGUAGES)
        for reason in category.reason.values():
            assert find_placeholders(reason) == set(PLACEHOLDERS)
    assert policy.categories["self_harm"].strike == 0


def test_texts_are_in_the_script_of_their_language() -> None:
    """A copy in the wrong place would otherwise be read by the first author it is sent to."""
    scripts = {"ar": r"[\u0600-\u06ff]", "ru": r"[\u0400-\u04ff]", "en": r"[a-z]"}
    for category in POLICY.categories.values():
        for texts in (category.definition, category.reason):
            for language, text in texts.items():
                letters = [c for c in re.sub(r"\{\w+\}|\(\w+\)", "", text) if c.isalpha()]
                own = [c for c in letters if re.match(scripts[language], c.lower())]
                assert len(own) > 0.95 * len(letters), text


def test_dsa_categories_are_those_of_the_page() -> None:
    assert {name: c.dsa_category.removeprefix("STATEMENT_CATEGORY_") for name, c in POLICY.categories.items()} == {
        "fraud": "SCAMS_AND_FRAUD",
        "violence_incitement": "VIOLENCE",
        "hate": "ILLEGAL_OR_HARMFUL_SPEECH",
        "harassment": "CYBER_VIOLENCE",
        "self_harm": "SELF_HARM",
        "sexual": "OTHER_VIOLATION_TC",
        "spam": "OTHER_VIOLATION_TC",
    }


def test_the_hash_covers_the_file_and_every_list() -> None:
    def ref(text: str, marker: bytes) -> str:
        def reader(path: str) -> bytes:
            return read_list(path) + (marker if path == "lists/fraud-ru.txt" else b"")

        return load_policy(text, read_list=reader, normalise=fold, model=MODEL).sha256

    refs = {ref(TEXT, b""), ref(TEXT + "# a remark\n", b""), ref(TEXT, "ещё одна фраза\n".encode())}
    assert len(refs) == 3
    assert POLICY.sha256 in refs


# (code, what is replaced, with what, the part whose line is reported; "" the replacement's own line)
BROKEN = [
    ("syntax", "version: 1", "version: [1", "languages"),
    ("syntax", "version: 1", "version: &one 1", ""),
    ("syntax", "version: 1", "version: !!python/object:os.system 1", ""),
    ("syntax", "version: 1", "version: 2026-11-25", ""),
    ("duplicate-key", "defaults: {", "version: 1\ndefaults: {", ""),
    ("unknown-key", "defaults: {", "vershun: 1\ndefaults: {", ""),
    ("unknown-key", "    prior: 0.004", "    weight: 3\n    prior: 0.004", ""),
    ("unknown-key", "hold_max_s: 1800,", "hold_max_s: 1800, grace: 1,", "defaults"),
    ("missing-key", "hold_max_s: 1800, ", "", "defaults"),
    ("missing-key", "    strike: 3\n", "", "violence_incitement:"),
    ("wrong-type", "version: 1", "version: one", ""),
    ("wrong-type", "version: 1", "version: true", ""),
    ("wrong-type", "    prior: 0.004", "    prior: 'a lot'", ""),
    ("wrong-type", "  fraud_ru: lists/fraud-ru.txt", "  fraud_ru: [lists/fraud-ru.txt]", ""),
    ("wrong-value", "version: 1", "version: 2", ""),
    ("wrong-value", "    prior: 0.004", "    prior: .nan", ""),
    ("wrong-value", "appeal_days: 180", "appeal_days: 179", ""),
    ("wrong-value", "    action: hold", "    action: remove", ""),
    ("wrong-value", "    mode: shadow", "    mode: maybe", ""),
    ("wrong-value", "  fraud_ru: lists/fraud-ru.txt", "  fraud_ru: lists/../policy-1.yaml", ""),
    ("wrong-value", "  fraud_ru: lists/fraud-ru.txt", "  fraud_ru: /etc/passwd", ""),
    ("wrong-value", "  - id: fraud-offer\n", "  - id: flood\n", ""),
    ("wrong-value", "    sub: sabotage", "    sub: arson", ""),
    ("missing-language", "languages: [ar, en, ru]", "languages: [ar, en]", ""),
    ("unknown-language", "languages: [ar, en, ru]", "languages: [ar, en, ru, fa]", ""),
    (
        "missing-language",
        "      ru: >-\n        Публикации, цель",
        "      en2: >-\n        Публикации, цель",
        "definition",
    ),
    ("unknown-category", "    category: spam", "    category: nonsense", ""),
    ("unknown-category", "  fraud:\n", "  frauds:\n", "frauds"),
    ("unknown-list", "{phrases: fraud_ru}", "{phrases: fraud_fa}", ""),
    ("unreadable-list", "lists/fraud-ru.txt", "lists/fraud-fa.txt", ""),
    ("unknown-rule", "rules: [flood]}", "rules: [floods]}", ""),
    ("duplicate-rule", "  - id: fraud-offer\n", "  - id: fraud-offer-with-contact\n", ""),
    ("bad-condition", "{links: {ge: 8}}", "{link: {ge: 8}}", ""),
    ("bad-condition", "{links: {ge: 8}}", "{links: {gt: 8}}", ""),
    ("bad-condition", "{links: {ge: 8}}", "{links: {ge: 8, le: 9}}", ""),
    ("bad-condition", "{links: {ge: 8}}", "{all: []}", ""),
    ("bad-condition", "{links: {ge: 8}}", "{lang: {in: []}}", ""),
    ("wrong-type", "{links: {ge: 8}}", "{links: {ge: eight}}", ""),
    ("wrong-value", "{links: {ge: 8}}", "{lang: fr}", ""),
    ("wrong-value", "{n: 8, per_s: 600, key: text}", "{n: 8, per_s: 600, key: address}", ""),
    ("wrong-value", "{n: 8, per_s: 600, key: text}", "{n: 800000, per_s: 600, key: text}", ""),
    ("unknown-category", "{violence_incitement: {ge: 0.5}}", "{violence: {ge: 0.5}}", ""),
    ("bad-regex", "(enter|share|send|import)", "(enter|share", ""),
    ("bad-regex", "(enter|share|send|import)", "(?=enter)", ""),
    ("bad-regex", "(enter|share|send|import)", "(enter?){400}", ""),
    ("bad-regex", "(enter|share|send|import)", "\\pL", ""),
    ("lax-threshold", "thresholds: model", "thresholds: {ar: {review: 0.2, limit: 0.7, auto: null}}", ""),
    ("threshold-order", "thresholds: model", "thresholds: {ar: {review: 0.8, limit: 0.7, auto: null}}", ""),
    ("threshold-order", "thresholds: model", "thresholds: {ar: {review: null, limit: 0.7, auto: null}}", ""),
    ("missing-key", "thresholds: model", "thresholds: {ar: {review: 0.8}}", ""),
    ("unknown-language", "thresholds: model", "thresholds: {und: {review: 0.8, limit: null, auto: null}}", ""),
    ("unknown-placeholder", "Your post of {date} in", "Your post of {day} in", "en: >-"),
    ("unknown-placeholder", "Your post of {date} in", "Your post of {date in", "en: >-"),
]


@pytest.mark.parametrize(("code", "old", "new", "where"), BROKEN, ids=[f"{b[0]}-{i}" for i, b in enumerate(BROKEN)])
def test_what_is_wrong_is_named_with_its_line(code: str, old: str, new: str, where: str) -> None:
    text = TEXT.replace(old, new, 1)
    assert text != TEXT
    checked = check(text)
    assert checked.policy is None
    assert code in [fault.code for fault in checked.faults], checked.faults
    found = next(fault for fault in checked.faults if fault.code == code)
    if not where:
        assert found.line == line_of(TEXT, old), found
    else:
        assert 0 < found.line <= text.count("\n")
        assert where in text.splitlines()[found.line - 1], (found, text.splitlines()[found.line - 1])


def test_every_code_has_a_case() -> None:
    tested = {case[0] for case in BROKEN} | {"missing-category", "bad-phrase"}
    assert tested == set(FAULTS)


def test_a_category_may_not_be_left_out() -> None:
    start = TEXT.index("  spam:\n    ground")
    checked = check(TEXT[:start])
    assert [fault.code for fault in checked.faults] == ["missing-category"]


def test_self_harm_brings_no_strike() -> None:
    start = TEXT.index("  self_harm:")
    checked = check(TEXT[:start] + TEXT[start:].replace("strike: 0", "strike: 1", 1))
    assert [fault.code for fault in checked.faults] == ["wrong-value"]


@pytest.mark.parametrize("data", [b"# nothing\n", b"ab\n", b"...\n", b"x" * 201, b"\xff\xfe"])
def test_phrase_lists_hold_phrases(data: bytes) -> None:
    def reader(path: str) -> bytes:
        return data if path == "lists/fraud-en.txt" else read_list(path)

    checked = check_policy(TEXT, read_list=reader, normalise=fold, model=MODEL)
    assert {fault.code for fault in checked.faults} <= {"bad-phrase", "unreadable-list"}
    assert checked.faults[0].line == line_of(TEXT, "  fraud_en: lists")


def test_one_pass_finds_all_faults() -> None:
    text = (
        TEXT.replace("version: 1", "version: 0").replace("prior: 0.004", "prior: 2").replace("links: {ge", "links: {g")
    )
    assert [fault.code for fault in check(text).faults] == ["wrong-value", "bad-condition", "wrong-value"]


def test_stricter_is_allowed_and_what_is_not_named_stays_the_models() -> None:
    text = TEXT.replace("thresholds: model", "thresholds: {ar: {review: 0.5, limit: 0.7, auto: null}}", 1)
    checked = check(text)
    assert checked.policy is not None
    fraud = checked.policy.categories["fraud"].thresholds
    assert fraud["ar"].auto is None
    assert fraud["ar"].review == 0.5
    assert fraud["ru"] == POLICY.categories["fraud"].thresholds["ru"]


def test_without_a_model_no_threshold_can_be_set() -> None:
    text = TEXT.replace("thresholds: model", "thresholds: {ar: {review: 0.9, limit: null, auto: null}}", 1)
    checked = check_policy(text, read_list=read_list, normalise=fold)
    assert [fault.code for fault in checked.faults] == ["lax-threshold"]


def test_load_raises_with_the_first_fault() -> None:
    with pytest.raises(Malformed) as caught:
        load_policy("version: 1\n", read_list=read_list, normalise=fold)
    assert dict(caught.value.detail) == {"fault": "missing-key", "line": 1, "faults": 3}


def test_an_operators_folder_is_read(tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    for path in set(re.findall(r"lists/[a-z-]+\.txt", TEXT)):
        (tmp_path / path).write_bytes(read_list(path))
    (tmp_path / "policy-1.yaml").write_text(TEXT, encoding="utf-8")
    assert check_file(tmp_path / "policy-1.yaml", fold, model=MODEL).policy == POLICY
    (tmp_path / "lists" / "fraud-en.txt").unlink()
    assert [f.code for f in check_file(tmp_path / "policy-1.yaml", fold, model=MODEL).faults] == ["unreadable-list"]


def test_a_file_that_is_no_text_is_a_fault(tmp_path: Path) -> None:
    (tmp_path / "policy-1.yaml").write_bytes(b"version: \xff\n")
    assert [f.code for f in check_file(tmp_path / "policy-1.yaml", fold).faults] == ["syntax"]


def test_deep_nesting_and_huge_files_are_faults() -> None:
    for text in ("[" * 5_000 + "]" * 5_000, "a: " * 2_000, "x" * ((1 << 18) + 1), "", "\0"):
        checked = check(text)
        assert [fault.code for fault in checked.faults] == ["syntax"]


@pytest.mark.fuzz
@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(st.text(max_size=200), st.integers(0, len(TEXT)), st.integers(0, 200))
def test_no_text_gets_an_exception_out_of_the_loader(part: str, at: int, cut: int) -> None:
    checked = check(TEXT[:at] + part + TEXT[at + cut :])
    assert (checked.policy is None) == bool(checked.faults)


def test_placeholders_are_filled_as_they_are() -> None:
    assert fill_placeholders("{date}: {channel}", {"date": "{channel}", "channel": r"\1"}) == r"{channel}: \1"
    with pytest.raises(KeyError):
        fill_placeholders("{date}", {})
