"""ThreatCheck and FraudCheck keep the form README.md gives them, in every language."""

from __future__ import annotations

import json
import re
import unicodedata
from collections import Counter
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Literal

import msgspec
import pytest

HERE = Path(__file__).resolve().parent
SUITES = {"threatcheck": "tc", "fraudcheck": "fc"}
SCRIPTS = {"ar": "ARABIC", "en": "LATIN", "ru": "CYRILLIC"}
FILES = [(suite, language) for suite in SUITES for language in SCRIPTS]
EACH_FILE = pytest.mark.parametrize(("suite", "language"), FILES, ids=["-".join(names) for names in FILES])

# Functionality: category and sub of its cases. Benign ones have neither.
HARMFUL = {
    "threatcheck": {
        "direct_call": ("violence_incitement", "threat"),
        "coded_call": ("violence_incitement", "threat"),
        "conditional_threat": ("violence_incitement", "threat"),
        "target_address": ("violence_incitement", "threat"),
        "sabotage_power": ("violence_incitement", "sabotage"),
        "sabotage_rail": ("violence_incitement", "sabotage"),
        "sabotage_telecom": ("violence_incitement", "sabotage"),
        "sabotage_recruitment": ("violence_incitement", "sabotage"),
        "terrorism_recruitment": ("violence_incitement", "terrorism"),
        "terrorism_glorification": ("violence_incitement", "terrorism"),
    },
    "fraudcheck": {
        "advance_fee": ("fraud", ""),
        "fake_job": ("fraud", ""),
        "phishing": ("fraud", ""),
        "investment": ("fraud", ""),
        "courier": ("fraud", ""),
        "impersonation": ("fraud", ""),
        "prize": ("fraud", ""),
        "romance": ("fraud", ""),
    },
}
BENIGN = {
    "threatcheck": (
        "news",
        "counter_speech",
        "quotation",
        "condemnation",
        "religion",
        "history",
        "fiction",
        "games_and_sport",
        "idiom_and_code",
        "peaceful_protest",
        "security_advice",
    ),
    "fraudcheck": (
        "fraud_warning",
        "bank_advice",
        "real_sale",
        "real_job",
        "charity",
        "complaint",
        "news_of_fraud",
        "money_talk",
    ),
}

CASES_MIN = 200
CASES_PER_FUNCTIONALITY_MIN = 10
FUNCTIONALITIES_MIN = 12
BENIGN_SHARE_TOLERANCE = 0.05
PAIRED_SHARE_MIN = 0.5
GRAM_CHARACTERS = 5
JACCARD_BELOW = 0.6
SCRIPT_SHARE_ABOVE = 0.5

HOST = re.compile(r"(?<![\w.-])(?:[a-z0-9-]+\.)+[a-z]{2,}(?![\w-])|(?<=://)[^\s/:?#]+", re.IGNORECASE)
EXAMPLE_HOST = re.compile(r"(?:.+\.)?(?:example|example\.(?:com|net|org))", re.IGNORECASE)
PHONE_ABROAD = re.compile(r"\+\d[\d() -]{6,}")


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a suite."""

    id: str
    functionality: str
    text: str
    category: str
    sub: str
    label: Literal["harmful", "benign"]
    pair: str


def lines_of(suite: str, language: str) -> list[str]:
    return (HERE / suite / f"{language}.jsonl").read_text(encoding="utf-8").splitlines()


@cache
def cases_of(suite: str, language: str) -> tuple[Case, ...]:
    return tuple(msgspec.json.decode(line, type=Case) for line in lines_of(suite, language))


def grams_of(text: str) -> frozenset[str]:
    squeezed = " ".join(text.lower().split())
    return frozenset(squeezed[at : at + GRAM_CHARACTERS] for at in range(len(squeezed) - GRAM_CHARACTERS + 1))


def script_share(text: str, script: str) -> float:
    """Share of the letters outside hosts that belong to the script, 0..1."""
    letters = [letter for letter in HOST.sub("", text) if letter.isalpha()]
    return sum(unicodedata.name(letter, "").startswith(script) for letter in letters) / max(1, len(letters))


@EACH_FILE
def test_lines_are_plain_json_with_the_keys_in_order(suite: str, language: str) -> None:
    for line in lines_of(suite, language):
        row = json.loads(line)
        assert tuple(row) == Case.__struct_fields__
        assert line == json.dumps(row, ensure_ascii=False)
        assert row["text"] == row["text"].strip() != ""


@EACH_FILE
def test_ids_rise_without_holes(suite: str, language: str) -> None:
    cases = cases_of(suite, language)
    prefix = f"{SUITES[suite]}-{language}"
    assert [case.id for case in cases] == [f"{prefix}-{number:03}" for number in range(1, len(cases) + 1)]


@EACH_FILE
def test_half_of_the_cases_are_benign(suite: str, language: str) -> None:
    cases = cases_of(suite, language)
    assert len(cases) >= CASES_MIN
    benign = sum(case.label == "benign" for case in cases)
    assert abs(benign / len(cases) - 0.5) <= BENIGN_SHARE_TOLERANCE


@EACH_FILE
def test_every_functionality_has_cases_enough(suite: str, language: str) -> None:
    counts = Counter(case.functionality for case in cases_of(suite, language))
    assert set(counts) == {*HARMFUL[suite], *BENIGN[suite]}
    assert len(counts) >= FUNCTIONALITIES_MIN
    assert min(counts.values()) >= CASES_PER_FUNCTIONALITY_MIN, counts


@EACH_FILE
def test_label_category_and_sub_follow_from_the_functionality(suite: str, language: str) -> None:
    for case in cases_of(suite, language):
        expected = HARMFUL[suite].get(case.functionality, ("", ""))
        assert (case.category, case.sub) == expected, case.id
        assert case.label == ("harmful" if case.functionality in HARMFUL[suite] else "benign"), case.id


@EACH_FILE
def test_pairs_are_mutual_and_of_opposite_label(suite: str, language: str) -> None:
    by_id = {case.id: case for case in cases_of(suite, language)}
    paired = [case for case in by_id.values() if case.pair]
    for case in paired:
        assert by_id[case.pair].pair == case.id, case.id
        assert by_id[case.pair].label != case.label, case.id
    assert len(paired) >= PAIRED_SHARE_MIN * len(by_id)


@pytest.mark.slow
@EACH_FILE
def test_no_two_texts_are_near_copies(suite: str, language: str) -> None:
    grams = [(case.id, grams_of(case.text)) for case in cases_of(suite, language)]
    for (left_id, left), (right_id, right) in combinations(grams, 2):
        shared = len(left & right)
        assert shared < JACCARD_BELOW * (len(left) + len(right) - shared), f"{left_id} is nearly {right_id}"


@EACH_FILE
def test_texts_are_in_the_script_of_their_language(suite: str, language: str) -> None:
    for case in cases_of(suite, language):
        assert script_share(case.text, SCRIPTS[language]) > SCRIPT_SHARE_ABOVE, case.id


@EACH_FILE
def test_hosts_and_phones_are_made_up(suite: str, language: str) -> None:
    for case in cases_of(suite, language):
        for host in HOST.findall(case.text):
            assert EXAMPLE_HOST.fullmatch(host), f"{case.id}: {host}"
        for phone in PHONE_ABROAD.findall(case.text):
            assert "555" in phone, f"{case.id}: {phone}"


@pytest.mark.parametrize("suite", SUITES)
def test_the_readme_explains_every_functionality(suite: str) -> None:
    section = (HERE / "README.md").read_text(encoding="utf-8").lower().split(f"\n## {suite}\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \|(.+)\| (harmful|benign) \|$", section, re.MULTILINE)
    expected = dict.fromkeys(HARMFUL[suite], "harmful") | dict.fromkeys(BENIGN[suite], "benign")
    assert {name: label for name, _, label in rows} == expected
    for name, cells, _ in rows:
        assert all(len(cell.split()) >= 3 for cell in cells.split("|")), name
